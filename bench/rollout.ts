import { parseArgs } from 'node:util';
import type { Row } from './figures';
import { report, runProgram, say } from './report';
import { benchProjection } from './rollout/projection';

const usage = `npm run bench -- rollout [--quick] [--json FILE] [--only projection]

Measures rollouts over many deployments and prints one table.
`;

/** What is measured, in this order. */
const parts: Readonly<Record<string, (rounds: number) => Row[] | Promise<Row[]>>> = {
  projection: (rounds) => benchProjection(10_000, rounds),
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
        rows.push(...(await parts[part]!(values.quick ? 50 : 300)));
      }
      return rows;
    },
    { json: values.json },
  );
}

runProgram(main);
