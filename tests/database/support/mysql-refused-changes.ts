import type { NamedChange } from './named-changes';

/** What cannot be done to the table of mysql-named-changes.ts, or not safely, or not so that it can be taken back. */
export const mysqlRefused: readonly NamedChange[] = [
  {
    name: 'fewer digits than there are',
    statements: ['alter table T modify c decimal(3,2)'],
    outcome: 'VALUES_DO_NOT_FIT',
  },
  {
    name: 'fewer decimals than there are',
    statements: ['alter table T modify c decimal(8,1)'],
    outcome: 'VALUES_CHANGE',
  },
  { name: 'a number without its decimals', statements: ['alter table T modify c int'], outcome: 'VALUES_CHANGE' },
  {
    name: 'a number too large for its type',
    statements: ['alter table T modify y tinyint'],
    outcome: 'VALUES_DO_NOT_FIT',
  },
  {
    name: 'narrow text that does not fit',
    statements: ["alter table T modify a varchar(2) not null default 'x'"],
    outcome: 'VALUES_DO_NOT_FIT',
  },
  { name: 'text that is no number', statements: ['alter table T modify e int'], outcome: 'VALUES_DO_NOT_FIT' },
  { name: 'a time as a date', statements: ['alter table T modify dt date'], outcome: 'VALUES_CHANGE' },
  {
    name: 'a timestamp as a datetime',
    statements: ['alter table T modify ts datetime'],
    outcome: 'VALUES_CHANGE',
    says: 'its value depends on the time zone of whoever reads it: add a column, and fill it with CONVERT_TZ',
  },
  {
    name: 'a datetime as a timestamp',
    statements: ['alter table T modify dt timestamp null'],
    outcome: 'VALUES_CHANGE',
    says: 'its value would depend on the time zone of whoever writes it',
  },
  { name: 'a timestamp as text', statements: ['alter table T modify ts varchar(30)'], outcome: 'VALUES_CHANGE' },
  { name: 'a time of day as a datetime', statements: ['alter table T modify tm datetime'], outcome: 'VALUES_CHANGE' },
  { name: 'a less exact float', statements: ['alter table T modify db float'], outcome: 'VALUES_CHANGE' },
  { name: 'a float as text', statements: ['alter table T modify fl varchar(30)'], outcome: 'VALUES_CHANGE' },
  {
    name: 'an enum without a value that rows have',
    statements: ["alter table T modify en enum('ok')"],
    outcome: 'VALUES_DO_NOT_FIT',
  },
  {
    name: 'a set without a member that rows have',
    statements: ["alter table T modify st set('r', 'g')"],
    outcome: 'VALUES_DO_NOT_FIT',
  },
  {
    name: 'members of a set in another order',
    statements: ["alter table T modify st set('b', 'g', 'r')"],
    outcome: 'VALUES_CHANGE',
  },
  {
    name: 'a blob of too small a length',
    statements: ['alter table T modify bl varbinary(8)'],
    outcome: 'VALUES_DO_NOT_FIT',
  },
  {
    name: 'bytes as text that they are not',
    statements: ['alter table T modify bl text'],
    outcome: 'VALUES_DO_NOT_FIT',
  },
  {
    name: 'a character set that lacks characters',
    statements: ['alter table T modify la varchar(20) character set ascii'],
    outcome: 'VALUES_DO_NOT_FIT',
  },
  {
    name: 'a character set that is not supported',
    statements: ['alter table T modify la varchar(20) character set utf16'],
    outcome: 'UNSUPPORTED_CHARSET',
  },
  {
    name: 'a value that must be there and is not',
    statements: ['alter table T modify e varchar(10) not null'],
    outcome: 'NULLS_PRESENT',
  },
  {
    name: 'a unique index over rows that are equal',
    statements: ['alter table T add unique key z (b)'],
    outcome: 'DUPLICATES_PRESENT',
  },
  {
    name: 'a check that rows break',
    statements: ['alter table T add constraint z check (b > 3)'],
    outcome: 'CHECK_VIOLATED',
  },
  {
    name: 'a generated column that gives other values',
    statements: ['alter table T modify b int generated always as (h + 1) stored'],
    outcome: 'VALUES_CHANGE',
  },
  {
    name: 'a foreign key that rows break',
    given: ['create table parent_T (id int primary key)', 'insert into parent_T values (0), (1)'],
    statements: ['alter table T add constraint fk_T foreign key (b) references parent_T (id)'],
    outcome: 'FOREIGN_KEY_VIOLATED',
  },
  {
    name: 'a foreign key that cascades in a ring',
    statements: ['alter table T add z int, add constraint fk_T foreign key (z) references T (id) on delete cascade'],
    outcome: 'FOREIGN_KEY_CASCADES',
  },
  {
    name: 'a foreign key to another schema',
    statements: ['alter table T add z int, add constraint fk_T foreign key (z) references elsewhere.p (id)'],
    outcome: 'FOREIGN_KEY_TARGET',
  },
  { name: 'no key at all', statements: ['alter table T drop primary key, drop key uw'], outcome: 'NO_UNIQUE_KEY' },
  {
    name: 'a key of which the old form has no like',
    statements: ['alter table T drop primary key, drop key uw, add primary key (h)'],
    outcome: 'NO_UNIQUE_KEY',
  },
  { name: 'another storage engine', statements: ['alter table T engine = Aria'], outcome: 'UNSUPPORTED_ENGINE' },
  { name: 'a history of the rows', statements: ['alter table T add system versioning'], outcome: 'UNSUPPORTED_TABLE' },
  {
    name: 'partitions that do not hold all rows',
    statements: [
      'alter table T drop key uw',
      'alter table T partition by range (id) (partition p0 values less than (50))',
    ],
    outcome: 'VALUES_DO_NOT_FIT',
  },
  {
    name: 'partitions by list that do not hold all rows',
    statements: [
      'alter table T drop key uw',
      'alter table T partition by list (id % 3) (partition p0 values in (0, 1))',
    ],
    outcome: 'VALUES_DO_NOT_FIT',
  },
  {
    name: 'no column that a view reads',
    given: ['create view view_T as select id, a from T'],
    statements: ['alter table T drop a'],
    outcome: 'VIEW_IN_THE_WAY',
  },
  {
    name: 'no table that a view reads',
    given: ['create view view_T as select id from T'],
    statements: ['drop table T'],
    outcome: 'VIEW_IN_THE_WAY',
  },
  {
    name: 'no column that a trigger means',
    given: ["create trigger tr_T before insert on T for each row set new.e = concat(new.a, '')"],
    statements: ['alter table T drop a'],
    outcome: 'TRIGGER_IN_THE_WAY',
  },
];
