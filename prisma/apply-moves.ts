import type { Asked } from '../domain/rollout/apply';
import { readApplyOperation } from '../domain/rollout/apply-row';
import type { OperationNotes } from '../domain/rollout/decided';
import { canMove, operationMoves, type OperationMoveName } from '../domain/rollout/moves';
import { applyStateFacts, isSettled, knownState, normalState } from '../domain/rollout/states';
import { verdictOf, type Verdict } from '../domain/rollout/verdict';
import { Failure } from '../domain/failures';
import { changeOf, claimOf, newsOf, type OperationChange } from './apply-changes';
import { askedText, refused, unreadable, verdictText } from './apply-texts';
import { recordApplyEvents, type NewApplyEvent } from './apply-events';
import {
  briefOperations,
  rawOperation,
  rawOperations,
  type BriefOperation,
  type RawOperation,
} from './apply-operation-rows';
import { applyOf, nothingAsked } from './apply-rows';
import type { OperationKey } from './apply-store';
import type { Database } from './database';
import { Prisma } from './generated/sqlite/client';
import type { ApplyModel, ApplyOperationModel } from './generated/sqlite/models';
import { forUpdate } from './row-lock';
import type { Statements } from './statements';
import { table } from './table';

/** How many ids one statement takes. */
const LIMIT = 5_000;

/** Which apply is opened: by its id, or by that of one of its operations. */
export interface Opening {
  readonly organizationId: string;
  readonly applyId: string | { readonly ofOperation: string };
  /** Whether all of every operation is wanted. */
  readonly all: boolean;
}

/**
 * An apply with all its operations while nobody else moves any of them: its row is locked until the transaction ends.
 * Operations are written one by one; {@link end} then finds the state of the apply from all of them.
 */
export class OpenApply {
  readonly at = new Date();
  private readonly events: Omit<NewApplyEvent, 'version'>[] = [];
  private readonly said: string[] = [];
  private changes: Partial<ApplyModel> = {};

  private readonly known: Map<unknown, RawOperation>;

  private constructor(
    private readonly statements: Statements,
    readonly row: ApplyModel,
    /** All of them; those that are known in full among them. */
    private readonly brief: BriefOperation[],
    /** All of them, where they were asked for. */
    readonly operations: readonly RawOperation[] = [],
  ) {
    this.known = new Map(operations.map((each) => [each.id, each]));
  }

  /** @throws Failure NOT_FOUND */
  static async of(
    database: Database,
    statements: Statements,
    { organizationId, applyId, all }: Opening,
  ): Promise<OpenApply> {
    const id =
      typeof applyId === 'string'
        ? Prisma.sql`${applyId}`
        : Prisma.sql`(SELECT apply_id FROM apply_operation WHERE id = ${applyId.ofOperation})`;
    // The guard comes first: those that end at the same moment wait here, and none needs luck among retries.
    const [row] = await statements.rows<ApplyModel>(Prisma.sql`
      SELECT * FROM apply WHERE id = ${id} AND organization_id = ${organizationId} ${forUpdate(database)}`);
    if (!row) throw await absent(statements, organizationId, applyId);
    if (!all) return new OpenApply(statements, row, await briefOperations(database, statements, row.id));
    const operations = await rawOperations(database, statements, row.id);
    return new OpenApply(statements, row, [...operations], operations);
  }

  get isSettled(): boolean {
    return isSettled(this.row.state);
  }

  /** @throws Failure NOT_FOUND */
  async operation(id: string): Promise<RawOperation> {
    const known = this.known.get(id);
    if (known) return known;
    const place = this.brief.findIndex((each) => each.id === id);
    const row = place === -1 ? null : await rawOperation(this.statements, { id, applyId: this.row.id });
    if (!row) throw new Failure('NOT_FOUND', 'there is no such operation of the apply');
    this.brief[place] = row;
    this.known.set(id, row);
    return row;
  }

  /** The row of one that says of itself which epoch it is. @throws Failure STATE_CONFLICT; CONFLICT where it cannot be read. */
  async ownRow({ operationId, epoch }: OperationKey): Promise<RawOperation> {
    const row = await this.operation(operationId);
    const wrong = readApplyOperation(row, this.row.id);
    if (typeof wrong === 'string') throw unreadable(operationId, wrong);
    if (row.epoch !== epoch)
      throw refused(row, `another workflow has gone on with the operation (epoch ${wrong.epoch})`);
    return row;
  }

  /**
   * Moves an operation on; one that is there already is but noted.
   * @param by whether the operation's workflow says so, which then is there
   * @throws Failure STATE_CONFLICT where the move is not possible
   */
  async move(
    row: RawOperation,
    move: OperationMoveName,
    notes: OperationNotes,
    by: 'workflow' | 'apply',
  ): Promise<void> {
    const { to } = operationMoves[move];
    const from = knownState(String(row.state));
    if (from === to) return await this.write(row, newsOf(row, notes));
    if (from === null || !canMove(from, move))
      throw refused(row, `an operation that is ${String(row.state)} does not go to ${to} by ${move}`);
    const isThere = by === 'workflow' && row.worker === 'claimed';
    await this.write(row, { ...changeOf(row, move, notes, this.at), ...(isThere && { worker: 'alive' }) });
    const why = notes.error ? `: ${notes.error}` : '';
    const text = `${String(row.deployment)}: ${applyStateFacts[to].says}${why}`;
    this.events.push({ operationId: String(row.id), from, to, text });
  }

  /** Lets the next workflow of an operation begin. @returns its key, or null where somebody has it, or it has ended. */
  async claim(operationId: string): Promise<OperationKey | null> {
    const row = await this.operation(operationId);
    const read = readApplyOperation(row, this.row.id);
    if (typeof read === 'string' || isSettled(read.state)) return null;
    if (read.worker === 'claimed' || read.worker === 'alive') return null;
    await this.write(row, claimOf(row, this.at));
    return { organizationId: this.row.organizationId, operationId, epoch: row.epoch as number };
  }

  /** Writes a row where it is as it was read, by its epoch and state. @throws Failure CONFLICT */
  async write(row: RawOperation, change: OperationChange): Promise<void> {
    if (Object.keys(change).length === 0) return;
    const { id, epoch, state } = row;
    const [changed] = await table<ApplyOperationModel>(this.statements, 'applyOperation').updateManyAndReturn({
      where: { id, applyId: this.row.id, epoch, state },
      data: { ...change, updatedAt: this.at, resourceVersion: { increment: 1 } },
    });
    if (!changed) throw new Failure('CONFLICT', 'the operation changed in the meantime');
    for (const name of Object.keys(row) as (keyof RawOperation)[]) row[name] = changed[name];
  }

  /** Says of some operations why they wait. */
  async wait(rows: readonly RawOperation[], waits: string | null): Promise<void> {
    for (let start = 0; start < rows.length; start += LIMIT) {
      const ids = rows.slice(start, start + LIMIT).map(({ id }) => String(id));
      await this.statements.change(Prisma.sql`
        UPDATE apply_operation SET waits = ${waits}, updated_at = ${this.at}, resource_version = resource_version + 1
        WHERE apply_id = ${this.row.id} AND id IN (${Prisma.join(ids)})`);
    }
    for (const row of rows) row.waits = waits;
  }

  /** Notes what people ask, or what is over of it. */
  ask(asked: Partial<Asked>): void {
    const before = this.asked;
    const after = { ...before, ...asked };
    const said = askedText(before, after);
    if (said.length === 0) return;
    this.said.push(...said);
    this.changes.asked = JSON.stringify(after);
  }

  /** Takes back something of what was asked. */
  over(names: readonly (keyof Asked)[]): void {
    this.ask(Object.fromEntries(names.map((name) => [name, nothingAsked[name]])));
  }

  /** Notes something beside its state, once. */
  set(change: Pick<Partial<ApplyModel>, 'revertWindowEndsAt'>, text: string): void {
    Object.assign(this.changes, change);
    this.said.push(text);
  }

  /** Says something that has happened to it, though nothing of its row shows it. */
  say(text: string): void {
    this.said.push(text);
  }

  private get asked(): Asked {
    return applyOf({ ...this.row, ...this.changes }).asked;
  }

  /**
   * Finds the state of the apply from all its operations, and writes whatever is new of it by compare-and-swap. Every
   * write of an apply raises its version by one and has one event, so that the versions of those have no gap.
   * @throws Failure CONFLICT
   */
  async end(): Promise<ApplyModel> {
    const after = this.isSettled ? this.row : await this.swap();
    const { organizationId, databaseId, id: applyId, resourceVersion: version } = after;
    const of = { organizationId, databaseId, applyId, at: this.at };
    await recordApplyEvents(
      this.statements,
      of,
      this.events.map((event) => ({ ...event, version })),
    );
    return after;
  }

  private async swap(): Promise<ApplyModel> {
    const { row, at, brief: rows } = this;
    const from = normalState(row.state);
    const stored = { state: from, completedAt: row.completedAt, error: row.error };
    const paused = this.asked.pause !== null;
    const verdict = verdictOf({ applyId: row.id, expected: row.expected, rows, stored, paused, at });
    const data = { ...this.changes, ...this.news(verdict) };
    if (Object.keys(data).length === 0 && this.said.length === 0) return row;
    // Its state is part of the condition, too: nobody overwrites one that has ended.
    const [changed] = await table<ApplyModel>(this.statements, 'apply').updateManyAndReturn({
      where: { id: row.id, resourceVersion: row.resourceVersion, state: row.state },
      data: { ...data, updatedAt: at, resourceVersion: { increment: 1 } },
    });
    if (!changed) throw new Failure('CONFLICT', 'the apply changed in the meantime');
    const text = [...this.said, ...verdictText(row, verdict)].join('; ');
    this.events.push({ operationId: null, from, to: verdict.state, text });
    return changed;
  }

  /** What a verdict says that the row does not. */
  private news({ state, completedAt, error, determined, blamed }: Verdict): Partial<ApplyModel> {
    const { row } = this;
    const hasBegun = row.startedAt === null && this.brief.some(({ startedAt }) => startedAt !== null);
    const all: Partial<ApplyModel> = {
      ...{ state, completedAt, error, determined, blamed: JSON.stringify(blamed) },
      ...(hasBegun && { startedAt: this.at }),
    };
    return Object.fromEntries(Object.entries(all).filter(([name, value]) => row[name as keyof ApplyModel] !== value));
  }
}

/** Why there is no apply to open. */
async function absent(statements: Statements, organizationId: string, applyId: Opening['applyId']): Promise<Failure> {
  if (typeof applyId === 'string') return new Failure('NOT_FOUND', 'there is no such apply');
  const { ofOperation: id } = applyId;
  const row = await table(statements, 'applyOperation').findFirst({ where: { id, organizationId } });
  return row
    ? unreadable(id, 'it belongs to another apply')
    : new Failure('NOT_FOUND', 'there is no such operation of an apply');
}
