import { startMariaDb } from '../../environment/mariadb';
import { openSession } from '../../drivers/database/mysql/session';
import { introspect } from '../../drivers/database/mysql/introspect';
import { mysqlDdl } from '../../domain/schema/mysql/ddl';
test('round trip', async () => {
  const m = await startMariaDb({ directory: '/tmp/gwmdb', port: 13310 });
  try {
  const s = await openSession(m.url);
  await s.execute('DROP DATABASE IF EXISTS a'); await s.execute('DROP DATABASE IF EXISTS b');
  await s.execute('CREATE DATABASE a'); await s.execute('CREATE DATABASE b'); await s.execute('USE a');
  for (const q of [
   "create function f(x int) returns int deterministic return x+1",
   "create sequence sq start with 5 increment by 2",
   `create table p (id int unsigned not null auto_increment primary key, n varchar(20) character set latin1 not null default 'it''s \\\\ x' comment 'a \\\\ ''b''', j json, e enum('a','b''c') default 'a', ts timestamp(3) not null default current_timestamp(3) on update current_timestamp(3), d decimal(10,2) default 1.50, g int as (y+1) virtual, h int as (y*2) stored, u char(36) default uuid(), t text, b bit(3) default b'101', y int check (y > 0), z int invisible default 3, c varchar(10) compressed, unique key un (n), key pre (t(10)), key de (d desc, y) comment 'hm', fulltext key ft (t), key ig (y) ignored, constraint ck check (d < 100 or n like 'a%')) comment='tab''le' row_format=dynamic stats_persistent=1`,
   "create table c (a int, b int, pid int unsigned, primary key(a,b), constraint fk1 foreign key (pid) references p(id) on delete cascade on update set null, key (pid))",
   "create table `we``ird \"x;--` (`sel``ect` int primary key) charset latin1",
   "create table pt (id int not null, yy int not null, primary key (id, yy)) partition by range (yy) (partition p0 values less than (10), partition p1 values less than maxvalue)",
   "create trigger tr1 before insert on c for each row set new.pid = f(new.pid)",
   "create trigger tr2 before insert on c for each row begin set new.pid = 1; end",
   "create view v as select id, n as nn from p where id > 3 with check option",
   "create view a_v (x) as select nn from v",
  ]) await s.execute(q);
  const one = await introspect(s);
  console.log(JSON.stringify(one, null, 1));
  await s.execute('USE b');
  await s.execute('SET foreign_key_checks=0');
  const ddl = [...one.routines.flatMap(mysqlDdl.createRoutine), ...one.sequences.flatMap(mysqlDdl.createSequence), ...one.tables.flatMap(mysqlDdl.createTable), ...[...one.views].reverse().flatMap(mysqlDdl.createView)];
  console.log(ddl.join(';\n'));
  for (const q of ddl) await s.execute(q);
  const two = await introspect(s);
  expect(two).toEqual(one);
  s.destroy();
  } finally { await m.stop(); }
}, 60000);
