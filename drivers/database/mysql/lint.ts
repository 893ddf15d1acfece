import { Failure } from '../../../domain/failures';
import { lintSchemas, type LintPolicy } from '../../../domain/schema/lint';
import { lintCodes, type LintMessage } from '../../../domain/schema/lint-codes';
import { tableOf } from '../../../domain/schema/model';
import type { PlannedChange } from '../../../domain/schema/plan';
import { compareTables } from '../../../domain/schema/table-change';
import { lintMySql } from './lint-mysql';
import { lintDefiners } from './lint-definers';
import { askRows } from './lint-rows';
import { lintServer } from './lint-server';
import { lintClaims, lintTables } from './lint-tables';
import { lintDisk, lintUse } from './lint-use';
import type { Session } from './session';

/** Everything that keeps a change from being made safely, as far as the schemas, the server and the rows tell. */
export async function lint(session: Session, change: PlannedChange, policy: LintPolicy): Promise<LintMessage[]> {
  const messages = [
    ...lintSchemas(change, change.operations, policy),
    ...(await lintUnsafe(session, change)),
    ...(await lintDisk(session, change, policy)),
    ...(await lintUse(session, change)),
  ];
  for (const to of change.to.tables) {
    const from = tableOf(change.from, to.name);
    const altered = from && compareTables(from, to, change.renames);
    if (altered) messages.push(...(await askRows(session, change, altered)));
  }
  return messages;
}

/** What must not be begun, whoever asked for it and whatever the rows are. */
async function lintUnsafe(session: Session, change: PlannedChange): Promise<LintMessage[]> {
  const server = await lintServer(session, change);
  const able = server.every(({ code }) => code !== 'RIGHTS_MISSING');
  return [
    ...server,
    ...lintTables(change),
    ...lintMySql(change),
    // It is tried, for which it needs its rights.
    ...(able ? await lintDefiners(session, change) : []),
    ...(await lintClaims(session, change)),
  ];
}

/** @throws Failure CHANGE_CONFLICT when another change has one of the tables, or one that is bound to them. */
export async function refuseClaimed(session: Session, change: PlannedChange): Promise<void> {
  const claims = await lintClaims(session, change);
  await session.execute('COMMIT');
  if (claims.length > 0)
    throw new Failure('CHANGE_CONFLICT', claims.map(({ message }) => message).join('; '), {
      data: { messages: claims },
    });
}

/** @throws Failure CHANGE_CONFLICT when another change has a table, SCHEMA_REFUSED for whatever else is not safe. */
export async function refuseUnsafe(session: Session, change: PlannedChange): Promise<void> {
  const messages = (await lintUnsafe(session, change)).filter(({ code }) => lintCodes[code].severity === 'error');
  await session.execute('COMMIT');
  if (messages.length === 0) return;
  const claimed = messages.filter(({ code }) => code === 'CHANGE_IN_PROGRESS');
  const told = (claimed.length > 0 ? claimed : messages).map(({ message }) => message).join('; ');
  throw new Failure(claimed.length > 0 ? 'CHANGE_CONFLICT' : 'SCHEMA_REFUSED', told, { data: { messages } });
}
