import { parseArgs } from 'node:util';
import type { Row } from './figures';
import { report, runProgram, say } from './report';
import { benchLatency } from './rollout/latency';
import { benchManyDeployments } from './rollout/many';
import { benchProjection } from './rollout/projection';

const usage = `npm run bench -- rollout [--quick] [--json FILE] [--only projection,many,latency]

Measures rollouts over many deployments and prints one table.
`;

/** What is measured, in this order. */
const parts: Readonly<Record<string, (isQuick: boolean) => Row[] | Promise<Row[]>>> = {
  projection: (isQuick) => benchProjection(10_000, isQuick ? 50 : 300),
  many: (isQuick) => benchManyDeployments(isQuick ? 100 : 1_000, say),
  latency: (isQuick) => benchLatency(isQuick ? 20 : 100, say),
};

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      json: { type: 'string' },
      only: { type: 'string', default: Object.keys(parts).join(',') },
      help: { type: 'boolean', default: false },
    },
  });
  const only = values.only.split(',');
  if (values.help || only.some((part) => !Object.hasOwn(parts, part))) {
    process.stderr.write(usage);
    process.exit(values.help ? 0 : 2);
  }
  await report(
    async () => {
      const rows: Row[] = [];
      for (const part of only) {
        say(part);
        rows.push(...(await parts[part]!(values.quick)));
      }
      return rows;
    },
    { json: values.json },
  );
}

runProgram(main);
