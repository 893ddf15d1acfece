import { tableOf } from '../../../domain/schema/model';
import { name } from '../../../domain/schema/mysql/quote';
import type { PlannedChange } from '../../../domain/schema/plan';
import { patiently } from './engine-session';
import { referringTables } from './foreign-keys';
import { MARK } from './names';
import { text } from './rows';
import type { Session } from './session';

/**
 * Gives indexes their names again. One that the server made for a foreign key by itself goes when another foreign key of
 * the same columns comes, which brings one of its own name.
 */
export async function nameIndexes(
  session: Session,
  change: PlannedChange,
  kept: 'old' | 'new',
  signal: AbortSignal,
): Promise<void> {
  const changed = change.operations.filter(({ object }) => object === 'table').map((operation) => operation.name);
  for (const own of new Set([...changed, ...referringTables(change)])) {
    const table = tableOf(kept === 'new' ? change.to : change.from, own);
    const there = await session.query(
      `SELECT index_name AS name, GROUP_CONCAT(HEX(column_name) ORDER BY seq_in_index) AS columns_
       FROM information_schema.statistics WHERE table_schema = database() AND table_name = ? GROUP BY index_name`,
      [own],
    );
    const names = there.map((row) => text(row.name));
    for (const row of there.filter(({ name: index }) => text(index).endsWith(`${MARK}k`))) {
      const lost = table?.indexes.find(
        ({ name: index, parts }) =>
          !names.includes(index) &&
          parts
            .map(({ column }) =>
              Buffer.from(column ?? '')
                .toString('hex')
                .toUpperCase(),
            )
            .join(',') === text(row.columns_),
      );
      if (lost === undefined) continue;
      const rename = `RENAME INDEX ${name(text(row.name))} TO ${name(lost.name)}`;
      await patiently(session, `ALTER TABLE ${name(own)} ${rename}`, signal);
      names.push(lost.name);
    }
  }
}
