import { randomUUID } from 'node:crypto';
import type { BranchRecord, DatabaseRecord } from '../../domain/deploy/database';
import type { WouldChange } from '../../domain/deploy/contract';
import { Failure } from '../../domain/failures';
import type { Rename } from '../../domain/schema/change';
import type { TimeRange } from '../../prisma/deploy-store';
import type { Deps } from '../deps';
import { actionCalls } from './actions';
import { created, ok, operates, reads, type Call, type Called } from './call';
import { insightCalls } from './insights';
import { Lives, refOf } from './lives';
import { Lookup, mustBeReady } from './lookup';
import { pageOf, pageView } from './pages';
import { reviewCalls } from './reviews';
import { begun, inspected } from './runs';
import * as shapes from './schemas';
import { requestView } from './views/request';
import { wouldChangeView } from './views/would';
import { settled } from './waiting';

const all = '/organizations/{organization}/databases/{database}/deploy-requests';
const one = `${all}/{number}`;

/** Deploy requests: opened, listed, shown, waited for. */
export function requestCalls(deps: Deps): Call[] {
  const { store, engine } = deps;
  const lookup = new Lookup(deps);
  const lives = new Lives(deps.settings);

  return [
    reads('get', all, { query: shapes.listRequests }, async (called) => {
      const { query, base, organizationId } = called;
      const database = await lookup.database(called);
      const page = await store.deploys.requests.list(organizationId, database.id, {
        ...pageOf(query),
        ...(query.state !== undefined && { state: query.state }),
        ...(query.branch !== undefined && { branch: query.branch }),
        ...(query.into_branch !== undefined && { intoBranch: query.into_branch }),
        ...(query.deployed_at !== undefined && { deployedAt: rangeOf(query.deployed_at) }),
        ...(query.running_at !== undefined && { runningAt: rangeOf(query.running_at) }),
      });
      const items = await lookup.shown(database, page.items);
      return ok(pageView(called, { items, total: page.total }, (each) => requestView(each, base)));
    }),

    operates('post', all, { query: shapes.dryRun, body: shapes.createRequest }, async (called) => {
      const { query, body, caller, organizationId, base } = called;
      const database = await lookup.database(called);
      const branch = await lookup.branchNamed(database, body.branch);
      const into = await lookup.branchNamed(database, body.into_branch ?? branch.parent ?? database.defaultBranch);
      mustDiffer(branch, into);
      mustBeReady(database, 'database');
      mustBeReady(branch);
      mustBeReady(into);
      if (query.dry_run) return ok(await wouldChange(called, { database, branch, into, renames: body.renames ?? [] }));
      const request = await store.deploys.requests.open({
        ...{ id: randomUUID(), organizationId, databaseId: database.id, notes: body.notes, actor: caller.label },
        ...{ branchId: branch.id, branch: branch.name, intoBranchId: into.id, intoBranch: into.name },
        autoCutover: body.auto_cutover ?? false,
        autoDeleteBranch: body.auto_delete_branch ?? false,
        throttle: database.settings.throttle,
        renames: body.renames ?? [],
      });
      await begun(deps, () => engine.deploys.startRequest(lives.request(database, request)));
      const [shown] = await lookup.shown(database, [request]);
      return created(requestView(shown!, base));
    }),

    reads('get', one, { query: shapes.showRequest }, async (called) => {
      const { database, request } = await lookup.request(called);
      const { wait } = called.query;
      const now = wait === undefined ? request : await settled(deps, request, wait, called.gone);
      const [shown] = await lookup.shown(database, [now]);
      return ok(requestView(shown!, called.base));
    }),
    ...actionCalls(deps),
    ...reviewCalls(deps),
    ...insightCalls(deps),
  ];

  async function wouldChange(
    { gone }: Pick<Called<unknown, unknown>, 'gone'>,
    { database, branch, into, renames }: Asked,
  ): Promise<object> {
    const look = { at: 'change', branchId: branch.id, intoBranchId: into.id, renames } as const;
    const would = await inspected<WouldChange>(deps, { ...refOf(database), look }, gone);
    return wouldChangeView(would, database, { branch: branch.name, into: into.name });
  }
}

/** What a request would be of. */
interface Asked {
  readonly database: DatabaseRecord;
  readonly branch: BranchRecord;
  readonly into: BranchRecord;
  readonly renames: readonly Rename[];
}

/** @throws Failure INVALID_INPUT */
function mustDiffer(branch: BranchRecord, into: BranchRecord): void {
  if (branch.id === into.id)
    throw new Failure('INVALID_INPUT', `${branch.name} cannot be deployed into itself; name another into_branch`);
}

/** Two times with two points between, either of which may be left out. @throws Failure INVALID_INPUT */
function rangeOf(text: string): TimeRange {
  const [from, until] = text.split('..').map((part) => {
    if (part === '') return undefined;
    const at = new Date(part);
    if (Number.isNaN(at.getTime()))
      throw new Failure('INVALID_INPUT', 'a range needs times as in 2026-01-01T00:00:00Z');
    return at;
  });
  return { ...(from && { from }), ...(until && { until }) };
}
