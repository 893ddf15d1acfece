import type { PlannedChange } from '../../../domain/schema/plan';
import { name } from '../../../domain/schema/postgresql/quote';
import { bindingsOf, type Bindings } from './bindings';
import { isRemade, type Inventory } from './carry';
import type { Exchange } from './members';
import { isOwnTrigger } from './names';
import { text } from './rows';
import { liveNames, numberingOf, rememberNames, satellitesOf, type Numbering, type Satellite } from './satellites';
import type { Session } from './session';
import { routeOf } from './shadows';
import { viewGrantsOf } from './view-grants';

/** Finds out what a swap has to do, before anything is locked. */
export async function takeInventory(session: Session, change: PlannedChange, exchange: Exchange): Promise<Inventory> {
  const { leaving, coming, direction } = exchange;
  const bindings = new Map<string, Bindings>();
  const satellites = new Map<string, readonly Satellite[]>();
  const numberings: Numbering[] = [];
  for (const member of leaving) {
    bindings.set(member.table.name, await bindingsOf(session, member));
    satellites.set(member.table.name, await satellitesOf(session, member.table.name));
    const other = coming.find(({ shadow }) => shadow !== null && shadow === member.shadow);
    if (other) numberings.push(await numberingOf(session, routeOf(member.shadow!, direction).flow, member, other));
  }
  for (const member of coming) satellites.set(member.aside, await satellitesOf(session, member.aside));
  const remade = exchange.from.views.map((view) => view.name).filter((view) => isRemade(exchange, view));
  const kept = remade.filter((view) => exchange.to.views.some((each) => each.name === view));
  return {
    ...{ exchange, bindings, satellites, numberings },
    names: await liveNames(session, change.id),
    triggers: await ownTriggers(session, [
      ...leaving.map(({ table }) => table.name),
      ...coming.map(({ aside }) => aside),
    ]),
    viewGrants: await viewGrantsOf(session, kept),
  };
}

async function ownTriggers(
  session: Session,
  tables: readonly string[],
): Promise<{ readonly table: string; readonly trigger: string }[]> {
  const rows = await session.query(
    `SELECT u AS table, t.tgname AS trigger FROM unnest($1::text[], $2::text[]) x (u, q)
     JOIN pg_trigger t ON t.tgrelid = to_regclass(q) AND NOT t.tgisinternal ORDER BY 1, 2`,
    [tables, tables.map(name)],
  );
  return rows
    .map((row) => ({ table: text(row.table), trigger: text(row.trigger) }))
    .filter(({ trigger }) => isOwnTrigger(trigger));
}

/** Statistics that were made for a side get the names that the live side's have. */
export async function nameStatistics(
  session: Session,
  changeId: string,
  live: readonly Satellite[],
  next: readonly Satellite[],
  aside: (own: string) => string,
): Promise<void> {
  const names = Object.fromEntries(
    next.flatMap((each) => {
      const same = live.find((other) => other.kind === each.kind && aside(other.name) === each.name);
      return same && each.kind === 'STATISTICS' ? [[each.oid, same.name]] : [];
    }),
  );
  await rememberNames(session, changeId, names);
}
