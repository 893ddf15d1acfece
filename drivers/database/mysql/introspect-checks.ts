import type { Check } from '../../../domain/schema/model';
import { byTable, text, type Lookup } from './rows';
import type { Session } from './session';

/** The checks of all tables of the session's schema, by name. MariaDB has some that belong to a column. */
export async function checksOf(session: Session, dialect: 'mariadb' | 'mysql'): Promise<Lookup<Check>> {
  const rows = await session.query(
    dialect === 'mariadb'
      ? `SELECT table_name AS table_name, constraint_name AS name, check_clause AS expression, level AS level
         FROM information_schema.check_constraints WHERE constraint_schema = database()
         ORDER BY table_name, CAST(constraint_name AS BINARY)`
      : `SELECT t.table_name AS table_name, c.constraint_name AS name, c.check_clause AS expression, 'Table' AS level
         FROM information_schema.check_constraints c JOIN information_schema.table_constraints t
           ON t.constraint_schema = c.constraint_schema AND t.constraint_name = c.constraint_name
         WHERE c.constraint_schema = database() AND t.constraint_type = 'CHECK'
         ORDER BY table_name, CAST(name AS BINARY)`,
  );
  return byTable(rows, (row) => ({
    name: text(row.name),
    expression: text(row.expression),
    column: row.level === 'Column' ? text(row.name) : null,
    validated: true,
    comment: '',
  }));
}
