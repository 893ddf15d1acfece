import { name as quoted } from '../../../domain/schema/mysql/quote';
import type { Leftover } from '../engine';
import { CUT, helper, MARK } from './names';
import { text } from './rows';
import type { Session } from './session';

const pattern = `%${MARK.replaceAll('_', '\\_')}%`;

/**
 * Everything whose name has our mark, in the session's schema. Which change made it is told by the comments of its tables,
 * which share the beginning of their names with whatever else it made for the same table.
 */
export async function leftoversOf(session: Session): Promise<readonly Leftover[]> {
  const tables = await session.query(
    `SELECT table_name AS name, table_comment AS comment FROM information_schema.tables
     WHERE table_schema = database() AND table_name LIKE ? ORDER BY table_name`,
    [pattern],
  );
  const named = tables.map((row) => ({
    name: text(row.name),
    changeId: /^gatewright change (.+)$/.exec(text(row.comment))?.[1] ?? null,
  }));
  const changes = new Map(named.flatMap(({ name, changeId }) => (changeId === null ? [] : [[stem(name), changeId]])));
  const found = (kind: Leftover['kind'], name: string, table = name): Leftover => ({
    ...{ kind, name, changeId: changes.get(stem(table)) ?? null },
    holdsRows: false,
  });
  const held: Leftover[] = [];
  for (const { name } of named) held.push({ ...found('table', name), holdsRows: await holdsRows(session, name) });
  return [
    ...held,
    ...(await parts(session, 'trigger')).map(({ name, table }) => found('trigger', name, table)),
    ...(await parts(session, 'constraint')).map(({ name, table }) => found('constraint', name, table)),
    ...(await parts(session, 'index')).map(({ name, table }) => found('index', name, table)),
  ];
}

/** The sides themselves: everything else of ours can be made again. */
async function holdsRows(session: Session, table: string): Promise<boolean> {
  return /_gw_[go]$/.test(table) && (await session.query(`SELECT 1 FROM ${quoted(table)} LIMIT 1`)).length > 0;
}

/** What stands in the catalog by its own name, and on which table. */
const sources = {
  trigger: `SELECT trigger_name AS name, event_object_table AS own FROM information_schema.triggers
    WHERE trigger_schema = database() AND trigger_name LIKE ? ORDER BY 1`,
  constraint: `SELECT constraint_name AS name, table_name AS own FROM information_schema.table_constraints
    WHERE constraint_schema = database() AND constraint_name LIKE ? AND constraint_type = 'FOREIGN KEY' ORDER BY 1`,
  index: `SELECT DISTINCT index_name AS name, table_name AS own FROM information_schema.statistics
    WHERE table_schema = database() AND index_name LIKE ? ORDER BY 1`,
} as const;

async function parts(session: Session, kind: keyof typeof sources): Promise<{ name: string; table: string }[]> {
  const rows = await session.query(sources[kind], [pattern]);
  return rows.map((row) => ({ name: text(row.name), table: text(row.own) }));
}

/** What all names that were made for one table have in common: their beginning, or what stands for one that is cut. */
function stem(name: string): string {
  if (!name.includes(MARK)) return stem(helper(name, 'l'));
  const start = name.slice(0, name.lastIndexOf(MARK));
  return start.includes(CUT) ? start.slice(start.lastIndexOf(CUT)) : start;
}
