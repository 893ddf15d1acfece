import { Failure } from '../../../domain/failures';
import { name } from '../../../domain/schema/mysql/quote';
import { transaction } from './engine-session';
import { Mark } from './key-walk';
import type { Session } from './session';

/** Everything that a comparison writes down but who makes it. */
const OWN = [
  ...[Mark.proven, Mark.provenFirst, Mark.provenSecond, Mark.provenOther, Mark.provenOtherChunk],
  ...[Mark.differing, Mark.walked, Mark.compared, Mark.provenEnd, Mark.provenOtherEnd],
];

/** Says how far a comparison is, in the database, and whose it is: two that moved the same marks would miss rows. */
export class ProofMark {
  private run = -1;

  constructor(
    private readonly session: Session,
    private readonly cursor: string,
  ) {}

  /**
   * Takes the comparison over. One that found something begins anew, because what it found was told to nobody.
   * @returns what is there of it.
   */
  async take(): Promise<ReadonlySet<Mark>> {
    return await transaction(this.session, async () => {
      await raise(this.session, this.cursor);
      const marks = new Map(
        (await this.session.query(`SELECT id, copied FROM ${name(this.cursor)}`)).map(({ id, copied }) => [
          Number(id) as Mark,
          Number(copied),
        ]),
      );
      this.run = marks.get(Mark.prover)!;
      if ((marks.get(Mark.differing) ?? 0) === 0) return new Set(marks.keys());
      await forget(this.session, this.cursor);
      return new Set();
    });
  }

  /** Runs a transaction of whoever compares. @throws Failure CONFLICT when that is somebody else by now. */
  async transaction<T>(action: () => Promise<T>): Promise<T> {
    return await transaction(this.session, async () => {
      const [row] = await this.session.query(
        `SELECT copied FROM ${name(this.cursor)} WHERE id = ${Mark.prover} FOR UPDATE`,
      );
      if (Number(row?.copied) !== this.run)
        throw new Failure('CONFLICT', 'another process compares the same, or the sides were swapped meanwhile');
      return await action();
    });
  }

  /** Within a transaction. */
  async set(mark: Mark, count: number): Promise<void> {
    await this.session.execute(`REPLACE INTO ${name(this.cursor)} (id, copied) VALUES (${mark}, ${count})`);
  }

  /** How many rows of the live side were compared, by all who did. */
  async rows(): Promise<number> {
    return await transaction(this.session, async () => {
      const [row] = await this.session.query(`SELECT copied FROM ${name(this.cursor)} WHERE id = ${Mark.proven}`);
      return Number(row?.copied ?? 0);
    });
  }

  async end(): Promise<void> {
    await this.transaction(async () => await forget(this.session, this.cursor));
  }
}

/** Ends every comparison of a table, because what it compares is swapped. Within a transaction. */
export async function endProofs(session: Session, cursor: string): Promise<void> {
  await raise(session, cursor);
  await forget(session, cursor);
}

async function raise(session: Session, cursor: string): Promise<void> {
  await session.execute(
    `INSERT INTO ${name(cursor)} (id, copied) VALUES (${Mark.prover}, 1) ON DUPLICATE KEY UPDATE copied = copied + 1`,
  );
}

async function forget(session: Session, cursor: string): Promise<void> {
  await session.execute(`DELETE FROM ${name(cursor)} WHERE id IN (${OWN.join(', ')})`);
}
