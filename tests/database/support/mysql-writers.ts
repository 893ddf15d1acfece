import { setTimeout as sleep } from 'node:timers/promises';
import { Failure } from '../../../domain/failures';
import { openSession, ServerError, type Session } from '../../../drivers/database/mysql/session';
import { rows } from './mysql-plan';

/** The schema that the writers write to: a table with triggers, its twin, and one that writes to it by a trigger. */
export const tortured = (count: number): string[] => [
  'create table par (id int auto_increment primary key)',
  `create table src (id int auto_increment primary key, u int unique, v varchar(30), c int, born int,
     gone varchar(20) not null default 'none', p int,
     constraint src_par foreign key (p) references par (id) on delete cascade, at timestamp(6) not null default current_timestamp(6) on update current_timestamp(6))`,
  'create table twin (id int primary key, v varchar(30), n int not null default 0)',
  `create table chd (k int auto_increment primary key, sid int,
     constraint chd_src foreign key (sid) references src (id) on delete cascade on update cascade)`,
  'create table oth (x int, t varchar(30))',
  'create table audit (tag varchar(30), op char(1), key (tag))',
  'create trigger ob after insert on oth for each row update src set v = new.t where id = new.x',
  'create trigger sb before insert on src for each row set new.c = abs(new.c)',
  "create trigger si after insert on src for each row insert into audit values (new.v, 'i')",
  "create trigger su after update on src for each row begin if not (old.v <=> new.v) then insert into audit values (new.v, 'u'); end if; end",
  `insert into src (v, c, born, gone) select 'init', seq, seq, concat('k', seq) from seq_1_to_${count}`,
  `insert into twin (id, v) select id, v from src`,
];

type Ledger = Map<number, string | null>;

/** Somebody who writes all the time, and knows what every one of his rows must be. */
export class Writer {
  /** What rows are; null for rows that are gone. */
  readonly rows: Ledger = new Map();
  /** What their twins are. */
  readonly twins: Ledger = new Map();
  /** Rows whose last write nobody answered: they are left alone from then on. */
  readonly unknown = new Set<number>();
  readonly refusals = new Map<number, number>();
  writes = 0;
  private live: number[] = [];
  private session: Session | null = null;
  private stopped = false;

  constructor(
    private readonly url: string,
    readonly n: number,
  ) {}

  async run(): Promise<void> {
    while (!this.stopped) await this.write();
    this.session?.destroy();
  }

  stop(): void {
    this.stopped = true;
  }

  private async write(): Promise<void> {
    const changed: Ledger = new Map();
    const twins: Ledger = new Map();
    const tag = `w${this.n}_${this.writes++}`;
    try {
      await this.act(await this.connected(), Math.random(), tag, changed, twins);
      for (const [id, value] of twins) this.twins.set(id, value);
      this.know(changed);
    } catch (error) {
      const errno = error instanceof ServerError ? error.errno : error instanceof Failure ? 0 : -1;
      if (errno === -1) throw error;
      this.refusals.set(errno, (this.refusals.get(errno) ?? 0) + 1);
      if (errno === 0 || (error as ServerError).fatal) {
        // The server may have done it before it went.
        for (const id of [...changed.keys(), ...twins.keys()]) this.unknown.add(id);
        this.live = this.live.filter((id) => !this.unknown.has(id));
        this.session?.destroy();
        this.session = null;
        await sleep(20);
      } else await this.session?.execute('rollback').catch(() => undefined);
    }
    await sleep(Math.random() * 3);
  }

  private know(changed: Ledger): void {
    for (const [id, value] of changed) {
      if (value === null) this.live = this.live.filter((own) => own !== id);
      else if (typeof this.rows.get(id) !== 'string') this.live.push(id);
      this.rows.set(id, value);
    }
    if (this.live.length > 300) this.live = this.live.slice(-200);
  }

  private async connected(): Promise<Session> {
    if (this.session !== null) return this.session;
    const session = await openSession(this.url);
    await session.execute('set innodb_lock_wait_timeout = 5, lock_wait_timeout = 20');
    if (this.n % 2 === 1) await session.execute("set sql_mode = ''");
    return (this.session = session);
  }

  private pick(): number | undefined {
    return this.live[Math.floor(Math.random() * this.live.length)];
  }

  private async act(session: Session, dice: number, tag: string, changed: Ledger, twins: Ledger): Promise<void> {
    const id = this.pick();
    if (dice < 0.25 || id === undefined) await this.insert(session, tag, changed);
    else if (dice < 0.45) await this.update(session, id, tag, changed);
    else if (dice < 0.52) {
      changed.set(id, null);
      await session.execute('delete from src where id = ?', [id]);
    } else if (dice < 0.6) {
      changed.set(id, tag);
      await session.execute('insert into oth values (?, ?)', [id, tag]);
    } else if (dice < 0.7) {
      const to = 1_000_000_000 + Math.floor(Math.random() * 1e9);
      changed.set(id, null);
      changed.set(to, this.rows.get(id)!);
      await session.execute('update src set id = ? where id = ?', [to, id]);
    } else if (dice < 0.72) await session.execute('insert into chd (sid) values (?)', [id]);
    else if (dice < 0.76) await this.cascade(session, tag, changed);
    else if (dice < 0.8) {
      // Rows that are skipped and rows that stay what they are.
      await session.execute('update ignore src set id = 1, c = c where id = ?', [id]);
    } else await this.transaction(session, dice, id, tag, changed, twins);
  }

  private async insert(session: Session, tag: string, changed: Ledger): Promise<number> {
    await session.execute('insert into src (v, c) values (?, -5)', [tag]);
    const [row] = await session.query('select last_insert_id() as id');
    changed.set(Number(row!.id), tag);
    return Number(row!.id);
  }

  /** A parent and its children, which go or stay with it. */
  private async cascade(session: Session, tag: string, changed: Ledger): Promise<void> {
    await session.execute('insert into par () values ()');
    const [row] = await session.query('select last_insert_id() as id');
    const own: number[] = [];
    for (const letter of ['x', 'y']) own.push(await this.insert(session, `${tag}${letter}`, changed));
    await session.execute(`update src set p = ? where id in (${own.join(', ')})`, [row!.id]);
    if (Math.random() < 0.3) return;
    for (const id of own) changed.set(id, null);
    await session.execute('delete from par where id = ?', [row!.id]);
  }

  private async update(session: Session, id: number, tag: string, changed: Ledger): Promise<void> {
    changed.set(id, tag);
    // A row that is there and is not hit would be a write that was lost.
    if ((await session.execute('update src set v = ? where id = ?', [tag, id])) !== 1) changed.set(id, 'MISSED');
  }

  private async transaction(
    session: Session,
    dice: number,
    id: number,
    tag: string,
    changed: Ledger,
    twins: Ledger,
  ): Promise<void> {
    const isolation = ['read committed', 'repeatable read', 'serializable'][Math.floor(Math.random() * 3)]!;
    await session.execute(`set transaction isolation level ${isolation}`);
    await session.execute('begin');
    await session.query('select count(*) from oth where x = ?', [id]);
    if (dice < 0.85) await sleep(Math.random() * 15);
    const own = new Map<number, string | null>();
    await session.execute('savepoint a');
    await session.execute("update src set v = 'ROLLED' where id = ?", [this.pick()]);
    await session.execute('delete from src where id = ?', [id]);
    await session.execute('rollback to a');
    await this.update(session, id, tag, own);
    const other = await this.insert(session, `${tag}b`, own);
    await session.execute('insert into twin (id, v) values (?, ?) on duplicate key update v = values(v)', [id, tag]);
    await session.execute('insert into twin (id, v) values (?, ?)', [other, tag]);
    await session.execute('update src set u = null where id in (?, ?)', [id, other]);
    await session.execute('update src set u = ? where id = ?', [id, other]);
    await session.execute('update src set u = ? where id = ?', [other, id]);
    for (const [key, value] of own) changed.set(key, value);
    for (const key of [id, other]) twins.set(key, tag);
    if (Math.random() < 0.3) {
      await session.execute('rollback');
      changed.clear();
      twins.clear();
      return;
    }
    await session.execute('commit');
  }
}

/** Compares what the writers know with what is there. */
export async function audit(
  url: string,
  writers: readonly Writer[],
): Promise<{ readonly checked: number; readonly wrong: readonly string[] }> {
  const read = async (query: string): Promise<Map<string, string>> =>
    new Map((await rows(url, query)).map((row) => [String(row.k), String(row.v)]));
  const [src, twin, tags] = [
    await read('select id as k, v from src'),
    await read('select id as k, v from twin'),
    await read('select tag as k, count(*) as v from audit group by tag'),
  ];
  const wrong: string[] = [];
  let checked = 0;
  for (const { n, rows: own, twins, unknown } of writers) {
    for (const [id, value] of own) {
      if (unknown.has(id)) continue;
      checked++;
      const there = src.get(String(id)) ?? null;
      if (there !== value) wrong.push(`src ${id} of ${n}: ${there}, not ${value}`);
      if (value !== null && tags.get(value) !== '1') wrong.push(`${value} was audited ${tags.get(value)} times`);
    }
    for (const [id, value] of twins) {
      if (unknown.has(id)) continue;
      checked++;
      if (twin.get(String(id)) !== value) wrong.push(`twin ${id}: ${twin.get(String(id))}, not ${value}`);
    }
  }
  return { checked, wrong };
}
