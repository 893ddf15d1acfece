import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';

/** What an agent serves under one epoch. */
export interface Serving {
  readonly allocation_id: string;
  readonly organization_id: string;
  readonly hostname: string;
  readonly epoch: number;
}

/** What an agent remembers, over restarts. */
interface Memory {
  readonly serving: Serving | null;
  /** The highest epoch that is over; neither it nor an older one ever begins. */
  readonly over: number;
}

/** The epochs of one agent: which one it serves and which are over. A change is on disk before it is answered for. */
export class EpochState {
  /** Called after another allocation, or none, is served. */
  onChange: () => void = () => undefined;
  private memory: Memory;

  /** Reads the file if there is one. */
  constructor(private readonly path: string) {
    this.memory = load(path);
  }

  get serving(): Serving | null {
    return this.memory.serving;
  }

  /** Begins an epoch. Answers false where the epoch is over, a newer one is served, or it belongs to another allocation. */
  begin(next: Serving): boolean {
    const { serving, over } = this.memory;
    if (next.epoch <= over) return false;
    if (serving && next.epoch <= serving.epoch) return isSame(serving, next);
    this.save({ serving: next, over: serving ? serving.epoch : over });
    return true;
  }

  /** Ends an epoch and every older one. Answers false where the epoch belongs to another allocation. */
  end(epoch: number, allocationId: string): boolean {
    const { serving, over } = this.memory;
    if (serving?.epoch === epoch && serving.allocation_id !== allocationId) return false;
    if (epoch <= over) return true;
    this.save({ serving: serving && serving.epoch > epoch ? serving : null, over: epoch });
    return true;
  }

  private save(memory: Memory): void {
    const draft = `${this.path}.new`;
    const file = openSync(draft, 'w', 0o600);
    try {
      writeSync(file, JSON.stringify(memory));
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(draft, this.path);
    const changed = memory.serving !== this.memory.serving;
    this.memory = memory;
    if (changed) this.onChange();
  }
}

function isSame(one: Serving, other: Serving): boolean {
  return (
    one.epoch === other.epoch &&
    one.allocation_id === other.allocation_id &&
    one.organization_id === other.organization_id &&
    one.hostname === other.hostname
  );
}

function load(path: string): Memory {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Memory;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { serving: null, over: 0 };
    throw new Error(`the state file ${path} cannot be read: ${(error as Error).message}`, { cause: error });
  }
}
