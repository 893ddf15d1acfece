import { parseArgs } from 'node:util';
import type { Row } from './figures';
import { benchFleetKills } from './fleet/kills';
import { benchFleetMany } from './fleet/many';
import { benchFleetSpeed } from './fleet/speed';
import { report, runProgram, say } from './report';

const usage = `npm run bench -- fleet [--quick] [--json FILE] [--only speed,many,kills] [--seed N]

Measures gateways and their replicas on private clouds, each of which ends with it, and prints one table.
`;

/** The bench of the fleet. It uses the doubles of clouds that the tests have, so it runs from the sources. */
async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      json: { type: 'string' },
      only: { type: 'string', default: 'speed,many,kills' },
      seed: { type: 'string', default: '1' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stderr.write(usage);
    return;
  }
  const { quick, json, seed } = values;
  await report(async () => await measure(quick, new Set(values.only.split(',')), Number(seed)), { json });
}

async function measure(quick: boolean, only: ReadonlySet<string>, seed: number): Promise<Row[]> {
  const rows: Row[] = [];
  if (only.has('speed')) {
    const plan = quick ? { creates: 3, containers: 1, few: 1 } : { creates: 20, containers: 5, few: 5 };
    rows.push(...(await benchFleetSpeed(plan, say)));
  }
  if (only.has('many')) {
    const plan = quick ? { gateways: 4, events: 5_000 } : { gateways: 20, events: 10_000 };
    rows.push(...(await benchFleetMany({ ...plan, replicas: 10 }, say)));
  }
  if (only.has('kills')) {
    const plan = quick ? { everyPoint: 1, random: 3, late: 2 } : { everyPoint: 2, random: 30, late: 5 };
    rows.push(...(await benchFleetKills({ ...plan, seed }, say)));
  }
  return rows;
}

runProgram(main);
