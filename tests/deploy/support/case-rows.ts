import type { DeploymentState } from '../../../domain/deploy/states';
import { leftOut, readCases, type Case } from '../../support/cases';

/** A row about deploy requests. Which members it has follows from its kind. */
export interface Row extends Case {
  readonly kind: string;
  readonly state: string | null;
  readonly action: string;
  readonly deployed?: boolean;
  readonly require_approval?: boolean;
  readonly message?: string | null;
  readonly expected: never;
  readonly migrations: readonly { status: string; ready_to_complete: boolean }[];
  readonly cutover_requested: boolean;
  readonly instant_ddl_requested: boolean;
  readonly previous: { readonly state: DeploymentState };
  readonly ratio: number;
  readonly volume: number;
  readonly given: Readonly<Record<string, unknown>>;
  readonly steps: readonly Readonly<Record<string, unknown>>[];
}

/** Where the rows of a kind are run; some in two places. */
export const runIn = {
  /** tests/deploy/cases.test.ts: by the tables of the domain. */
  domain: [
    ...['derive_state', 'engine_state', 'gate', 'clear_action', 'can_cancel', 'is_terminal', 'state_message_contains'],
    ...['throttle', 'volume_to_throttle'],
  ],
  /** tests/api/deploy-cases.test.ts: over HTTP. */
  api: ['action', 'throttle'],
  /** tests/deploy/case-stories.test.ts: with everything real. */
  stories: ['scenario', 'processor_rule', 'recommended'],
} as const;

const file = 'deploy_request_cases.json';

/** Those that are not run, by name, each with its reason. */
export const reasons = leftOut(file);

/** Every row, those that are left out, too. */
export const allRows: readonly Row[] = readCases<Row>(file);

/** The rows of some kinds, without those that are left out. */
export function rowsOf(...kinds: readonly string[]): Row[] {
  return allRows.filter(({ kind, name }) => kinds.includes(kind) && !Object.hasOwn(reasons, name));
}
