import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PlannedChange } from '../../domain/schema/plan';
import type { Component } from '../../environment/process';
import type { EngineTarget } from './engine-child';

/**
 * A server with one table `t`, which can be made anew, and what a change of it is measured against. The change re-types a
 * column and adds one, which no server does without writing all rows anew.
 */
export interface BenchServer {
  /** As in `MariaDB 10.11.19`. */
  readonly name: string;
  readonly target: EngineTarget;
  /** Makes the table with rows of the ids 1 to `rows`, and nothing else. */
  fill(rows: number): Promise<void>;
  planned(id: string): Promise<PlannedChange>;
  /** Copies all rows by one statement into an empty table that is as the shadow is. @returns milliseconds. */
  insertSelect(): Promise<number>;
  readonly peers: readonly Peer[];
  stop(): Promise<void>;
}

/** Another way of making the same change. */
export interface Peer {
  readonly name: string;
  /** Makes the change of `t`. @returns milliseconds. */
  run(): Promise<number>;
}

/** A directory and the server that runs in it, both of which go when they are stopped. */
export async function inDirectory<T extends { readonly component: Component; stop(): Promise<void> }>(
  start: (directory: string) => Promise<T>,
): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), 'gw-bench-schema-'));
  const remove = (): void => rmSync(directory, { recursive: true, force: true });
  try {
    const server = await start(directory);
    const abandon = (): void => {
      server.component.signal('SIGKILL');
      remove();
    };
    process.once('exit', abandon);
    const stop = async (): Promise<void> => {
      process.off('exit', abandon);
      await server.stop();
      remove();
    };
    return { ...server, stop };
  } catch (error) {
    remove();
    throw error;
  }
}

/** Milliseconds that something takes. */
export async function timed(action: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await action();
  return performance.now() - began;
}
