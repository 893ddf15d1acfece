import { createHash } from 'node:crypto';
import { Failure } from '../../../domain/failures';
import { name } from '../../../domain/schema/mysql/quote';
import { Dialect, tableOf, type SchemaModel, type Trigger } from '../../../domain/schema/model';
import type { PlannedChange } from '../../../domain/schema/plan';
import { same } from '../../../domain/schema/table-change';
import { dialectOf, introspect } from './introspect';
import { MARK } from './names';
import { text } from './rows';
import type { Row, Session } from './session';
import { plainBody, plainDefinition } from './user-triggers';

/** @throws Failure CHANGE_DRIFTED when the tables of a change are not those that it was planned for. */
export async function checkPlanned(session: Session, change: PlannedChange): Promise<void> {
  const { tables } = usersOwn(await introspect(session));
  await session.execute('COMMIT');
  for (const { object, name: own } of change.operations) {
    if (object !== 'table') continue;
    const planned = tableOf(change.from, own);
    const there = tables.find((table) => table.name === own) ?? null;
    if (!same(planned, there))
      throw new Failure('CHANGE_DRIFTED', `table ${own} is not what the change was planned for`);
  }
}

/** A schema without what changes have made beside it, and with users' triggers as they were written. */
export function usersOwn(model: SchemaModel): SchemaModel {
  const tables = model.tables.filter((table) => !new RegExp(`${MARK}[golfcxyzsp]$`).test(table.name));
  return {
    ...model,
    tables: tables.map((table) => ({
      ...table,
      triggers: withoutCopies(table.triggers.filter((trigger) => !isOurs(trigger.name))),
    })),
  };
}

/** The triggers of a new side go by other names until the old one is gone. */
function withoutCopies(triggers: readonly Trigger[]): Trigger[] {
  const plain = triggers.map(({ name: own, definition, ...rest }) => ({
    ...{ name: own.replace(new RegExp(`${MARK}n$`), ''), definition: plainDefinition(definition), ...rest },
  }));
  return plain.filter((trigger, i) => plain.findIndex((other) => other.name === trigger.name) === i);
}

/** @throws Failure CHANGE_DRIFTED when a table is not what it was. */
export async function checkDrift(session: Session, table: string, known: string | undefined): Promise<void> {
  if (known !== (await fingerprint(session, table)))
    throw new Failure('CHANGE_DRIFTED', `table ${table} was changed since the change began`);
}

/**
 * What tells whether a table was changed behind the triggers, whatever it is called meanwhile: its definition, triggers,
 * and identity in the storage engine, which TRUNCATE and the changes of partitions change. Left out are the counter of
 * its ids and its foreign keys, which come and go with the side that is live.
 */
export async function fingerprint(session: Session, table: string): Promise<string> {
  const [made] = await session.query(`SHOW CREATE TABLE ${name(table)}`);
  const lines = text(made!['Create Table'])
    .split('\n')
    .slice(1)
    .filter((line) => !/^ {2}CONSTRAINT .* FOREIGN KEY /.test(line))
    // MySQL names checks after their table.
    .map((line) => line.replace(/^ {2}CONSTRAINT `.*_chk_(\d+)` CHECK /, '  CONSTRAINT chk_$1 CHECK '))
    .map((line) => line.replace(/,$/, '').replace(/^(\) ENGINE=.*?) AUTO_INCREMENT=\d+/, '$1'));
  const triggers = await session.query(
    `SELECT trigger_name AS name, event_manipulation AS event, action_timing AS timing, action_statement AS body
     FROM information_schema.triggers WHERE trigger_schema = database() AND event_object_table = ?
     ORDER BY event_manipulation, action_timing, action_order`,
    [table],
  );
  const ours = triggers.filter((row) => /[tn][iud]$/.test(text(row.name)) && isOurs(text(row.name))).length;
  const users = triggers
    .filter((row) => !isOurs(text(row.name)))
    .map((row) => [text(row.event), text(row.timing), plainBody(text(row.body))]);
  return JSON.stringify([
    digest(lines.join('\n')),
    ours,
    digest(JSON.stringify(users)),
    await identities(session, table),
  ]);
}

/** Those that write a log; copies of users' triggers are users'. */
function isOurs(trigger: string): boolean {
  return new RegExp(`${MARK}([tn][iud]|a\\d+[du])$`).test(trigger);
}

/** Needs PROCESS; without it, only a comparison of all rows tells of a TRUNCATE. */
async function identities(session: Session, table: string): Promise<string> {
  try {
    const rows =
      (await dialectOf(session)) === Dialect.mysql ? await onMySql(session, table) : await onMariaDb(session, table);
    return text(rows[0]!.ids);
  } catch {
    return 'unknown';
  }
}

async function onMariaDb(session: Session, table: string): Promise<readonly Row[]> {
  return await session.query(
    `SELECT GROUP_CONCAT(table_id ORDER BY table_id) AS ids FROM information_schema.innodb_sys_tables
     WHERE SUBSTRING_INDEX(CAST(name AS BINARY), '#P#', 1) =
       CAST(CONCAT(CAST(CONVERT(database() USING filename) AS BINARY), '/', CAST(CONVERT(? USING filename) AS BINARY)) AS BINARY)`,
    [table],
  );
}

/** MySQL writes names as those of files, but does not tell how: what is not ASCII stays unknown. */
async function onMySql(session: Session, table: string): Promise<readonly Row[]> {
  const [row] = await session.query('SELECT database() AS name');
  return await session.query(
    `SELECT GROUP_CONCAT(table_id ORDER BY table_id) AS ids FROM information_schema.innodb_tables
     WHERE SUBSTRING_INDEX(CAST(name AS BINARY), '#p#', 1) = CAST(? AS BINARY)`,
    [`${asFile(text(row!.name))}/${asFile(table)}`],
  );
}

function asFile(own: string): string {
  return own.replace(/[^\w]/g, (character) => `@${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function digest(statement: string): string {
  return createHash('sha256').update(statement).digest('hex').slice(0, 32);
}
