import type { Rename } from '../../domain/schema/change';
import type { LintPolicy } from '../../domain/schema/lint';
import type { Column } from '../../domain/schema/model';
import { isRefused, type LintMessage } from '../../domain/schema/lint-codes';
import type { PlannedChange } from '../../domain/schema/plan';
import { MySqlEngine } from '../../drivers/database/mysql/engine';
import type { TestMySql } from './support/servers';
import { planned, rows, run, work } from './support/mysql-plan';
import { privateMariaDb } from './support/servers';

let server: TestMySql;
let engine: MySqlEngine;

beforeAll(async () => {
  server = await privateMariaDb({ 'performance-schema': 'ON' });
  engine = new MySqlEngine({ url: `${server.url}app` });
}, 60_000);

afterAll(async () => await server.stop());

const policy: LintPolicy = { allowForeignKeys: true };

let lastPlan: PlannedChange;

/** What is said of a change. @param later what is there beside what the change was planned on. */
async function said(
  change: readonly string[],
  given: readonly string[],
  { later = [], renames = [], allowed = policy }: Beside = {},
): Promise<readonly LintMessage[]> {
  lastPlan = await planned(server.url, 'lint', given, change, renames);
  await run(`${server.url}app`, ...later);
  return await engine.lint(lastPlan, allowed, work().signal);
}

interface Beside {
  readonly later?: readonly string[];
  readonly renames?: readonly Rename[];
  readonly allowed?: LintPolicy;
}

const t = 'create table t (id int primary key, a varchar(40), n decimal(8,2), d datetime(3), e varchar(9), k int)';
const given = [
  t,
  'create table p (id int primary key, code varchar(9), key (code))',
  "insert into p values (1, 'x'), (2, 'y')",
  `insert into t values (1, 'long words', 1.50, '2020-01-01 10:00:00.500', 'one', 1), (2, 'other words', 700, null, 'two', 2),
     (3, 'x ', 1.50, '2020-01-01', 'two', 9), (4, '12', null, '2021-01-01', 'ONE', null)`,
];

test.each<[code: string, subject: string | null, rows: number, change: string]>([
  ['VALUES_DO_NOT_FIT', 'a', 2, 'alter table t modify a varchar(4)'],
  ['VALUES_CHANGE', 'a', 1, 'alter table t modify a char(40)'],
  ['VALUES_DO_NOT_FIT', 'a', 3, 'alter table t modify a int'],
  ['VALUES_DO_NOT_FIT', 'a', 2, 'alter table t modify a varbinary(5)'],
  ['VALUES_CHANGE', 'a', 3, 'alter table t modify a binary(10)'],
  ['VALUES_DO_NOT_FIT', 'n', 1, 'alter table t modify n tinyint'],
  ['VALUES_CHANGE', 'n', 2, 'alter table t modify n int'],
  ['VALUES_DO_NOT_FIT', 'n', 1, 'alter table t modify n decimal(4,2)'],
  ['VALUES_CHANGE', 'n', 2, 'alter table t modify n decimal(8,0)'],
  ['VALUES_CHANGE', 'd', 1, 'alter table t modify d datetime'],
  ['VALUES_CHANGE', 'd', 1, 'alter table t modify d date'],
  ['VALUES_DO_NOT_FIT', 'e', 2, "alter table t modify e enum('one')"],
  ['VALUES_CHANGE', 'e', 1, "alter table t modify e enum('one', 'two')"],
  ['VALUES_DO_NOT_FIT', 'k', 1, 'alter table t modify k bit(3)'],
  ['NULLS_PRESENT', 'n', 1, 'alter table t modify n decimal(8,2) not null'],
  ['NULLS_FILLED', 'n', 1, 'alter table t modify n decimal(8,2) not null default 3'],
  ['DUPLICATES_PRESENT', 'n', 2, 'alter table t add unique n (n)'],
  ['DUPLICATES_PRESENT', 'by_n', 2, 'alter table t add fresh int not null default 1, add unique by_n (n, fresh)'],
  ['DUPLICATES_PRESENT', 'fresh', 4, 'alter table t add fresh int not null default 1, add unique fresh (fresh)'],
  ['DUPLICATES_PRESENT', 'e', 4, 'alter table t add unique e (e(1))'],
  ['CHECK_VIOLATED', 'c', 1, 'alter table t add constraint c check (n < 100)'],
  ['FOREIGN_KEY_VIOLATED', 'fk', 1, 'alter table t add constraint fk foreign key (k) references p (id)'],
])('%s of %s: %d rows of %s', async (code, subject, count, change) => {
  const messages = await said([change], given);
  const found = messages.find((each) => each.code === code)!;
  expect(found).toMatchObject({ rows: { count } });
  expect([found.column, found.subject]).toContain(subject);
  expect(Number(found.rows!.example.id)).toBeGreaterThan(0);
  expect(found.message).toContain(`${count} rows of t`);
});

test('a key that tells fewer rows apart, a character that a set does not have, and a renamed column are found', async () => {
  const words = 'create table w (id int primary key, v varchar(20) collate utf8mb4_bin, unique key v (v))';
  const found = async (change: string, ...later: string[]): Promise<unknown> =>
    (await said([change], [words, ...later])).map(({ code, rows: seen }) => [code, seen?.count]);
  const cased = "insert into w values (1, 'a'), (2, 'A')";
  expect(await found('alter table w modify v varchar(20) collate utf8mb4_general_ci', cased)).toEqual([
    ['DUPLICATES_PRESENT', 2],
  ]);
  expect(
    await found('alter table w convert to character set latin1', "insert into w values (1, 'é'), (2, '表')"),
  ).toEqual([['VALUES_DO_NOT_FIT', 1]]);
  const renames = [{ table: 't', from: 'n', to: 'm' }];
  const messages = await said(['alter table t change n m tinyint not null, add constraint c check (m < 100)'], given, {
    renames,
  });
  expect(messages.map(({ code, rows: seen }) => [code, seen?.count])).toEqual([
    ['VALUES_DO_NOT_FIT', 1],
    ['VALUES_CHANGE', 2],
    ['NULLS_PRESENT', 1],
    ['CHECK_VIOLATED', 1],
  ]);
});

test.each<[code: string, subject: string | null, change: string, given: readonly string[]]>([
  ['VALUES_CHANGE', 'd', 'alter table t modify d datetime', ['create table t (id int primary key, d timestamp null)']],
  ['VALUES_CHANGE', 'd', 'alter table t modify d timestamp null', ['create table t (id int primary key, d datetime)']],
  [
    'VALUES_CHANGE',
    'd',
    'alter table t modify d varchar(30)',
    ['create table t (id int primary key, d timestamp null)'],
  ],
  ['NO_UNIQUE_KEY', null, 'alter table t add b int', ['create table t (id int)']],
  ['NO_UNIQUE_KEY', null, 'alter table t drop primary key', [t]],
  ['NO_UNIQUE_KEY', null, 'alter table t add b int', ['create table t (id double primary key)']],
  [
    'UNSUPPORTED_ENGINE',
    'MyISAM',
    'alter table t engine=InnoDB',
    ['create table t (id int primary key) engine=MyISAM'],
  ],
  ['UNSUPPORTED_ENGINE', 'Aria', 'create table u (id int primary key) engine=Aria', []],
  [
    'UNSUPPORTED_TABLE',
    null,
    'alter table t add b int',
    ['create table t (id int primary key) with system versioning'],
  ],
  ['UNSUPPORTED_CHARSET', 'a', 'alter table t modify a varchar(40) character set utf16', [t]],
  [
    'FOREIGN_KEY_TARGET',
    'fk',
    'alter table p drop key code',
    [
      'create table p (id int primary key, code varchar(9), key (code))',
      'create table t (id int primary key, p varchar(9), constraint fk foreign key (p) references p (code))',
    ],
  ],
  [
    'FOREIGN_KEY_CASCADES',
    null,
    'alter table t add b int',
    ['create table t (id int primary key, up int, constraint fk foreign key (up) references t (id) on delete cascade)'],
  ],
  ['VIEW_IN_THE_WAY', 'v', 'alter table t drop a', [t, 'create view v as select s.a as b from t s']],
  ['VIEW_IN_THE_WAY', 'v', 'drop table t', [t, 'create view v as select id from t']],
  [
    'TRIGGER_IN_THE_WAY',
    'x',
    'alter table t drop a',
    [t, "create trigger x before insert on t for each row set new.a = 'b'"],
  ],
  ['DROPS_DATA', 'a', 'alter table t drop a', [t]],
  ['DROPS_DATA', null, 'drop table t', [t]],
  ['MAYBE_RENAME', 'a', 'alter table t drop a, add z varchar(40)', [t]],
])('%s of %s: %s', async (code, subject, change, before) => {
  const unchecked = ['set foreign_key_checks = 0, system_versioning_alter_history = keep', change];
  const messages = await said(unchecked, before);
  const found = messages.filter((each) => each.code === code);
  expect(found.map(({ column, subject: about }) => about ?? column)).toEqual([subject]);
  expect(found[0]!.rows).toBeNull();
});

test('foreign keys that the server would refuse while everybody waits are refused before', async () => {
  const family = [
    'create table p (id int primary key)',
    'create table t (id int primary key, p int, constraint fk foreign key (p) references p (id) on delete set null)',
  ];
  await said(['alter table t add b int'], family);
  const altered = (what: Partial<Column>): PlannedChange => {
    const tables = lastPlan.to.tables.map((table) => ({
      ...table,
      columns: table.columns.map((column) => (column.name === 'p' ? { ...column, ...what } : column)),
    }));
    return { ...lastPlan, to: { ...lastPlan.to, tables } };
  };
  for (const [what, message] of [
    [{ type: 'bigint(20)' }, 't.p is bigint(20), and p.id, to which it refers, int(11)'],
    [{ nullable: false }, 'fk sets t.p to NULL, which it must not be'],
  ] as const)
    expect(await engine.lint(altered(what), policy, work().signal)).toMatchObject([
      { code: 'FOREIGN_KEY_TYPE', table: 't', column: 'p', subject: 'fk', message },
    ]);
});

test('foreign keys are refused where they are not allowed', async () => {
  const change = 'alter table t add constraint fk foreign key (k) references p (id)';
  const messages = await said([change], [t, 'create table p (id int primary key)'], {
    allowed: { allowForeignKeys: false },
  });
  expect(messages).toMatchObject([{ code: 'FOREIGN_KEY_FORBIDDEN', subject: 'fk' }]);
});

test('what is safe is passed', async () => {
  const change = [
    'alter table t modify a varchar(60), modify n decimal(12, 4), add b int default 3, modify d datetime(6)',
    'create table u (id int primary key)',
  ];
  expect(
    await said(change, [
      given[0]!,
      "insert into t values (1, 'x', 1.25, now(), 'one', 3)",
      'create view v as select a from t',
    ]),
  ).toEqual([]);
  await engine.prepare(lastPlan, work());
  await engine.cancel(lastPlan, work());
});

test('a table that somebody used is named before it is dropped', async () => {
  await run(server.url, 'drop database if exists app', 'create database app');
  expect((await said(['drop table gone'], ['create table gone (id int primary key)'])).map(({ code }) => code)).toEqual(
    ['DROPS_DATA'],
  );
  const messages = await said(['drop table gone'], ['create table gone (id int primary key)'], {
    later: ['insert into gone values (1), (2)', 'select * from gone'],
  });
  expect(messages.map(({ code }) => code)).toEqual(['DROPS_DATA', 'RECENTLY_USED']);
  expect(messages[1]!.message).toMatch(
    /^table gone was last written to at 20\S+ \S+ UTC, and had \d+ rows read and 2 written/,
  );
  expect(isRefused(messages)).toBe(false);
});

test('a copy that the disk does not hold is refused', async () => {
  const change = ['alter table t modify k bigint'];
  const messages = await said(change, given, { allowed: { ...policy, freeDiskBytes: 20_000 } });
  expect(messages).toMatchObject([{ code: 'NOT_ENOUGH_DISK' }]);
  expect(messages[0]!.message).toBe('copying t takes up to 32768 bytes, and 20000 are free');
  expect(await said(change, given, { allowed: { ...policy, freeDiskBytes: 40_000 } })).toEqual([]);
});

test.each<[setting: string, value: string, usual: string]>([
  ['binlog_format', 'STATEMENT', 'ROW'],
  ['log_bin_trust_function_creators', 'OFF', 'ON'],
  ['read_only', 'ON', 'OFF'],
])('%s = %s is refused before anything is touched', async (setting, value, usual) => {
  await run(
    server.url,
    "create or replace user engine@'127.0.0.1' identified by 'e'",
    "grant all on *.* to engine@'127.0.0.1'",
    "revoke super on *.* from engine@'127.0.0.1'",
  );
  const own = new MySqlEngine({ url: `${server.url.replace(/root:[^@]*/, 'engine:e')}app` });
  const change = await planned(server.url, 'set', [t], ['alter table t add b int not null default 1']);
  await run(server.url, `set global ${setting} = ${value}`);
  try {
    expect(await own.lint(change, policy, work().signal)).toMatchObject([{ code: 'SERVER_SETTING', subject: setting }]);
    await expect(own.prepare(change, work())).rejects.toMatchObject({
      code: 'SCHEMA_REFUSED',
      data: { messages: [{ subject: setting }] },
    });
    expect(
      await rows(server.url, "select table_name from information_schema.tables where table_schema = 'app'"),
    ).toEqual([{ table_name: 't' }]);
  } finally {
    await run(server.url, `set global ${setting} = ${usual}`);
  }
});

test('an account for whom a trigger runs has to have its rights in the whole schema', async () => {
  await run(server.url, "create or replace user mine@'%'");
  const trigger = "create definer = mine@'%' trigger x before insert on t for each row set new.k = 1";
  const change = await planned(server.url, 'mine', [t, trigger], ['alter table t add b int not null default 1']);
  await run(server.url, "grant trigger, select on app.t to mine@'%'");
  expect(await engine.lint(change, policy, work().signal)).toMatchObject([
    {
      code: 'RIGHTS_MISSING',
      table: 't',
      subject: 'x',
      message: expect.stringMatching(/^mine@%, .* lacks TRIGGER/) as unknown,
    },
  ]);
  await expect(engine.prepare(change, work())).rejects.toMatchObject({ code: 'SCHEMA_REFUSED' });
  await run(server.url, "grant trigger on app.* to mine@'%'");
  expect(await engine.lint(change, policy, work().signal)).toEqual([]);
  expect(await engine.leftovers()).toEqual([]);
});

test('a change in progress is named, of the table itself or of one that a foreign key binds to it', async () => {
  const family = [
    'create table p (id int primary key)',
    'create table t (id int primary key, p int references p (id), v int)',
    'create table far (id int primary key)',
  ];
  const first = await planned(server.url, 'first', family, ['alter table t modify v bigint']);
  const on = async (id: string, change: string): Promise<PlannedChange> => {
    await run(server.url, 'drop database branch', 'create database branch');
    await run(`${server.url}branch`, ...family, change);
    const branch = await new MySqlEngine({ url: `${server.url}branch` }).introspect();
    return await engine.plan(id, { from: first.from, to: branch, renames: [] }, { instant: false }, work().signal);
  };
  const [same, parent, far] = [
    await on('same', 'alter table t add w int'),
    await on('parent', 'alter table p add w int'),
    await on('far', 'alter table far add w int'),
  ];
  await engine.prepare(first, work());
  expect(await engine.introspect()).toEqual(first.from);
  for (const change of [same, parent]) {
    expect(await engine.lint(change, policy, work().signal)).toMatchObject([
      { code: 'CHANGE_IN_PROGRESS', table: 't', subject: 'first' },
    ]);
    await expect(engine.prepare(change, work())).rejects.toMatchObject({ code: 'CHANGE_CONFLICT' });
  }
  expect(await engine.lint(far, policy, work().signal)).toEqual([]);
  await engine.prepare(far, work());
  for (const change of [first, far]) await engine.cancel(change, work());
  expect(await engine.leftovers()).toEqual([]);
});
