import { triggerStatements } from '../../../domain/schema/mysql/ddl';
import { name } from '../../../domain/schema/mysql/quote';
import type { Table, Trigger } from '../../../domain/schema/model';
import { patiently, SILENT, transaction } from './engine-session';
import type { ShadowTables } from './helpers';
import { helper } from './names';
import { text } from './rows';
import type { Session } from './session';
import type { Fence } from './state';

/*
 * Users' triggers fire once for every write of theirs, on the live side: the engine, which writes the other one, is silent
 * for them. So that neither side has to be touched in the moment of a swap, the new side has copies under other names.
 */

/** Gives the new side its triggers, before anything is written to it. */
export async function createCopies(
  session: Session,
  { shadow, names }: ShadowTables,
  signal: AbortSignal,
): Promise<void> {
  for (const trigger of shadow.to.triggers)
    await make(session, names.ghost, [guarded({ ...trigger, name: copyName(trigger) }, SILENTLY)], signal);
}

/** Gives a table that is made anew its triggers. */
export async function createOwn(
  session: Session,
  table: string,
  triggers: readonly Trigger[],
  signal: AbortSignal,
): Promise<void> {
  await make(session, table, triggers, signal);
}

/** Makes the triggers of the old side silent once it is not live any more: before anything is written to it. */
export async function silence(session: Session, { shadow, names }: ShadowTables, signal: AbortSignal): Promise<void> {
  const there = await triggersOn(session, names.old);
  for (const trigger of shadow.from.triggers)
    if (!there.get(trigger.name)?.startsWith(`IF ${SILENTLY} THEN`))
      await make(session, names.old, [guarded(trigger, SILENTLY)], signal);
}

/** Gives the old side, which stays, its triggers as they were written. */
export async function restoreOld(session: Session, { shadow }: ShadowTables, signal: AbortSignal): Promise<void> {
  const there = await triggersOn(session, shadow.from.name);
  for (const trigger of shadow.from.triggers)
    if (there.get(trigger.name)?.startsWith(`IF ${SILENTLY} THEN`))
      await make(session, shadow.from.name, [trigger], signal);
}

/**
 * Gives the new side, which stays, its triggers by their own names. Which of both fires, the copy or the other, is told by
 * the state of the change and turns for all of them at once, while nobody writes: so each fires once, whoever ends when.
 */
export async function restoreNew(
  session: Session,
  { shadow: { from, to }, names }: ShadowTables,
  fence: Fence,
  signal: AbortSignal,
): Promise<void> {
  // Their names are needed, and nobody writes there any more.
  const old = await triggersOn(session, names.old);
  for (const trigger of from.triggers)
    if (old.has(trigger.name)) await patiently(session, `DROP TRIGGER ${name(trigger.name)}`, signal);
  if (to.triggers.length === 0) return;
  const there = await triggersOn(session, to.name);
  const copies = to.triggers.filter((trigger) => there.has(copyName(trigger)));
  const flag = restored(fence.table, to.name);
  if (copies.length > 0 && !(await hasTurned(session, fence, to))) {
    for (const trigger of to.triggers) {
      await make(
        session,
        to.name,
        [guarded({ ...trigger, name: copyName(trigger) }, `${SILENTLY} AND NOT ${flag}`)],
        signal,
      );
      await make(session, to.name, [guarded(trigger, `${SILENTLY} AND ${flag}`)], signal);
    }
    await turn(session, fence, to, signal);
  }
  for (const copy of copies) await patiently(session, `DROP TRIGGER IF EXISTS ${name(copyName(copy))}`, signal);
  for (const trigger of to.triggers)
    if ((await triggersOn(session, to.name)).get(trigger.name)?.startsWith(`IF ${SILENTLY} AND`))
      await make(session, to.name, [trigger], signal);
}

/** A body without what was put around it. */
export function plainBody(body: string): string {
  return /^IF @gatewright_engine IS NULL.*? THEN\n([\s\S]*)\n; END IF$/.exec(body)?.[1] ?? body;
}

/** A definition with such a body. */
export function plainDefinition(definition: string): string {
  const [, head, body] = /^(\w+ \w+ FOR EACH ROW )([\s\S]*)$/.exec(definition)!;
  return `${head!}${plainBody(body!)}`;
}

const SILENTLY = `${SILENT} IS NULL`;

/** Whether the triggers of a table go by their own names; read as it is now, not as a transaction began. */
function restored(state: string, table: string): string {
  return `(SELECT FIND_IN_SET(HEX(${quoted(table)}), restored) > 0 FROM ${name(state)} WHERE id = 1 LOCK IN SHARE MODE)`;
}

async function hasTurned(session: Session, fence: Fence, { name: table }: Table): Promise<boolean> {
  const [row] = await session.query(
    `SELECT FIND_IN_SET(HEX(${quoted(table)}), restored) > 0 AS turned FROM ${name(fence.table)} WHERE id = 1`,
  );
  await session.execute('COMMIT');
  return Number(row!.turned) === 1;
}

async function turn(session: Session, fence: Fence, { name: table }: Table, signal: AbortSignal): Promise<void> {
  await patiently(session, `LOCK TABLES ${name(table)} WRITE, ${name(fence.table)} WRITE`, signal);
  try {
    await transaction(session, async () => {
      await fence.hold();
      await session.execute(
        `UPDATE ${name(fence.table)} SET restored = CONCAT(restored, ',', HEX(${quoted(table)})) WHERE id = 1`,
      );
    });
  } finally {
    await session.execute('UNLOCK TABLES');
  }
}

/** Text in a trigger's body, whatever sql_mode it is written under. */
function quoted(value: string): string {
  return `_utf8mb4 x'${Buffer.from(value).toString('hex')}'`;
}

function guarded(trigger: Trigger, condition: string): Trigger {
  const [, head, body] = /^(\w+ \w+ FOR EACH ROW )([\s\S]*)$/.exec(trigger.definition)!;
  // On a line of its own: the body may end with a comment.
  return { ...trigger, definition: `${head!}IF ${condition} THEN\n${body!.replace(/;\s*$/, '')}\n; END IF` };
}

function copyName({ name: own }: Trigger): string {
  return helper(own, 'n');
}

/** Makes triggers or makes them anew, each at once. */
async function make(session: Session, table: string, triggers: readonly Trigger[], signal: AbortSignal): Promise<void> {
  for (const statement of triggerStatements(table, triggers))
    if (statement.startsWith('CREATE '))
      await patiently(session, statement.replace('CREATE ', 'CREATE OR REPLACE '), signal);
    else await session.execute(statement);
}

async function triggersOn(session: Session, table: string): Promise<ReadonlyMap<string, string>> {
  const rows = await session.query(
    `SELECT trigger_name AS name, action_statement AS body FROM information_schema.triggers
     WHERE trigger_schema = database() AND event_object_table = ?`,
    [table],
  );
  return new Map(rows.map((row) => [text(row.name), text(row.body)]));
}
