import type { Column } from '../../../domain/schema/model';
import { literal } from '../../../domain/schema/mysql/quote';
import { byTable, nullable, text, type Lookup } from './rows';
import type { Row, Session } from './session';

/** The columns of all tables of the session's schema, in their order. @param collations of the tables, by name. */
export async function columnsOf(
  session: Session,
  dialect: 'mariadb' | 'mysql',
  collations: ReadonlyMap<string, string>,
): Promise<Lookup<Column>> {
  const rows = await session.query(
    `SELECT table_name AS table_name, column_name AS name, column_type AS type, is_nullable AS nullable,
       column_default AS default_value, extra AS extra, generation_expression AS expression,
       character_set_name AS charset, collation_name AS collation, column_comment AS comment
     FROM information_schema.columns WHERE table_schema = database() ORDER BY table_name, ordinal_position`,
  );
  return byTable(rows, (row) => columnOf(row, dialect, collations.get(text(row.table_name))));
}

function columnOf(row: Row, dialect: 'mariadb' | 'mysql', tableCollation: string | undefined): Column {
  const extra = text(row.extra);
  const generated = /\b(VIRTUAL|STORED|PERSISTENT) GENERATED\b/i.exec(extra);
  const own = row.collation !== null && row.collation !== tableCollation;
  return {
    name: text(row.name),
    type: text(row.type),
    nullable: row.nullable === 'YES',
    default: generated ? null : defaultOf(row, dialect, extra),
    generated: generated && {
      expression: dialect === 'mysql' ? text(row.expression).replaceAll("\\'", "'") : text(row.expression),
      stored: generated[1]!.toUpperCase() !== 'VIRTUAL',
    },
    identity: /\bauto_increment\b/i.test(extra) ? { kind: 'auto_increment' } : null,
    onUpdate: /\bon update (\S+)/i.exec(extra)?.[1] ?? null,
    charset: own ? nullable(row.charset) : null,
    collation: own ? nullable(row.collation) : null,
    comment: text(row.comment),
    options: ['INVISIBLE', 'WITHOUT SYSTEM VERSIONING'].filter((option) => extra.toUpperCase().includes(option)),
  };
}

/** MariaDB tells an expression; MySQL tells the bare value, unless it says that it is an expression. */
function defaultOf(row: Row, dialect: 'mariadb' | 'mysql', extra: string): string | null {
  const value = nullable(row.default_value);
  if (value === null || dialect === 'mariadb') return value === 'NULL' ? null : value;
  if (!/DEFAULT_GENERATED/i.test(extra)) return /^b'/.test(value) ? value : literal(value);
  return /^current_timestamp/i.test(value) ? value : `(${value.replaceAll("\\'", "'")})`;
}
