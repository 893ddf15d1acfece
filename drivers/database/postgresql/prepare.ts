import { Failure } from '../../../domain/failures';
import { tableOf } from '../../../domain/schema/model';
import type { PlannedChange } from '../../../domain/schema/plan';
import { name } from '../../../domain/schema/postgresql/quote';
import { drifted, fingerprint } from './drift';
import { isPassing, patiently } from './engine-session';
import { createNewSide } from './ghost';
import { createGuards, guardsOf } from './guards';
import { createLog, createLogTriggers } from './log';
import { markOf } from './marks';
import { isNeededByTables } from './members';
import type { Point } from './points';
import { text } from './rows';
import { ServerError, type Session } from './session';
import type { ShadowTables } from './shadows';
import { shadowTable, type Fence } from './state';

/** Makes everything of a change that no user meets: the new side, logs, functions. All of it, or nothing. */
export async function makeHelpers(
  session: Session,
  fence: Fence,
  change: PlannedChange,
  shadows: readonly ShadowTables[],
): Promise<void> {
  const table = shadowTable(change.id);
  try {
    await fence.transaction(
      'READ COMMITTED',
      async () => {
        const [guard] = guardsOf(change.id);
        const [made] = await session.query('SELECT to_regprocedure($1) IS NOT NULL AS there', [`${guard!}()`]);
        if (made!.there === true) return;
        for (const operation of change.operations)
          if (isNeededByTables(operation) && operation.kind === 'CREATE')
            for (const statement of operation.ddl.main) await session.execute(statement);
        for (const { object, kind, name: own } of change.operations)
          if (object === 'table' && kind === 'CREATE')
            await createNewSide(session, change, tableOf(change.to, own)!, null);
        for (const shadow of shadows) {
          const { forward, back } = shadow;
          await createNewSide(session, change, shadow.shadow.to, await ownerOf(session, shadow.table));
          await createLog(session, forward, { source: forward.live, target: forward.target });
          await createLog(session, back, { source: forward.target, target: forward.live });
          await session.execute(`INSERT INTO ${table} (n, table_name) VALUES (${shadow.n}, $1)`, [shadow.table]);
        }
        await session.execute(createGuards(change.id).join('; '));
      },
      'SET LOCAL synchronous_commit = on; ',
    );
  } catch (error) {
    if (isPassing(error) || !(error instanceof ServerError) || (error as ServerError).fatal) throw error;
    const { message } = error as ServerError;
    throw new Failure('SCHEMA_REFUSED', `the new tables cannot be made: ${message}`, { cause: error });
  }
}

async function ownerOf(session: Session, table: string): Promise<string> {
  const [row] = await session.query(
    'SELECT pg_get_userbyid(relowner) AS owner FROM pg_class WHERE oid = $1::regclass',
    [name(table)],
  );
  return text(row!.owner);
}

/**
 * Puts the triggers of the log on every live table, one after another. It waits for those who write to the table, and
 * whoever writes later, whatever its snapshot, is noted.
 * @throws Failure CHANGE_DRIFTED when a table is not what the change was planned on.
 */
export async function startLogs(
  session: Session,
  fence: Fence,
  change: PlannedChange,
  shadows: readonly ShadowTables[],
  point: Point,
  signal: AbortSignal,
): Promise<void> {
  const marks = new Map<string, string>();
  for (const { table } of shadows) marks.set(table, await fingerprint(session, [table]));
  const planned = change.operations.flatMap(({ object, name: own }) => {
    const table = object === 'table' ? tableOf(change.from, own) : null;
    return table === null ? [] : [table];
  });
  const [other] = await drifted(session, planned);
  if (other !== undefined) throw new Failure('CHANGE_DRIFTED', `table ${other} is not what the change was planned on`);
  for (const shadow of shadows) {
    await point('prepare.trigger');
    await startLog(session, fence, change, shadow, marks.get(shadow.table)!, signal);
    await point('prepare.triggered');
  }
}

async function startLog(
  session: Session,
  fence: Fence,
  change: PlannedChange,
  shadow: ShadowTables,
  mark: string,
  signal: AbortSignal,
): Promise<void> {
  const table = shadowTable(change.id);
  const [row] = await session.query(`SELECT triggers FROM ${table} WHERE n = ${shadow.n}`);
  if (row!.triggers !== null) return;
  await patiently(
    session,
    async () => {
      await session.execute(`LOCK TABLE ${shadow.forward.live} IN SHARE ROW EXCLUSIVE MODE`);
      await fence.phase();
      if ((await fingerprint(session, [shadow.table])) !== mark)
        throw new Failure('CHANGE_DRIFTED', `table ${shadow.table} was altered while the change was prepared`);
      await session.execute(createLogTriggers(shadow.forward).join('; '));
      await session.execute(`UPDATE ${table} SET triggers = $1 WHERE n = ${shadow.n}`, [
        await markOf(session, shadow.table),
      ]);
    },
    signal,
  );
}
