import { isBeforeLive, refusalOf, type ApplyAction } from '../../../domain/rollout/actions';
import {
  defaultRolloutSettings,
  type ApplyOperation,
  type ApplyRecord,
  type Asked,
  type RolloutSettings,
  type Wanted,
} from '../../../domain/rollout/apply';
import { canMove, type OperationMoveName } from '../../../domain/rollout/moves';
import { nextOf, type Next } from '../../../domain/rollout/next';
import { applyNowOf } from '../../../domain/rollout/now';
import { isSettled, type ApplyState } from '../../../domain/rollout/states';
import { verdictOf } from '../../../domain/rollout/verdict';
import { changeOf, claimOf } from '../../../prisma/apply-changes';

/** How a simulated rollout is made. */
export interface Making extends Pick<RolloutSettings, 'cutover' | 'copies' | 'onFailure' | 'revertTogether'> {
  readonly size: number;
  readonly deferred: boolean;
}

type Row = { -readonly [Member in keyof ApplyOperation]: ApplyOperation[Member] };

const nothingAsked: Asked = {
  ...{ stop: null, pause: null, cutOver: null, cancel: null, revert: null, acceptLosses: false, skipRevert: null },
};

const REVERT_WINDOW_MS = 1_000;
const at = new Date(0);

/** A rollout without servers and workflows: rows, whoever works on them, and people. */
export class Simulation {
  apply: ApplyRecord;
  readonly rows: Row[];
  /** Rows that somebody made unreadable. */
  readonly broken = new Set<number>();
  now = 1_000;
  /** What the workflow of each epoch has heard. */
  private readonly heard = new Map<string, Wanted | null>();
  /** Looks at every decision before it is written. */
  onDecision: (next: Next, rows: readonly Row[]) => void = () => undefined;
  /** Looks at every move. */
  onMove: (row: Row, move: OperationMoveName) => void = () => undefined;

  constructor(readonly making: Making) {
    const { size, onFailure, deferred: _, ...settings } = making;
    this.rows = Array.from({ length: size }, (_each, position) => ({
      ...{ id: `op-${position}`, applyId: 'apply', deploymentId: `d-${position}`, deployment: `region-${position}` },
      ...{
        environment: '',
        server: 's',
        schema: `s${position}`,
        position,
        state: 'pending',
        onFailure,
        released: false,
      },
      ...{ epoch: 0, worker: 'none', wanted: null, attempts: 0, firstFailedAt: null, error: null, errorCode: null },
      ...{ waits: null, startedAt: null, cutOverAt: null, completedAt: null, createdAt: at, updatedAt: at },
      resourceVersion: 1,
    }));
    this.apply = {
      ...{ id: 'apply', organizationId: 'o', databaseId: 'd', number: 1, expected: size, state: 'pending' },
      ...{ determined: true, blamed: [], settings: { ...defaultRolloutSettings, ...settings, onFailure } },
      ...{ asked: nothingAsked, startedAt: null, revertWindowEndsAt: null, completedAt: null, error: null },
      ...{ createdAt: at, updatedAt: at, resourceVersion: 1 },
    };
  }

  get isSettled(): boolean {
    return isSettled(this.apply.state);
  }

  /** The rows as they are read. */
  get read(): readonly unknown[] {
    return this.rows.map((row, i) => (this.broken.has(i) ? { ...row, state: 'nobody knows' } : row));
  }

  /** Decides and writes. @param reaches whether those who are told hear it */
  decide(reaches: (id: string) => boolean = () => true): Next {
    const { deferred } = this.making;
    const circumstances = { deferred, revertWindowMs: REVERT_WINDOW_MS, now: new Date(this.now) };
    const next = nextOf(this.apply, this.read, [], circumstances);
    this.onDecision(next, this.rows);
    if (this.isSettled) return next;
    for (const { operationId, move, notes } of next.moves) this.write(this.row(operationId), move, notes);
    for (const id of next.claim) {
      const row = this.row(id);
      if (row.worker === 'claimed' || row.worker === 'alive' || isSettled(row.state)) continue;
      Object.assign(row, claimOf(row as never, new Date(this.now)));
    }
    for (const [id, wanted] of Object.entries(next.want)) this.row(id).wanted = wanted;
    for (const [id, waits] of Object.entries(next.waits)) this.row(id).waits = waits;
    if (next.revertWindowEndsAt && !this.apply.revertWindowEndsAt)
      this.apply = { ...this.apply, revertWindowEndsAt: next.revertWindowEndsAt };
    this.ask(Object.fromEntries(next.over.map((name) => [name, nothingAsked[name]])));
    for (const { id, epoch, wanted } of next.tell) if (reaches(id)) this.heard.set(`${id}:${epoch}`, wanted);
    return next;
  }

  /** Somebody says something, where that is allowed. */
  say(action: ApplyAction): void {
    const readable = this.rows.filter((_, i) => !this.broken.has(i));
    if (refusalOf(action, applyNowOf(this.apply, readable))) return;
    const asked: Partial<Record<ApplyAction, Partial<Asked>>> = {
      stop: { stop: 'somebody' },
      start: { stop: null },
      pause: { pause: 'somebody' },
      release: { pause: null },
      'apply-deploy': { cutOver: 'somebody' },
      cancel: { cancel: 'somebody', stop: null, pause: null },
      revert: { revert: 'somebody', skipRevert: null, stop: null, pause: null },
      'skip-revert': { skipRevert: 'somebody' },
    };
    if (action === 'release')
      for (const row of this.rows) if (row.state === 'failed' && row.onFailure === 'pause') row.released = true;
    if (action === 'retry')
      for (const row of this.rows)
        if (row.state === 'failed_retryable') Object.assign(row, { attempts: 0, firstFailedAt: null });
    this.ask(asked[action] ?? {});
  }

  /** Whoever works on an operation does the next thing; how that ends is up to fate. */
  work(position: number, fate: 'well' | 'later' | 'badly' | 'held up' | 'dies'): void {
    const row = this.rows[position]!;
    if (this.broken.has(position) || (row.worker !== 'claimed' && row.worker !== 'alive')) return;
    if (fate === 'dies') {
      row.worker = 'lost';
      return;
    }
    if (row.worker === 'claimed') return this.arrive(row);
    const wanted = this.heard.get(`${row.id}:${row.epoch}`) ?? null;
    const { state } = row;
    if (isSettled(state)) row.worker = 'none';
    else if (isBeforeLive(state) && !isSwapping(state)) this.workBeforeLive(row, wanted, fate);
    else if (isSwapping(state)) {
      if (fate === 'badly') this.end(row, 'fail');
      else this.write(row, fate === 'held up' && canMove(state, 'park') ? 'park' : 'open');
    } else if (state === 'revert_window') {
      if (wanted === 'revert') this.write(row, 'revert');
      if (wanted === 'skip_revert') this.write(row, 'skipRevert');
    } else if (state === 'skipping_revert') this.end(row, 'finish');
    else if (fate === 'held up' || fate === 'badly') {
      this.ask({ revert: null });
      this.heard.delete(`${row.id}:${row.epoch}`);
      if (fate === 'badly') this.end(row, 'fail');
      else this.write(row, 'holdUpRevert', { error: 'somebody has a lock' });
    } else this.end(row, 'reverted');
  }

  /** Goes on to when something is due. */
  wait(ms: number): void {
    this.now += ms;
  }

  private arrive(row: Row): void {
    row.worker = 'alive';
    this.heard.set(`${row.id}:${row.epoch}`, row.wanted);
    if (row.state === 'failed_retryable' && row.wanted !== 'cancel' && row.wanted !== 'stop') this.write(row, 'goOn');
    else if (row.state === 'cutting_over') this.write(row, 'recover');
  }

  private workBeforeLive(row: Row, wanted: Wanted | null, fate: 'well' | 'later' | 'badly' | 'held up'): void {
    const { state } = row;
    if (wanted === 'cancel') return this.end(row, 'cancel');
    if (wanted === 'stop' && state !== 'stopped') return this.end(row, 'stop');
    if (state === 'stopped' || state === 'failed_retryable') {
      row.worker = 'none';
      return;
    }
    if (fate === 'later') return this.end(row, 'failForNow');
    if (fate === 'badly') return this.end(row, 'fail');
    const ways: Partial<Record<ApplyState, OperationMoveName>> = {
      ...{
        resuming: 'goOn',
        running: 'catchUp',
        catching_up: 'compare',
        checksumming: 'proved',
        post_checksum: 'park',
      },
    };
    const move = ways[state];
    if (move) this.write(row, move);
    else if (state === 'waiting_for_cutover' && wanted === 'cut_over') this.write(row, 'cutOver');
  }

  private end(row: Row, move: OperationMoveName): void {
    this.write(row, move, move === 'fail' || move === 'failForNow' ? { error: 'the disk is full' } : {});
    row.worker = 'none';
  }

  private write(row: Row, move: OperationMoveName, notes: Partial<Row> = {}): void {
    if (!canMove(row.state, move)) throw new Error(`${row.id} is ${row.state} and cannot ${move}`);
    const change = changeOf(row as never, move, notes, new Date(this.now));
    Object.assign(row, change, {
      updatedAt: new Date(this.now),
      ...(row.worker === 'claimed' && { worker: 'claimed' }),
    });
    this.onMove(row, move);
    this.judge();
  }

  private ask(asked: Partial<Asked>): void {
    if (this.isSettled) return;
    this.apply = { ...this.apply, asked: { ...this.apply.asked, ...asked } };
    this.judge();
  }

  /** Finds the state of the apply as the store does. */
  judge(): void {
    const { id: applyId, expected, state, completedAt, error, asked } = this.apply;
    const paused = asked.pause !== null;
    const stored = { state, completedAt, error };
    const verdict = verdictOf({ applyId, expected, rows: this.read, stored, paused, at: new Date(this.now) });
    this.apply = { ...this.apply, ...verdict };
  }

  private row(id: string): Row {
    return this.rows.find((row) => row.id === id)!;
  }
}

export function isSwapping(state: ApplyState): boolean {
  return state === 'cutting_over' || state === 'recovering';
}
