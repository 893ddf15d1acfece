import { parseArgs } from 'node:util';
import { ensureSystemPackages, schemaBenchPackages } from '../environment/system-packages';
import type { Row } from './figures';
import { report, runProgram, say } from './report';
import { stopChildren } from './schema/child';
import { benchCopy, benchSwaps, benchTrigger, benchWriters, ledgerRow } from './schema/measures';
import { benchMemory } from './schema/memory';
import { startMySql } from './schema/mysql-server';
import { benchPeers } from './schema/peers';
import { fullPlan, parts, quickPlan, type Part, type SchemaPlan } from './schema/plan';
import { startPostgreSql } from './schema/postgres-server';
import { Rig } from './schema/rig';

const usage = `npm run bench -- schema [--quick] [--json FILE] [--only ${parts.join(',')}] [--engine mariadb,postgresql]
                       [--rows N] [--memory ROWS,ROWS,...]

Measures changes of schemas on private servers, each of which ends with it, and prints one table.
What is missing of servers and tools is installed (apt), and gh-ost is measured where GH_OST names it.
With MYSQL_URL (mysql://user:password@host:port/), on that server, too, in schemas that begin with gatewright_bench.
`;

const servers = {
  mariadb: async () => await startMySql(),
  mysql: async () => await startMySql(process.env.MYSQL_URL),
  postgresql: startPostgreSql,
} as const;
type ServerKind = keyof typeof servers;

const measures: Readonly<Record<Part, (rig: Rig) => Promise<Row[]>>> = {
  copy: benchCopy,
  trigger: benchTrigger,
  writers: benchWriters,
  swaps: benchSwaps,
  memory: benchMemory,
  peers: benchPeers,
};

async function main(): Promise<void> {
  const engines = ['mariadb', 'postgresql', ...(process.env.MYSQL_URL ? ['mysql'] : [])];
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      json: { type: 'string' },
      only: { type: 'string', default: parts.join(',') },
      engine: { type: 'string', default: engines.join(',') },
      rows: { type: 'string' },
      memory: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stderr.write(usage);
    return;
  }
  process.once('exit', stopChildren);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
  const plan = values.quick ? quickPlan : fullPlan;
  const given = {
    ...plan,
    ...(values.rows === undefined ? {} : { rows: Number(values.rows) }),
    ...(values.memory === undefined ? {} : { memory: values.memory.split(',').map(Number) }),
  };
  if (values.only.includes('peers')) await ensureSystemPackages(schemaBenchPackages, say);
  const only = parts.filter((part) => values.only.split(',').includes(part));
  await report(
    async () => {
      const rows: Row[] = [];
      for (const kind of values.engine.split(',')) rows.push(...(await on(kind as ServerKind, given, only)));
      return rows;
    },
    { json: values.json },
  );
}

async function on(kind: ServerKind, plan: SchemaPlan, only: readonly Part[]): Promise<Row[]> {
  say(`starting ${kind}`);
  const server = await servers[kind]();
  try {
    const rig = new Rig(server, plan, say);
    const rows: Row[] = [];
    for (const part of only) rows.push(...(await measured(rig, part)));
    return rig.ledger.checked > 0 ? [...rows, ledgerRow(rig)] : rows;
  } finally {
    stopChildren();
    await server.stop();
  }
}

/** The rows of one part; one that says why where it came to nothing, so that the others are still told. */
async function measured(rig: Rig, part: Part): Promise<Row[]> {
  try {
    return await measures[part](rig);
  } catch (error) {
    const { stack, message } = error as Error;
    say(`${part}: ${stack ?? message}`);
    const bar = { text: 'is done', met: false };
    return [{ group: `${rig.server.name}: ${part}`, name: 'came to nothing', note: message.split('\n')[0]!, bar }];
  }
}

runProgram(main);
