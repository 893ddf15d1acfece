import type { Machine } from '../../../domain/fleet/machine';
import type { BackendSettings } from '../../../domain/settings';
import type { Relay } from './relay';

/** A cloud whose users may die at any moment, and which knows in truth what they made. */
export interface CrashCloud {
  readonly name: string;
  /** What a worker is told, which reaches it through a relay. */
  readonly settings: BackendSettings;
  readonly region: string;
  /** The calls that change something on the way to a machine, in their order. */
  readonly calls: readonly string[];
  /** The one of them after which there is a machine. */
  readonly makes: string;
  readonly made: Made;
  /** What is between it and its users. */
  readonly relay: Relay;
  /** Every machine of an owner, asked of the cloud itself. */
  machines(owner: string): Promise<Machine[]>;
  close(): Promise<void>;
}

/** Every machine that was ever made, by whose it is, whether or not its maker heard of it. */
export class Made {
  private readonly ids = new Map<string, Set<string>>();

  /** @returns whether it is a new one. */
  add(key: string, id: string): boolean {
    const ids = this.ids.get(key) ?? new Set();
    this.ids.set(key, ids);
    return ids.size < ids.add(id).size;
  }

  of(key: string): readonly string[] {
    return [...(this.ids.get(key) ?? [])];
  }
}
