import { writeFileSync } from 'node:fs';
import { cpus, loadavg, release } from 'node:os';
import { parseArgs } from 'node:util';
import type { Row } from './figures';
import { benchFleetKills } from './fleet/kills';
import { benchFleetMany } from './fleet/many';
import { benchFleetSpeed } from './fleet/speed';
import { renderTable } from './print';

const usage = `npm run bench -- fleet [--quick] [--json FILE] [--only speed,many,kills] [--seed N]

Measures gateways and their replicas on private clouds, each of which ends with it, and prints one table.
`;

function say(text: string): void {
  process.stderr.write(`bench: ${text}\n`);
}

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
  const only = new Set(values.only.split(','));
  const began = Date.now();
  const load = loadavg()[0]!.toFixed(1);
  const rows: Row[] = [];
  if (only.has('speed')) {
    const plan = values.quick ? { creates: 3, containers: 1, few: 1 } : { creates: 20, containers: 5, few: 5 };
    rows.push(...(await benchFleetSpeed(plan, say)));
  }
  if (only.has('many')) {
    const plan = values.quick ? { gateways: 4, events: 5_000 } : { gateways: 20, events: 10_000 };
    rows.push(...(await benchFleetMany({ ...plan, replicas: 10 }, say)));
  }
  if (only.has('kills')) {
    const plan = values.quick ? { everyPoint: 1, random: 3, late: 2 } : { everyPoint: 2, random: 30, late: 5 };
    rows.push(...(await benchFleetKills({ ...plan, seed: Number(values.seed) }, say)));
  }
  const minutes = ((Date.now() - began) / 60_000).toFixed(1);
  const machine = `${cpus().length} x ${cpus()[0]?.model ?? 'CPU'}, Linux ${release()}, Node ${process.version}`;
  const about = `${machine}; ${minutes} minutes, load before ${load}, after ${loadavg()[0]!.toFixed(1)}`;
  process.stdout.write(`${about}\n\n${renderTable(rows)}`);
  const missed = rows.filter(({ bar }) => bar && !bar.met).length;
  process.stdout.write(`\n${rows.filter(({ bar }) => bar).length - missed} bars met, ${missed} missed\n`);
  if (values.json) writeFileSync(values.json, `${JSON.stringify({ about, rows }, null, 2)}\n`);
}

main().then(
  () => process.exit(0),
  (error: Error) => {
    process.stderr.write(`bench: ${error.stack ?? error.message}\n`);
    process.exit(1);
  },
);
