import { randomUUID } from 'node:crypto';
import { defaultDatabaseSettings, type DatabaseRecord } from '../../domain/deploy/database';
import { defaultRolloutSettings } from '../../domain/rollout/apply';
import { throttleOfPercent } from '../../domain/deploy/throttle';
import { Failure } from '../../domain/failures';
import type { Deps } from '../deps';
import { changedSettings } from '../rollout/settings';
import { administers, created, gone, ok, operates, reads, type Call } from './call';
import { queueCalls } from './queue';
import { Lives } from './lives';
import { Lookup } from './lookup';
import { schemaName } from './names';
import { pageOf, pageQuery, pageView, slice } from './pages';
import { Removals } from './removals';
import { begun, ended } from './runs';
import * as shapes from './schemas';
import { adopted, serverFor } from './servers';
import { askedRatio } from './throttle';
import { databaseView } from './views/database';
import { regionView } from './views/shared';
import { throttlerView } from './views/throttler';
import { webhookCalls } from './webhooks';

const all = '/organizations/{organization}/databases';
const one = `${all}/{database}`;

/** The first branch of every database that clients make. */
const FIRST_BRANCH = 'main';

/** Databases and what is set for them. */
export function databaseCalls(deps: Deps): Call[] {
  const { store, engine, settings } = deps;
  const lookup = new Lookup(deps);
  const lives = new Lives(settings);
  const removals = new Removals(deps);

  const shown = async (database: DatabaseRecord, base: string): Promise<object> => {
    const { organizationId, id } = database;
    const { items } = await store.deploys.branches.list(organizationId, id, { page: 1, perPage: 1_000 });
    const shards = await lookup.shardsOf(database, database.defaultBranch);
    return databaseView({ database, branches: items, shards }, base);
  };

  return [
    reads('get', all, { query: shapes.listDatabases }, async (called) => {
      const { organizationId, query, base } = called;
      const asked = { ...pageOf(query), ...(query.q !== undefined && { q: query.q }) };
      const { items, total } = await store.deploys.databases.list(organizationId, asked);
      return ok(
        pageView(called, { items: await Promise.all(items.map((each) => shown(each, base))), total }, (each) => each),
      );
    }),

    administers('post', all, { body: shapes.createDatabase }, async ({ organizationId, caller, body, base }) => {
      const { kind, name } = body;
      const server = body.adopt ? adopted(deps, caller, kind, body.adopt.server) : serverFor(deps, kind);
      const [id, branchId] = [randomUUID(), randomUUID()];
      const branch = body.default_branch ?? FIRST_BRANCH;
      const database = await store.deploys.databases.create({
        ...{ id, organizationId, name, kind, server: server.secret, notes: body.notes },
        settings: {
          ...defaultDatabaseSettings,
          ...revertWindow(deps),
          ...settingsOf(body),
          ...(body.rollout && { rollout: changedSettings(defaultRolloutSettings, body.rollout) }),
        },
        branch: {
          ...{ id: branchId, name: branch, parent: null, createdBy: caller.label },
          schema: body.adopt?.schema ?? schemaName(name, branch, branchId),
          adopted: body.adopt !== undefined,
          production: true,
          safeMigrations: false,
        },
      });
      await begun(deps, () => engine.deploys.createDatabase(lives.database(database)));
      return created(await shown(database, base));
    }),

    reads('get', one, {}, async (called) => ok(await shown(await lookup.database(called), called.base))),

    administers('patch', one, { body: shapes.updateDatabase }, async (called) => {
      const { body, base, organizationId } = called;
      const database = await lookup.database(called);
      if (body.default_branch !== undefined) await lookup.branchNamed(database, body.default_branch);
      const changed = await store.deploys.databases.update(organizationId, database.id, {
        ...(body.new_name !== undefined && { name: body.new_name }),
        ...(body.default_branch !== undefined && { defaultBranch: body.default_branch }),
        ...(body.notes !== undefined && { notes: body.notes }),
        settings: {
          ...settingsOf(body),
          ...(body.rollout && { rollout: changedSettings(database.settings.rollout, body.rollout) }),
        },
      });
      return ok(await shown(changed, base));
    }),

    administers('delete', one, {}, async (called) => {
      const database = await lookup.database(called);
      const { organizationId, id } = database;
      if (database.settings.deletionProtected)
        throw new Failure('STATE_CONFLICT', 'cannot delete: the database is protected against deletion');
      const [active] = await store.deploys.requests.inLine(organizationId, id);
      if (active)
        throw new Failure(
          'STATE_CONFLICT',
          `cannot delete: deploy request ${active.number} is still active (state: ${active.deployment.state})`,
          { data: { state: active.deployment.state } },
        );
      const doomed = await store.deploys.databases.update(organizationId, id, { state: 'deleting' });
      const runId = await begun(deps, () => removals.database(doomed, called.caller.label));
      if (runId !== undefined) await ended(deps, runId, called.gone);
      return gone;
    }),

    reads('get', `${one}/regions`, { query: pageQuery }, async (called) => {
      await lookup.database(called);
      return ok(pageView(called, slice([regionView], called.query), (each) => each));
    }),

    reads('get', `${one}/throttler`, {}, async (called) => {
      const database = await lookup.database(called);
      return ok(throttlerView(database, database, database.settings.throttle));
    }),

    operates('patch', `${one}/throttler`, { body: shapes.throttler }, async (called) => {
      const database = await lookup.database(called);
      const throttle = throttleOfPercent(askedRatio(called.body, database));
      const changed = await store.deploys.databases.update(called.organizationId, database.id, {
        settings: { throttle },
      });
      return ok(throttlerView(changed, changed, throttle));
    }),
    ...queueCalls(deps),
    ...webhookCalls(deps),
  ];
}

function settingsOf(body: shapes.DatabaseSettingsBody): Partial<DatabaseRecord['settings']> {
  return {
    ...(body.require_approval_for_deploy !== undefined && { requireApproval: body.require_approval_for_deploy }),
    ...(body.allow_own_approval !== undefined && { allowOwnApproval: body.allow_own_approval }),
    ...(body.allow_foreign_key_constraints !== undefined && { allowForeignKeys: body.allow_foreign_key_constraints }),
    ...(body.deletion_protected !== undefined && { deletionProtected: body.deletion_protected }),
    ...(body.revert_window_seconds !== undefined && { revertWindowMs: body.revert_window_seconds * 1000 }),
  };
}

function revertWindow({ settings }: Deps): { revertWindowMs: number } | undefined {
  return settings.databases && { revertWindowMs: settings.databases.policy.revertWindowMs };
}
