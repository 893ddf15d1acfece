import * as fc from 'fast-check';

/** A schema as somebody would write it, for a server to read. */
export interface WrittenSchema {
  readonly statements: readonly string[];
}

interface WrittenColumn {
  readonly type: string;
  readonly rest: string;
}

/** Types with what may stand behind them. Each is printed by the server in its own way. */
const columns: readonly (readonly [type: string, rests: readonly string[]])[] = [
  ['int', ['', 'not null default 7', "comment 'it''s \\\\ one'", 'default null']],
  ['bigint unsigned', ['', 'not null default 0']],
  ['varchar(20)', ['', "not null default ''", "default 'a''b\\\\c'", 'character set latin1', 'collate utf8mb4_bin']],
  ['varchar(40)', ['', "not null default (upper('x'))"]],
  ['decimal(10,2)', ['', 'not null default 1.50']],
  ['decimal(12,4)', ['']],
  ['datetime(3)', ['', 'default current_timestamp(3) on update current_timestamp(3)']],
  ['timestamp', ['not null default current_timestamp', "null default '2020-01-01 00:00:00'"]],
  ["enum('a','b','it''s')", ['', "not null default 'b'"]],
  ["set('x','y')", ['', "default 'x,y'"]],
  ['text', ['', "default ('long')"]],
  ['json', ['', "default ('{}')"]],
  ['bit(3)', ["default b'101'", '']],
  // MySQL adds no column whose default is another one in each row.
  ['char(36)', [process.env.MYSQL_URL ? 'default (lower(2))' : 'default (uuid())', '']],
  ['blob', ['']],
  ['double', ['', 'default 0.5']],
  ['year', ['']],
  ['int', ['invisible default 3', 'check (`COLUMN` > 0)']],
  ['int', ['as (`id` + 1) virtual', 'as (`id` * 2) stored']],
];

const columnNames = ['c1', 'c2', 'we`ird', 'select'];
const tableNames = ['t1', 't2', 't"3', 'önner'];

const column: fc.Arbitrary<WrittenColumn> = fc
  .constantFrom(...columns)
  .chain(([type, rests]) => fc.constantFrom(...rests).map((rest) => ({ type, rest })));

interface WrittenTable {
  readonly columns: readonly (readonly [name: string, column: WrittenColumn])[];
  readonly key: 'id' | 'pair' | 'none';
  readonly index: readonly string[];
  readonly reference: boolean;
  readonly cascade: string;
  readonly check: boolean;
  readonly comment: string;
  readonly charset: string;
  readonly partitioned: boolean;
  readonly trigger: boolean;
}

const table: fc.Arbitrary<WrittenTable> = fc.record({
  columns: fc
    .uniqueArray(fc.constantFrom(...columnNames), { minLength: 0, maxLength: 4 })
    .chain((names) => fc.tuple(...names.map((name) => column.map((made) => [name, made] as const)))),
  key: fc.constantFrom('id', 'pair', 'none') as fc.Arbitrary<WrittenTable['key']>,
  index: fc.uniqueArray(fc.constantFrom('plain', 'unique', 'prefix', 'descending', 'two'), { maxLength: 3 }),
  reference: fc.boolean(),
  cascade: fc.constantFrom('', 'on delete cascade', 'on delete set null on update cascade', 'on delete no action'),
  check: fc.boolean(),
  comment: fc.constantFrom('', "o''c\\\\d"),
  charset: fc.constantFrom('utf8mb4', 'latin1'),
  partitioned: fc.boolean(),
  trigger: fc.boolean(),
});

/** Schemas of up to four tables, views among them, that any MariaDB and MySQL take. */
export const mysqlSchema: fc.Arbitrary<WrittenSchema> = fc
  .uniqueArray(fc.constantFrom(...tableNames), { minLength: 1, maxLength: 4 })
  .chain((names) => fc.tuple(fc.constant(names), fc.tuple(...names.map(() => table)), fc.boolean()))
  .map(([names, tables, view]) => ({
    statements: [
      ...names.flatMap((name, i) => tableStatements(name, tables[i]!, i > 0 ? [names[i - 1]!, tables[i - 1]!] : null)),
      ...(view ? viewStatements(names[0]!) : []),
    ],
  }));

function tableStatements(name: string, made: WrittenTable, before: readonly [string, WrittenTable] | null): string[] {
  // A foreign key needs a key to refer to, and neither side may have partitions.
  const refers =
    made.reference && !made.partitioned && before !== null && before[1].key !== 'none' && !before[1].partitioned;
  const own = [
    ...['`id` int not null', '`other` int'],
    ...made.columns.map(
      ([column_, { type, rest }]) =>
        `${quoted(column_)} ${type} ${rest.replace('COLUMN', column_.replaceAll('`', '``'))}`,
    ),
  ];
  const keys = [
    ...(made.key === 'id' ? ['primary key (`id`)'] : made.key === 'pair' ? ['primary key (`id`, `other`)'] : []),
    ...made.index.map((kind) => indexes[kind as keyof typeof indexes]),
    ...(made.check ? [`constraint ${quoted(`ch'eck ${name}`)} check (\`id\` < 100 or \`id\` = 200)`] : []),
    ...(refers
      ? [
          `constraint ${quoted(`fk_${name}`)} foreign key (\`other\`) references ${quoted(before[0])} (\`id\`) ${made.key === 'pair' ? 'on delete cascade' : made.cascade}`,
        ]
      : []),
  ];
  const parts = made.partitioned
    ? ' partition by range (`id`) (partition p0 values less than (10), partition p1 values less than maxvalue)'
    : '';
  const statement = `create table ${quoted(name)} (${[...own, ...keys].join(', ')}) comment='${made.comment}' charset=${made.charset}${parts}`;
  const trigger = `create trigger ${quoted(`tr_${name}`)} before insert on ${quoted(name)} for each row set new.\`other\` = coalesce(new.\`other\`, 1)`;
  return [statement, ...(made.trigger ? [trigger] : [])];
}

const indexes = {
  plain: 'key `by other` (`other`)',
  unique: 'unique key `u` (`id`, `other`)',
  prefix: "key `two` (`other`, `id`) comment 'second'",
  descending: 'key `down` (`id` desc)',
  two: 'unique key `only` (`id`)',
};

function viewStatements(table: string): string[] {
  return [
    `create view \`v\` as select \`id\`, \`other\` as \`o\` from ${quoted(table)} where \`id\` > 3 with check option`,
    'create view `a view` as select `o` from `v`',
  ];
}

function quoted(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``;
}
