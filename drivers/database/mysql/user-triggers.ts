import { triggerStatements } from '../../../domain/schema/mysql/ddl';
import { name } from '../../../domain/schema/mysql/quote';
import type { Table, Trigger } from '../../../domain/schema/model';
import { patiently, SILENT } from './engine-session';
import type { ShadowTables } from './helpers';
import { helper } from './names';
import { text } from './rows';
import type { Session } from './session';

/**
 * Users' triggers fire once for every write of theirs, on the live side: the engine, which writes the other one, is silent
 * for them. So that neither side has to be touched in the moment of a swap, the new side has copies under other names.
 */
export async function createCopies(
  session: Session,
  { shadow, names }: ShadowTables,
  signal: AbortSignal,
): Promise<void> {
  const there = await triggersOn(session, names.ghost);
  for (const trigger of shadow.to.triggers) {
    const copy = { ...silent(trigger), name: copyName(trigger) };
    if (!there.has(copy.name)) await make(session, names.ghost, [copy], signal);
  }
}

/** Makes the triggers of a side silent that was live: before anything is written to it. */
export async function silence(
  session: Session,
  table: string,
  triggers: readonly Trigger[],
  signal: AbortSignal,
): Promise<void> {
  const there = await triggersOn(session, table);
  for (const trigger of triggers) {
    const body = there.get(trigger.name);
    if (body === undefined || body.startsWith(GUARD)) continue;
    await patiently(session, `DROP TRIGGER ${name(trigger.name)}`, signal);
    await make(session, table, [silent(trigger)], signal);
  }
}

/** Gives the side that stays its triggers as they were written, while nobody writes. */
export async function restore(session: Session, live: Table, signal: AbortSignal): Promise<void> {
  const there = await triggersOn(session, live.name);
  const ours = live.triggers.flatMap((trigger) => {
    const [own, copy] = [there.get(trigger.name), there.get(copyName(trigger))];
    return [...(own?.startsWith(GUARD) ? [trigger.name] : []), ...(copy === undefined ? [] : [copyName(trigger)])];
  });
  if (ours.length === 0) return;
  await patiently(session, `LOCK TABLES ${name(live.name)} WRITE`, signal);
  try {
    for (const trigger of ours) await session.execute(`DROP TRIGGER ${name(trigger)}`);
    await make(session, live.name, live.triggers, signal);
  } finally {
    await session.execute('UNLOCK TABLES');
  }
}

const GUARD = `IF ${SILENT} IS NULL THEN`;

function silent(trigger: Trigger): Trigger {
  const [, head, body] = /^(\w+ \w+ FOR EACH ROW )([\s\S]*)$/.exec(trigger.definition)!;
  return { ...trigger, definition: `${head!}${GUARD} ${body!.replace(/;\s*$/, '')}; END IF` };
}

function copyName({ name: own }: Trigger): string {
  return helper(own, 'n');
}

async function make(session: Session, table: string, triggers: readonly Trigger[], signal: AbortSignal): Promise<void> {
  for (const statement of triggerStatements(table, triggers)) await patiently(session, statement, signal);
}

async function triggersOn(session: Session, table: string): Promise<ReadonlyMap<string, string>> {
  const rows = await session.query(
    `SELECT trigger_name AS name, action_statement AS body FROM information_schema.triggers
     WHERE trigger_schema = database() AND event_object_table = ?`,
    [table],
  );
  return new Map(rows.map((row) => [text(row.name), text(row.body)]));
}
