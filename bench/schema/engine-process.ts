import type { SchemaEngine, SwapOptions, TableProgress, Work } from '../../drivers/database/engine';
import { MySqlEngine } from '../../drivers/database/mysql/engine';
import { PostgresEngine } from '../../drivers/database/postgresql/engine';
import type { PlannedChange } from '../../domain/schema/plan';
import { serve } from './child';
import type { EngineCall, EngineTarget, Timed } from './engine-child';

let engine: SchemaEngine;
let change: PlannedChange;
const running = new Map<EngineCall['verb'], AbortController>();

const swap: SwapOptions = { force: false, deadlineMs: 30_000, acceptLosses: true };

async function call({ verb, throttle = 0, forMs }: EngineCall): Promise<Timed> {
  const stop = new AbortController();
  running.set(verb, stop);
  if (forMs !== undefined) setTimeout(() => stop.abort(), forMs).unref();
  let tables: readonly TableProgress[] = [];
  const work: Work = {
    signal: stop.signal,
    throttle: () => throttle,
    onProgress: (progress) => void (tables = progress.tables),
  };
  const began = performance.now();
  const swaps = verb === 'cutOver' || verb === 'revert' || verb === 'reapply';
  const result = await (swaps ? engine[verb](change, swap, work) : engine[verb](change, work)).catch((error: Error) => {
    if (!stop.signal.aborted) throw error;
  });
  const ms = performance.now() - began;
  return {
    ms,
    result,
    gaveUp: stop.signal.aborted,
    rowsCopied: tables.reduce((sum, { rowsCopied }) => sum + rowsCopied, 0),
  };
}

// The engine of one change in a process of its own, as a worker would have it.
serve({
  open: async ({ target, change: planned }: { target: EngineTarget; change: PlannedChange }) => {
    engine = target.kind === 'mysql' ? new MySqlEngine(target) : new PostgresEngine(target);
    change = planned;
    return await Promise.resolve();
  },
  call,
  abort: async (verb: EngineCall['verb']) => await Promise.resolve(running.get(verb)?.abort()),
  // Kilobytes at most, in the whole life of the process (getrusage).
  peakMb: async () => await Promise.resolve(process.resourceUsage().maxRSS / 1024),
});
