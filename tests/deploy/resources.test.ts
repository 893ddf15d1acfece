import { createHash, createHmac, pbkdf2Sync, randomBytes, randomUUID } from 'node:crypto';
import { Client as PgClient } from 'pg';
import { createConnection } from 'mysql2/promise';
import {
  branchRunId,
  databaseRunId,
  DeployWorkflow,
  passwordRunId,
  type BranchSchema,
  type WouldChange,
  type PasswordVerifier,
} from '../../domain/deploy/contract';
import {
  defaultDatabaseSettings,
  type BranchRecord,
  type BranchRole,
  type DatabaseRecord,
} from '../../domain/deploy/database';
import { defaultDeployPolicy } from '../../domain/deploy/states';
import { taskQueue } from '../../domain/gateway/contract';
import { testPolicy } from '../support/world';
import { ActivityGate } from './support/activity-gate';
import { changes, servers, shop, type Served, type ServerName } from './support/servers';
import { DeployWorld, SERVER } from './support/world';

/* Databases, branches and accounts, on real servers. */

jest.setTimeout(60_000);

const widen = { MariaDB: changes.MariaDB.widen, PostgreSQL: changes.PostgreSQL.widen };

describe.each(servers)('%s', (server, start) => {
  let served: Served;
  let world: DeployWorld;
  const gate = new ActivityGate();
  const policies = { policy: testPolicy, deploy: defaultDeployPolicy };

  beforeAll(async () => {
    served = await start();
    world = await DeployWorld.start(served.target);
    await world.startWorker([() => ({ inbound: gate })]);
  }, 180_000);
  afterAll(async () => {
    await world?.close();
    await served?.stop();
  });

  const run = async (type: string, workflowId: string, life: object): Promise<unknown> =>
    await world.temporal.client.workflow.execute(type, {
      ...{ workflowId, taskQueue, args: [{ organizationId: world.organizationId, ...policies, ...life }] },
    });

  const entered = async (adopted?: string): Promise<DatabaseRecord> => {
    const [id, branchId] = [randomUUID(), randomUUID()];
    return await world.store.deploys.databases.create({
      ...{ id, organizationId: world.organizationId, name: `d-${id.slice(0, 8)}`, kind: served.target.kind, notes: '' },
      ...{ server: SERVER, settings: defaultDatabaseSettings },
      branch: {
        ...{ id: branchId, name: 'main', parent: null, schema: adopted ?? `gw_main_${branchId.slice(0, 8)}` },
        ...{ adopted: adopted !== undefined, production: true, safeMigrations: false, createdBy: 'test' },
      },
    });
  };

  const created = async (adopted?: string): Promise<DatabaseRecord> => {
    const database = await entered(adopted);
    await run(DeployWorkflow.createDatabase, databaseRunId('create', database.id), { databaseId: database.id });
    return (await world.store.deploys.databases.get(world.organizationId, database.id))!;
  };

  const branched = async (database: DatabaseRecord, name: string): Promise<BranchRecord> => {
    const id = randomUUID();
    await world.store.deploys.branches.create(world.organizationId, database.id, {
      ...{ id, name, parent: 'main', schema: `gw_${name}_${id.slice(0, 8)}`, adopted: false },
      ...{ production: false, safeMigrations: false, createdBy: 'test' },
    });
    await run(DeployWorkflow.createBranch, branchRunId('create', id), { databaseId: database.id, branchId: id });
    return await world.branchNamed(database, name);
  };

  const account = async (
    branch: BranchRecord,
    role: BranchRole,
    password: string,
  ): Promise<{ id: string; username: string }> => {
    const [id, username] = [randomUUID(), `gw_${randomBytes(8).toString('hex')}`];
    const { databaseId, id: branchId, organizationId } = branch;
    await world.store.deploys.passwords.create({
      ...{
        id,
        branchId,
        databaseId,
        organizationId,
        name: username,
        role,
        username,
        createdBy: 'test',
        expiresAt: null,
      },
    });
    const life = {
      databaseId,
      branchId,
      passwordId: id,
      username,
      role,
      verifier: verifierOf(served.target.kind, password),
    };
    await run(DeployWorkflow.password, passwordRunId(id, 'create'), life);
    return { id, username };
  };

  test('a database is made with its first branch; branches are what it is then, and know it', async () => {
    const database = await created();
    expect(database.state).toBe('ready');
    const main = await world.branchNamed(database, 'main');
    expect(main.state).toBe('ready');
    await served.target.run(main.schema, shop[server as ServerName]);
    const branch = await branched(database, 'feature');
    expect(branch.state).toBe('ready');
    const model = await served.target.model(main.schema);
    expect(await served.target.model(branch.schema)).toEqual(model);
    const base = await world.store.deploys.branches.base(world.organizationId, database.id, branch.id);
    expect(JSON.parse(base!)).toEqual(model);
    expect(await served.target.rows(branch.schema, 'SELECT count(*) AS n FROM orders')).toMatchObject([
      { n: expect.anything() as unknown },
    ]);

    const look = async (what: object): Promise<unknown> =>
      await run(DeployWorkflow.inspect, `inspect-${randomUUID()}`, { databaseId: database.id, look: what });
    expect(await look({ at: 'schema', branchId: branch.id })).toEqual({
      objects: [{ name: 'orders', text: expect.stringMatching(/^CREATE TABLE .orders/) as string }],
    } satisfies BranchSchema);
    await served.target.run(branch.schema, ['ALTER TABLE orders ADD COLUMN city varchar(20)']);
    for (const what of [
      { at: 'branch', branchId: branch.id },
      { at: 'change', branchId: branch.id, intoBranchId: main.id },
    ])
      expect(await look(what)).toMatchObject({
        operations: [{ kind: 'ALTER', table: 'orders' }],
        bytesNeeded: expect.any(Number) as number,
        diff: [{ name: 'orders', text: expect.stringMatching(/^\+.*city/m) as string }],
      });

    await served.target.run(branch.schema, [widen[server as ServerName]]);
    const { bytesNeeded } = (await look({ at: 'change', branchId: branch.id, intoBranchId: main.id })) as WouldChange;
    expect(bytesNeeded).toBeGreaterThan(16_000);

    await run(DeployWorkflow.deleteDatabase, databaseRunId('delete', database.id), { databaseId: database.id });
    expect(await world.store.deploys.databases.get(world.organizationId, database.id)).toBeNull();
    for (const { schema } of [main, branch])
      await expect(served.target.model(schema).then(({ tables }) => tables.length)).rejects.toThrow();
  });

  test('an adopted schema stays when its database goes; one that is not there cannot be adopted', async () => {
    await served.target.make('legacy', shop[server as ServerName]);
    const database = await created('legacy');
    await branched(database, 'feature');
    await run(DeployWorkflow.deleteDatabase, databaseRunId('delete', database.id), { databaseId: database.id });
    expect((await served.target.model('legacy')).tables).toHaveLength(1);
    const missing = await entered('missing');
    await expect(
      run(DeployWorkflow.createDatabase, databaseRunId('create', missing.id), { databaseId: missing.id }),
    ).rejects.toMatchObject({ cause: { type: 'NOT_FOUND' } });
    expect(await world.store.deploys.databases.get(world.organizationId, missing.id)).toMatchObject({
      state: 'failed',
    });
  });

  test('a schema of somebody else is neither taken nor dropped', async () => {
    const database = await entered();
    const { schema } = await world.branchNamed(database, 'main');
    await served.target.make(schema, shop[server as ServerName]);
    const other = schema.replace(/.$/, 'z');
    await served.target.make(other, []);
    await expect(
      run(DeployWorkflow.createDatabase, databaseRunId('create', database.id), { databaseId: database.id }),
    ).rejects.toMatchObject({ cause: { type: 'STATE_CONFLICT' } });
    expect((await served.target.model(schema)).tables).toHaveLength(1);
  });

  test.each(['schema', 'shape', 'ready'])('a branch whose making fails at %s leaves nothing', async (step) => {
    const database = await created();
    const name = { schema: 'makeSchema', shape: 'shape', ready: 'readyBranch' }[step]!;
    const recovered = gate.fail(name, () => new Error('it broke'));
    await expect(branched(database, 'broken')).rejects.toThrow();
    recovered();
    const branch = await world.branchNamed(database, 'broken');
    expect(branch.state).toBe('failed');
    await expect(served.target.model(branch.schema)).rejects.toThrow();
  });

  test('accounts may touch their branch alone, as far as their role goes', async () => {
    const database = await created();
    const main = await world.branchNamed(database, 'main');
    await served.target.run(main.schema, shop[server as ServerName]);
    const branch = await branched(database, 'feature');
    await served.target.run(branch.schema, ["INSERT INTO orders (note, amount) VALUES ('x', 1)"]);
    const roles: Record<BranchRole, readonly [can: string[], cannot: string[]]> = {
      reader: [['SELECT note FROM orders'], ["INSERT INTO orders (note, amount) VALUES ('y', 1)", 'DROP TABLE orders']],
      writer: [["INSERT INTO orders (note, amount) VALUES ('y', 1)"], ['SELECT note FROM orders', 'DROP TABLE orders']],
      readwriter: [
        ['SELECT note FROM orders', 'UPDATE orders SET amount = 2 WHERE amount = 1'],
        ['ALTER TABLE orders ADD z int'],
      ],
      admin: [
        [
          'ALTER TABLE orders ADD z int',
          'CREATE TABLE more (id int PRIMARY KEY)',
          'SELECT * FROM orders',
          'DROP TABLE more',
        ],
        [],
      ],
    };
    for (const [role, [can, cannot]] of Object.entries(roles) as [BranchRole, readonly [string[], string[]]][]) {
      const { id, username } = await account(branch, role, 'pa55-word');
      const execute = async (statement: string): Promise<void> =>
        await as(served.target, branch.schema, username, 'pa55-word', statement);
      for (const statement of can) await execute(statement);
      for (const statement of [...cannot, `SELECT * FROM ${main.schema}.orders`])
        await expect(execute(statement)).rejects.toThrow();
      const life = { databaseId: database.id, branchId: branch.id, passwordId: id, username, role, verifier: null };
      await run(DeployWorkflow.password, passwordRunId(id, 'delete'), life);
      await expect(execute(can[0]!)).rejects.toThrow();
    }
    // What somebody makes belongs to all who may change the branch.
    const [one, other] = [await account(branch, 'admin', 'p1'), await account(branch, 'admin', 'p2')];
    await as(served.target, branch.schema, one.username, 'p1', 'CREATE TABLE made (id int PRIMARY KEY)');
    await as(served.target, branch.schema, other.username, 'p2', 'ALTER TABLE made ADD more int');
    const reader = await account(branch, 'reader', 'p3');
    await as(served.target, branch.schema, reader.username, 'p3', 'SELECT * FROM made');
    await run(DeployWorkflow.deleteBranch, branchRunId('delete', branch.id), {
      databaseId: database.id,
      branchId: branch.id,
    });
    await expect(as(served.target, branch.schema, reader.username, 'p3', 'SELECT 1')).rejects.toThrow();
    expect(
      (await world.store.deploys.branches.get(world.organizationId, database.id, branch.id))!.deletedAt,
    ).not.toBeNull();
  });
});

function verifierOf(kind: 'mysql' | 'postgresql', password: string): PasswordVerifier {
  if (kind === 'postgresql') {
    const salt = randomBytes(16);
    const salted = pbkdf2Sync(password, salt, 4096, 32, 'sha256');
    const hmac = (text: string): Buffer => createHmac('sha256', salted).update(text).digest();
    const stored = createHash('sha256').update(hmac('Client Key')).digest('base64');
    return {
      kind,
      scramSha256: `SCRAM-SHA-256$4096:${salt.toString('base64')}$${stored}:${hmac('Server Key').toString('base64')}`,
    };
  }
  const sha1 = (data: Buffer | string): Buffer => createHash('sha1').update(data).digest();
  return { kind, nativePassword: `*${sha1(sha1(password)).toString('hex').toUpperCase()}`, cachingSha2: '' };
}

/** Runs a statement as whoever has that password. */
async function as(
  { kind, url }: Served['target'],
  schema: string,
  username: string,
  password: string,
  statement: string,
): Promise<void> {
  const { hostname, port, pathname } = new URL(url);
  if (kind === 'mysql') {
    const connection = await createConnection({
      host: hostname,
      port: Number(port),
      user: username,
      password,
      database: schema,
    });
    try {
      await connection.query(statement);
    } finally {
      connection.destroy();
    }
    return;
  }
  const client = new PgClient({
    host: hostname,
    port: Number(port),
    user: username,
    password,
    database: pathname.slice(1),
  });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
