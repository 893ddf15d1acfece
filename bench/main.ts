import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { bundleFile } from '../worker/bundle';
import type { Row } from './figures';
import { benchStarts, poolSize } from './gateway';
import { fullPlan, quickPlan, type Plan } from './plan';
import { report, runProgram, say } from './report';
import { Stage, type StageOptions } from './stage';
import { benchKills, wholeRows } from './survival';
import { measureWhole } from './whole';

const usage = `npm run bench -- gateway [--quick] [--json FILE] [--only starts,kills,whole]
npm run bench -- fleet --help
npm run bench -- schema --help
npm run bench -- rollout --help

Measures gateway starts on a private environment that ends with it, and prints one table.
With TEMPORAL_ADDRESS or DATABASE_URL (an empty database), the starts are measured on those, too.
`;

let stage: Stage | undefined;

/** Works on a stage of its own, which is closed afterwards. */
async function on(options: StageOptions, work: (stage: Stage) => Promise<Row[]>): Promise<Row[]> {
  stage = await Stage.start(options);
  try {
    return await work(stage);
  } finally {
    await stage.close();
    stage = undefined;
  }
}

async function benchGateway(plan: Plan, only: ReadonlySet<string>): Promise<Row[]> {
  const rows: Row[] = [];
  if (only.has('starts')) {
    say('bringing a private environment up');
    rows.push(...(await on({ replicas: poolSize, env: {} }, (at) => benchStarts(at, plan, '', say))));
    const { TEMPORAL_ADDRESS: temporal, DATABASE_URL: database } = process.env;
    if (temporal || database) {
      const where = ` (${[temporal && 'TEMPORAL_ADDRESS', database && 'DATABASE_URL'].filter(Boolean).join(', ')})`;
      say(`the same with real components${where}`);
      const { env } = process;
      rows.push(...(await on({ replicas: poolSize, env }, (at) => benchStarts(at, plan, where, say))));
    }
  }
  if (only.has('kills')) {
    const options = { replicas: 10, env: {}, workerEntry: 'bench/pausing-worker' };
    rows.push(...(await on(options, (at) => benchKills(at, plan, say))));
  }
  if (only.has('whole')) {
    say('a whole environment, as `gatewright up` brings it up');
    rows.push(...wholeRows(await measureWhole(plan.idleSeconds)));
  }
  return rows;
}

const programs = { fleet: benchFleet, schema: benchSchema, rollout: benchRollout } as const;

/** The bench of the fleet is a program of its own, and plays with what tests play with. @returns its exit code. */
async function benchFleet(args: readonly string[]): Promise<number> {
  return await runFromSources('fleet', args);
}

/** So is that of schemas: it starts processes whose memory is measured. @returns its exit code. */
async function benchSchema(args: readonly string[]): Promise<number> {
  return await runToItsEnd([join(__dirname, 'schema.js'), ...args], process.env);
}

/** And that of rollouts, like the fleet's. @returns its exit code. */
async function benchRollout(args: readonly string[]): Promise<number> {
  return await runFromSources('rollout', args);
}

/** Runs what the build has only a part of. */
async function runFromSources(name: string, args: readonly string[]): Promise<number> {
  const root = join(__dirname, '..', '..');
  const register = join(root, 'tests', 'support', 'register.js');
  const env = { ...process.env, GATEWRIGHT_WORKFLOW_BUNDLE: bundleFile };
  return await runToItsEnd(['-r', register, join(root, 'bench', `${name}.ts`), ...args], env);
}

async function runToItsEnd(program: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const child = spawn(process.execPath, program, { stdio: 'inherit', env });
  const [code] = (await once(child, 'exit')) as [number | null];
  return code ?? 1;
}

async function main(): Promise<void> {
  const [, , program, ...args] = process.argv;
  if (program !== undefined && Object.hasOwn(programs, program))
    process.exit(await programs[program as keyof typeof programs](args));
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      quick: { type: 'boolean', default: false },
      json: { type: 'string' },
      only: { type: 'string', default: 'starts,kills,whole' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help || positionals.join() !== 'gateway') {
    process.stderr.write(usage);
    process.exit(values.help ? 0 : 2);
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => {
      stage?.environment.kill();
      process.exit(130);
    });
  const plan = values.quick ? quickPlan : fullPlan;
  await report(async () => await benchGateway(plan, new Set(values.only.split(','))), { json: values.json });
}

runProgram(main);
