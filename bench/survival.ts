import { all, atMost, short, type Row } from './figures';
import type { Say } from './gateway';
import { killIn, steps, type Killed } from './kills';
import type { Plan } from './plan';
import type { Stage } from './stage';
import type { Whole } from './whole';

/** What a start goes through when the worker or Temporal is killed in the middle of a step. */
export async function benchKills(stage: Stage, plan: Plan, say: Say): Promise<Row[]> {
  const rows: Row[] = [];
  const killed = steps.filter((step) => plan.killsIn.includes(step));
  for (const step of killed) {
    say(`kill -9 of the worker in ${step}`);
    const result = await killIn(stage, 'worker', step);
    // The step runs again or, when its effect was known by then, the next one does.
    const on = (result.again ?? result.done) - result.up;
    rows.push({
      ...{ group: 'kill -9 of the worker in the middle of a step, seconds from the kill', name: step },
      note: note(result),
      bar: all(atMost(on, 5, 'goes on after the restart s'), succeeded(result)),
    });
  }
  for (const step of killed) {
    say(`kill -9 of Temporal in ${step}`);
    const result = await killIn(stage, 'temporal', step);
    rows.push({
      ...{ group: 'kill -9 of Temporal in the middle of a step, seconds from the kill', name: step },
      note: note(result),
      bar: all(atMost(result.done - result.up, 3, 'done after the restart s'), succeeded(result)),
    });
  }
  return rows;
}

function note({ up, again, done, runs }: Killed): string {
  const step = again === undefined ? 'not begun again' : `begun again ${short(again)}`;
  return `up ${short(up)}, step ${step}, run done ${short(done)}; steps begun ${runs.join(' ')}`;
}

function succeeded({ state }: Killed): { text: string; met: boolean } {
  return { text: state, met: state === 'succeeded' };
}

/** What a whole environment takes. */
export function wholeRows({ provenS, memory }: Whole): Row[] {
  const group = 'the whole of `gatewright up`';
  const sum = (of: 'rss' | 'pss'): number => Object.values(memory).reduce((total, one) => total + one[of], 0);
  const parts = Object.entries(memory).map(([name, { rss, pss }]) => `${name} ${rss.toFixed(0)}/${pss.toFixed(0)}`);
  return [
    { group, name: `proven after ${short(provenS)} s, warm`, bar: atMost(provenS, 15, 's') },
    {
      ...{
        group,
        name: `idle memory ${sum('pss').toFixed(0)} MB, each page once; ${sum('rss').toFixed(0)} MB resident`,
      },
      note: `MB resident/once: ${parts.join(', ')}`,
      bar: atMost(sum('pss'), 900, 'MB'),
    },
  ];
}
