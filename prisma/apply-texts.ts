import type { Asked } from '../domain/rollout/apply';
import { applyStateFacts } from '../domain/rollout/states';
import type { Verdict } from '../domain/rollout/verdict';
import { Failure } from '../domain/failures';
import type { RawOperation } from './apply-operation-rows';
import type { ApplyModel } from './generated/sqlite/models';

const asks: Readonly<Record<keyof Asked, string>> = {
  stop: 'a stop',
  pause: 'a pause',
  cutOver: 'the cut-over',
  cancel: 'a cancel',
  revert: 'a revert',
  acceptLosses: 'that losses are accepted',
  skipRevert: 'the end of the time for a revert',
};

/** What has changed of what people ask, as sentences for people. */
export function askedText(before: Asked, after: Asked): readonly string[] {
  return (Object.keys(asks) as (keyof Asked)[])
    .filter((name) => before[name] !== after[name])
    .map((name) => {
      const who = after[name];
      if (typeof who === 'string') return `${who} asked for ${asks[name]}`;
      return who === true ? 'losses are accepted' : `nobody asks for ${asks[name]} any more`;
    });
}

/** How many rows that are in the way an event names. */
const NAMED = 3;

/** What a verdict says of an apply that was not known before, as sentences for people. */
export function verdictText(before: ApplyModel, { state, error, determined, blamed }: Verdict): readonly string[] {
  if (!determined) {
    if (!before.determined && before.blamed === JSON.stringify(blamed)) return [];
    const named = blamed.slice(0, NAMED).map(({ operation, reason }) => `${operation}: ${reason}`);
    return blamed.length > NAMED ? [...named, `${blamed.length - NAMED} more are in the way`] : named;
  }
  if (state === before.state && before.determined) return [];
  return [`${applyStateFacts[state].says}${error === null ? '' : `: ${error}`}`];
}

/** What is done to an operation is not possible, or not any more. */
export function refused({ state, epoch }: RawOperation, message: string): Failure {
  return new Failure('STATE_CONFLICT', message, { data: { state, epoch } });
}

/** Worth another attempt: somebody repairs the row. */
export function unreadable(operationId: string, reason: string): Failure {
  const data = { reason: 'Unreadable' };
  return new Failure('CONFLICT', `the row of operation ${operationId} cannot be read: ${reason}`, { data });
}
