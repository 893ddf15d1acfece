import type { LintMessage } from '../../../domain/schema/lint-codes';
import type { Trigger } from '../../../domain/schema/model';
import { literal, name } from '../../../domain/schema/mysql/quote';
import type { PlannedChange, Shadow } from '../../../domain/schema/plan';
import { helper, helperNames } from './names';
import { ServerError, type Session } from './session';
import { commentOf } from './state';
import { onTrial } from './trial';

/** The account lacks a right on the table; there is no such account. */
const [DENIED, NOBODY] = [1142, 1449];

/**
 * Accounts for whom triggers run, and whom their tables would be closed to under the names that they have beside the live
 * one: whoever was granted TRIGGER on the table alone. Nobody but the server knows that of others, so it is tried.
 */
export async function lintDefiners(session: Session, change: PlannedChange): Promise<LintMessage[]> {
  const messages: LintMessage[] = [];
  for (const { shadow } of change.operations) {
    const seen = new Set<string>();
    for (const trigger of shadow ? [...shadow.from.triggers, ...shadow.to.triggers] : []) {
      const definer = trigger.context?.definer ?? '';
      if (seen.has(definer)) continue;
      seen.add(definer);
      const why = await refused(session, change, shadow!, trigger, definer);
      if (why !== null)
        messages.push({
          ...{ code: 'RIGHTS_MISSING', table: shadow!.from.name, column: null, subject: trigger.name, rows: null },
          message: `${definer}, for whom trigger ${trigger.name} of ${shadow!.from.name} runs, ${why}`,
        });
    }
  }
  return messages;
}

/** @returns what is in the way, or null. */
async function refused(
  session: Session,
  change: PlannedChange,
  { from }: Shadow,
  { context }: Trigger,
  definer: string,
): Promise<string | null> {
  if (context === null) return null;
  const { trial } = helperNames(from.name);
  const [user, host] = [definer.replace(/@[^@]*$/, ''), definer.replace(/^.*@/, '')];
  return await onTrial(session, from.name, async () => {
    try {
      await session.execute(`CREATE TABLE ${name(trial)} (id INT) ENGINE=InnoDB COMMENT=${literal(commentOf(change))}`);
      await session.execute(
        `CREATE DEFINER=${name(user)}@${name(host)} TRIGGER ${name(helper(trial, 't'))} BEFORE DELETE ON ${name(trial)} ` +
          'FOR EACH ROW SET @gatewright_trial = 1',
      );
      // Only a row makes it run.
      await session.execute(`INSERT INTO ${name(trial)} VALUES (1)`);
      await session.execute(`DELETE FROM ${name(trial)}`);
      await session.execute('COMMIT');
      return null;
    } catch (error) {
      if (!(error instanceof ServerError)) throw error;
      if (error.errno === DENIED) return 'lacks TRIGGER in the schema: to have it on the table alone is not enough';
      // Rights of the engine's own account are told by themselves.
      return error.errno === NOBODY ? 'is not there any more' : null;
    }
  });
}
