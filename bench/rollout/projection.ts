import { performance } from 'node:perf_hooks';
import { ApplyState } from '../../domain/rollout/states';
import { verdictOf, type Known } from '../../domain/rollout/verdict';
import { atMost, summary, type Row } from '../figures';

const BAR_MS = 5;
const policies = ['halt', 'continue', 'pause', ''];

/** What one look at an apply costs: every row is read and checked, and its state is found. */
export function benchProjection(size: number, rounds: number): Row[] {
  const group = 'the state of an apply from all its operations';
  const live = Object.values(ApplyState).filter((state) => state !== 'failed');
  const states = { 'all states': Object.values(ApplyState), 'none failed': live, 'all live': ['completed'] };
  return Object.entries(states).flatMap(([name, of]) =>
    [size / 10, size].map((count) => {
      const known = applyOf(count, of);
      const samples = Array.from({ length: rounds }, () => lookAt(known));
      const figures = summary(samples);
      const bar = count === size ? { bar: atMost(figures.p95, BAR_MS, 'p95 ms') } : {};
      return { group, name: `${count} operations, ${name}`, ...figures, ...bar };
    }),
  );
}

function lookAt(known: Known): number {
  const began = performance.now();
  const { determined } = verdictOf(known);
  const took = performance.now() - began;
  if (!determined) throw new Error('the rows were not read');
  return took;
}

/** An apply as a store has it, its operations in no order: every place comes once, as the step is a prime. */
function applyOf(count: number, states: readonly string[]): Known {
  const startedAt = new Date(0);
  const rows = Array.from({ length: count }, (_, i) => {
    const position = (i * 7919) % count;
    return {
      id: `operation-${position}`,
      applyId: 'apply',
      deployment: `deployment-${position}`,
      position,
      state: states[i % states.length],
      onFailure: policies[i % policies.length],
      released: i % 3 === 0,
      startedAt,
      error: null,
    };
  });
  const stored = { state: 'running', completedAt: null, error: null } as const;
  return { applyId: 'apply', expected: count, rows, stored, at: new Date() };
}
