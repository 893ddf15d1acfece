import { randomUUID } from 'node:crypto';
import type { BranchSchema, Look, WouldChange } from '../../domain/deploy/contract';
import type { BranchRecord } from '../../domain/deploy/database';
import { Failure } from '../../domain/failures';
import type { Deps } from '../deps';
import { created, gone, ok, operates, reads, type Call, type Called } from './call';
import { Lives, refOf } from './lives';
import { Lookup, mustBeReady, type BranchFound } from './lookup';
import { schemaName } from './names';
import { pageOf, pageQuery, pageView, slice } from './pages';
import { passwordCalls } from './passwords';
import { Removals } from './removals';
import { begun, ended, inspected } from './runs';
import * as shapes from './schemas';
import { branchView, keyspaceView } from './views/branch';
import { lintView, textsView } from './views/lint';

const all = '/organizations/{organization}/databases/{database}/branches';
const one = `${all}/{branch}`;

type Anything = Called<unknown, unknown>;

/** Branches: schemas of their own, made from their parents', and what is told of them. */
export function branchCalls(deps: Deps): Call[] {
  const { store, engine } = deps;
  const lookup = new Lookup(deps);
  const lives = new Lives(deps.settings);
  const removals = new Removals(deps);

  const shown = async (found: BranchFound, base: string): Promise<object> => {
    const shards = await lookup.shardsOf(found.database, found.branch.name);
    return branchView(found, { base, address: lookup.serverOf(found.database)?.address ?? '', shards });
  };

  const changed = async (
    called: Anything,
    change: Partial<Pick<BranchRecord, 'production' | 'safeMigrations' | 'schemaChangedAt'>>,
  ) => {
    const { database, branch } = await lookup.branch(called);
    const changed = await store.deploys.branches.update(called.organizationId, database.id, branch.id, change);
    return ok(await shown({ database, branch: changed }, called.base));
  };

  const looked = async <T>(called: Anything, look: (found: BranchFound) => Look): Promise<T & BranchFound> => {
    const found = await lookup.branch(called);
    mustBeReady(found.branch);
    return { ...(await inspected<T>(deps, { ...refOf(found.database), look: look(found) }, called.gone)), ...found };
  };

  return [
    reads('get', all, { query: shapes.listBranches }, async (called) => {
      const { organizationId, query, base } = called;
      const database = await lookup.database(called);
      const page = await store.deploys.branches.list(organizationId, database.id, {
        ...pageOf(query),
        ...(query.q !== undefined && { q: query.q }),
        ...(query.production !== undefined && { production: query.production }),
        ...(query.safe_migrations !== undefined && { safeMigrations: query.safe_migrations }),
      });
      const items = await Promise.all(page.items.map((branch) => shown({ database, branch }, base)));
      const view = pageView(called, { items, total: page.total }, (each) => each);
      return ok(query.order === 'desc' ? { ...view, data: (view['data'] as unknown[]).toReversed() } : view);
    }),

    operates('post', all, { body: shapes.createBranch }, async (called) => {
      const { organizationId, caller, body, base } = called;
      const database = await lookup.database(called);
      mustBeReady(database, 'database');
      const parent = await lookup.branchNamed(database, body.parent_branch ?? database.defaultBranch);
      mustBeReady(parent);
      const id = randomUUID();
      const branch = await store.deploys.branches.create(organizationId, database.id, {
        ...{ id, name: body.name, parent: parent.name, createdBy: caller.label },
        schema: schemaName(database.name, body.name, id),
        ...{ adopted: false, production: false, safeMigrations: false },
      });
      await begun(deps, () => engine.deploys.createBranch(lives.branch(branch)));
      return created(await shown({ database, branch }, base));
    }),

    reads('get', one, {}, async (called) => ok(await shown(await lookup.branch(called), called.base))),

    operates('delete', one, { query: shapes.deleteBranch }, async (called) => {
      const found = await lookup.branch(called);
      const doomed = called.query.delete_descendants ? await withDescendants(found) : [found.branch];
      await mustBeFree(found, doomed);
      // A child goes before its parent.
      for (const branch of doomed.toReversed()) {
        const { organizationId, databaseId, id } = branch;
        const deleting = await store.deploys.branches.update(organizationId, databaseId, id, { state: 'deleting' });
        const runId = await begun(deps, () => removals.branch(found.database, deleting, called.caller.label));
        if (runId !== undefined) await ended(deps, runId, called.gone);
      }
      return gone;
    }),

    operates('post', `${one}/promote`, {}, (called) => changed(called, { production: true })),
    operates('post', `${one}/demote`, {}, (called) => changed(called, { production: false })),
    operates('post', `${one}/safe-migrations`, {}, (called) => changed(called, { safeMigrations: true })),
    operates('delete', `${one}/safe-migrations`, {}, (called) => changed(called, { safeMigrations: false })),
    operates('post', `${one}/refresh-schema`, {}, async (called) => {
      await changed(called, { schemaChangedAt: deps.now() });
      return gone;
    }),

    reads('get', `${one}/schema`, { query: shapes.branchSchema }, async (called) => {
      const { objects } = await looked<BranchSchema>(called, ({ branch }) => ({ at: 'schema', branchId: branch.id }));
      return ok(textsView(objects));
    }),
    reads('get', `${one}/diff`, {}, async (called) => {
      const { diff } = await looked<WouldChange>(called, ({ branch }) => ({ at: 'branch', branchId: branch.id }));
      return ok(textsView(diff));
    }),
    reads('get', `${one}/schema/lint`, { query: pageQuery }, async (called) => {
      const { lint, database } = await looked<WouldChange>(called, ({ branch }) => ({
        at: 'branch',
        branchId: branch.id,
      }));
      return ok(pageView(called, slice(lint, called.query), (each) => lintView(each, database.name)));
    }),
    reads('get', `${one}/keyspaces`, { query: pageQuery }, async (called) => {
      const { database, branch } = await lookup.branch(called);
      const shards = await lookup.shardsOf(database, branch.name);
      return ok(pageView(called, slice([branch], called.query), (each) => keyspaceView(database, each, shards)));
    }),
    ...passwordCalls(deps),
  ];

  /** A branch and everything that was made from it, parents first. */
  async function withDescendants({ database, branch }: BranchFound): Promise<BranchRecord[]> {
    const { organizationId, id } = database;
    const { items } = await store.deploys.branches.list(organizationId, id, { page: 1, perPage: 10_000 });
    const doomed = [branch];
    for (const each of doomed) doomed.push(...items.filter(({ parent }) => parent === each.name));
    return doomed;
  }

  /** @throws Failure STATE_CONFLICT where one of them is needed. */
  async function mustBeFree({ database }: BranchFound, doomed: readonly BranchRecord[]): Promise<void> {
    const inLine = await store.deploys.requests.inLine(database.organizationId, database.id);
    for (const { id, name } of doomed) {
      if (name === database.defaultBranch)
        throw new Failure('STATE_CONFLICT', `cannot delete: ${name} is the default branch of its database`);
      const active = inLine.find(({ branchId, intoBranchId }) => branchId === id || intoBranchId === id);
      if (active)
        throw new Failure(
          'STATE_CONFLICT',
          `cannot delete: deploy request ${active.number} is still active (state: ${active.deployment.state})`,
          { data: { state: active.deployment.state } },
        );
    }
  }
}
