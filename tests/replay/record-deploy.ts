import { randomUUID } from 'node:crypto';
import type { WorkflowHandle } from '@temporalio/client';
import {
  branchRunId,
  databaseRunId,
  DeployWorkflow,
  passwordRunId,
  queueWorkflowId,
  type PasswordVerifier,
} from '../../domain/deploy/contract';
import { defaultDatabaseSettings, type BranchRecord, type DatabaseRecord } from '../../domain/deploy/database';
import { defaultDeployPolicy } from '../../domain/deploy/states';
import { Failure } from '../../domain/failures';
import { taskQueue } from '../../domain/gateway/contract';
import { ActivityGate } from '../deploy/support/activity-gate';
import { changes, servers, shop } from '../deploy/support/servers';
import { DeployWorld, SERVER, testDeployPolicy, type Opened } from '../deploy/support/world';
import { eventually } from '../support/eventually';
import { testPolicy } from '../support/world';
import { ended, forget, keep, untilStuck } from './recording';

/*
 * Records the histories of databases and deploy requests that replay.test.ts replays: one run for every outcome, on a
 * real MariaDB. Run it again as record.ts is.
 *
 *     node -r ./tests/support/register.js tests/replay/record-deploy.ts
 */

const sql = changes.MariaDB;
const gate = new ActivityGate();

async function main(): Promise<void> {
  forget('deploy', 'database', 'branch');
  const served = await servers[0]![1]();
  const world = await DeployWorld.start(served.target, { ...testDeployPolicy, cutoverMs: 500, revertWindowMs: 2_000 });
  try {
    await world.startWorker([() => ({ inbound: gate })]);
    await requests(world);
    await resources(world);
  } finally {
    await world.close();
    await served.stop();
  }
}

async function requests(world: DeployWorld): Promise<void> {
  let database = await world.database(shop.MariaDB);
  let schema = '';
  const anew = async (): Promise<void> => {
    database = await world.database(shop.MariaDB);
    schema = (await world.branchNamed(database, 'main')).schema;
  };
  let number = 0;
  const opened = async (...statements: string[]): Promise<Opened> =>
    await world.open(database, await world.branch(database, `b${++number}`, statements));
  const ready = async (...statements: string[]): Promise<Opened> => {
    const request = await opened(...statements);
    await request.reaches('ready');
    return request;
  };
  const gated = async (...statements: string[]): Promise<Opened> => {
    const request = await ready(...statements);
    await request.tell('deploy');
    await request.reaches('pending_cutover');
    return request;
  };
  const live = async (...statements: string[]): Promise<Opened> => {
    const request = await gated(...statements);
    await request.tell('applyDeploy');
    await request.reaches('complete_pending_revert');
    return request;
  };
  const kept = async (request: Opened, name: string): Promise<void> => await keep(await ended(request.handle), name);
  const blocked = async (action: () => Promise<void>): Promise<void> => {
    const reader = await world.target.session(schema);
    await reader.execute('BEGIN');
    await reader.query('SELECT count(*) FROM orders');
    await action();
    reader.destroy();
  };
  const heldUp = async (request: Opened): Promise<void> =>
    void (await eventually(async () => {
      if ((await request.read()).deployment.error?.code !== 'CHANGE_BLOCKED') throw new Error('not yet');
    }));
  const failing = (activity: string): (() => void) =>
    gate.fail(activity, () => new Failure('CHANGE_DRIFTED', `${activity} failed`));

  const stories: Readonly<Record<string, () => Promise<Opened>>> = {
    skipped: async () => {
      const request = await live(sql.widen);
      await request.tell('skipRevert');
      return request;
    },
    'window-expired': async () => await live(sql.add),
    reverted: async () => {
      const request = await live(sql.widen);
      await request.tell('revert');
      return request;
    },
    'revert-refused-then-accepted': async () => {
      const request = await live(sql.add);
      await world.target.run(schema, ["UPDATE orders SET city = 'Oslo' WHERE id = 3"]);
      await request.tell('revert').catch(() => undefined);
      await request.tell('revert', { acceptLosses: true });
      return request;
    },
    'revert-held-up': async () => {
      const request = await live(sql.widen);
      await blocked(async () => {
        await request.tell('revert');
        await heldUp(request);
        await request.reaches('complete_pending_revert');
      });
      await request.tell('revert');
      return request;
    },
    'cut-over-held-up-then-forced': async () => {
      const request = await gated(sql.widen);
      await blocked(async () => {
        await request.tell('applyDeploy');
        await heldUp(request);
        await request.reaches('pending_cutover');
        await request.tell('forceCutover');
        await request.reaches('complete_pending_revert');
      });
      await request.tell('skipRevert');
      return request;
    },
    'applied-itself-after-a-hold-up': async () => {
      const request = await gated(sql.widen);
      await blocked(async () => {
        await request.tell('setAutoApply', { enable: true });
        await heldUp(request);
      });
      return request;
    },
    instant: async () => {
      const request = await ready(sql.add);
      await request.tell('deploy', { instant: true });
      return request;
    },
    'cancelled-at-the-gate': async () => {
      const request = await gated(sql.widen);
      await request.tell('setThrottle', { ratio: 0.5 });
      await request.handle.signal('revert', { by: 'bob' });
      await request.tell('cancel');
      return request;
    },
    'cancelled-by-temporal': async () => {
      const request = await gated(sql.widen);
      await request.handle.cancel();
      return request;
    },
    'cancel-stuck-then-retried': async () => {
      const request = await gated(sql.widen);
      const mended = failing('takeBack');
      await request.tell('cancel');
      const step = await untilStuck(request.handle);
      mended();
      await request.handle.executeUpdate('resolve', { args: [{ step, action: 'retry', reason: 'r', by: 'r' }] });
      return request;
    },
    'cancel-stuck-then-skipped': async () => {
      const request = await gated(sql.widen);
      const mended = failing('takeBack');
      await request.tell('cancel');
      const step = await untilStuck(request.handle);
      await request.handle.executeUpdate('resolve', { args: [{ step, action: 'skip', reason: 'r', by: 'r' }] });
      await request.reaches('complete_error');
      mended();
      await request.tell('completeDeploy');
      return request;
    },
    closed: async () => {
      const request = await ready(sql.widen);
      await request.handle.signal('check');
      await request.reaches('ready');
      await request.tell('close');
      return request;
    },
    'no-changes': async () => {
      const request = await opened();
      await request.reaches('no_changes');
      await request.tell('close');
      return request;
    },
    refused: async () => {
      const request = await opened(sql.narrow);
      await request.reaches('error');
      await request.tell('close');
      return request;
    },
    'refused-late': async () => {
      const request = await ready(sql.widen);
      await world.target.run(schema, ['ALTER TABLE orders DROP COLUMN amount']);
      await request.tell('deploy');
      return request;
    },
    'revert-failed': async () => {
      const request = await live(sql.widen);
      const mended = failing('revert');
      await request.tell('revert');
      await request.reaches('complete_revert_error');
      mended();
      await request.tell('completeDeploy');
      return request;
    },
    'finish-failed': async () => {
      const request = await live(sql.widen);
      const mended = failing('finish');
      await request.tell('skipRevert');
      await request.reaches('complete_error');
      mended();
      await request.tell('completeDeploy');
      return request;
    },
    'begun-again-at-the-gate': async () => {
      const request = await gated(sql.widen);
      await request.handle.terminate('lost');
      const again = await request.again();
      await again.tell('applyDeploy');
      await again.reaches('complete_pending_revert');
      await again.tell('skipRevert');
      return again;
    },
    'begun-again-in-the-window': async () => {
      const request = await live(sql.widen);
      await request.handle.terminate('lost');
      const again = await request.again();
      await again.tell('revert');
      return again;
    },
    ...Object.fromEntries(
      ['prepareChange', 'copy', 'prove', 'follow', 'cutOver'].map((activity) => [
        `failed-at-${activity}`,
        async () => {
          const request = await ready(sql.widen);
          await request.tell('setAutoApply', { enable: activity !== 'follow' });
          const mended = failing(activity);
          await request.tell('deploy');
          await request.reaches('complete_error');
          mended();
          await request.tell('completeDeploy');
          return request;
        },
      ]),
    ),
  };
  for (const [name, story] of Object.entries(stories)) {
    await anew();
    await kept(await story(), `deploy-${name}`);
  }

  await anew();
  const [first, second, third] = [await ready(sql.widen), await ready(sql.add), await ready(sql.drop)];
  for (const each of [first, second, third]) await each.tell('deploy');
  await first.reaches('pending_cutover');
  await second.tell('cancel');
  await kept(second, 'deploy-cancelled-in-the-queue');
  await first.tell('cancel');
  await kept(first, 'deploy-cancelled-with-others-waiting');
  await third.reaches('pending_cutover');
  await third.tell('cancel');
  await kept(third, 'deploy-waited');
  const { intoBranchId } = await third.read();
  const queue = queueWorkflowId({ databaseId: database.id, intoBranchId });
  await keep(await ended(world.temporal.client.workflow.getHandle(queue)), 'deploy-queue');
}

async function resources(world: DeployWorld): Promise<void> {
  const { organizationId } = world;
  const { databases, branches } = world.store.deploys;
  const begun = async (type: string, workflowId: string, life: object): Promise<WorkflowHandle> => {
    const input = { organizationId, policy: testPolicy, deploy: defaultDeployPolicy, ...life };
    return await ended(await world.temporal.client.workflow.start(type, { workflowId, taskQueue, args: [input] }));
  };
  const entered = async (): Promise<DatabaseRecord> => {
    const [id, branchId] = [randomUUID(), randomUUID()];
    return await databases.create({
      ...{ id, organizationId, name: `d-${id.slice(0, 8)}`, kind: 'mysql', server: SERVER, notes: '' },
      settings: defaultDatabaseSettings,
      branch: {
        ...{ id: branchId, name: 'main', parent: null, schema: `gw_main_${branchId.slice(0, 8)}`, adopted: false },
        ...{ production: true, safeMigrations: false, createdBy: 'test' },
      },
    });
  };
  const branched = async (database: DatabaseRecord, name: string): Promise<BranchRecord> => {
    const id = randomUUID();
    return await branches.create(organizationId, database.id, {
      ...{ id, name, parent: 'main', schema: `gw_${name}_${id.slice(0, 8)}`, adopted: false },
      ...{ production: false, safeMigrations: false, createdBy: 'test' },
    });
  };
  const failing = (activity: string): (() => void) => gate.fail(activity, () => new Failure('DATABASE_RIGHTS'));

  const database = await entered();
  const { id: databaseId } = database;
  await keep(
    await begun(DeployWorkflow.createDatabase, databaseRunId('create', databaseId), { databaseId }),
    'database-created',
  );
  const { schema } = await world.branchNamed(database, 'main');
  await world.target.run(schema, shop.MariaDB);
  const broken = await entered();
  let mended = failing('shape');
  await keep(
    await begun(DeployWorkflow.createDatabase, databaseRunId('create', broken.id), { databaseId: broken.id }),
    'database-create-failed',
  );
  const unmade = await branched(database, 'unmade');
  await keep(
    await begun(DeployWorkflow.createBranch, branchRunId('create', unmade.id), { databaseId, branchId: unmade.id }),
    'branch-create-failed',
  );
  mended();
  const branch = await branched(database, 'feature');
  const ref = { databaseId, branchId: branch.id };
  await keep(await begun(DeployWorkflow.createBranch, branchRunId('create', branch.id), ref), 'branch-created');
  const verifier: PasswordVerifier = { kind: 'mysql', nativePassword: `*${'0'.repeat(40)}`, cachingSha2: '' };
  const account = { ...ref, passwordId: randomUUID(), username: 'gw_recorded', role: 'reader' } as const;
  await keep(
    await begun(DeployWorkflow.password, passwordRunId(account.passwordId, 'create'), { ...account, verifier }),
    'branch-password-made',
  );
  mended = failing('makeAccount');
  const other = { ...account, passwordId: randomUUID(), username: 'gw_unmade' };
  await keep(
    await begun(DeployWorkflow.password, passwordRunId(other.passwordId, 'create'), { ...other, verifier }),
    'branch-password-failed',
  );
  mended();
  await keep(
    await begun(DeployWorkflow.password, passwordRunId(account.passwordId, 'delete'), { ...account, verifier: null }),
    'branch-password-dropped',
  );
  const look = { at: 'schema', branchId: branch.id };
  await keep(await begun(DeployWorkflow.inspect, 'inspect-recorded', { databaseId, look }), 'database-inspected');
  await keep(await begun(DeployWorkflow.deleteBranch, branchRunId('delete', branch.id), ref), 'branch-deleted');
  await keep(
    await begun(DeployWorkflow.deleteDatabase, databaseRunId('delete', databaseId), { databaseId }),
    'database-deleted',
  );
}

void main().then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);
