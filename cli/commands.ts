import type { Command } from 'commander';
import { addAdminCommands } from './admin-commands';
import { addDeployCommands } from './deploy-commands';
import { addFleetCommands } from './fleet-commands';
import { processIo } from './io';
import { addRolloutCommands } from './rollout-commands';
import { addRunCommands } from './run-commands';

/** Adds one or more commands to the program. */
export type Register = (program: Command) => void;

/*
 * Each command requires what it runs when it is chosen: an agent's or a worker's process does not load what only another
 * one needs.
 */
const up: Register = (program) =>
  program
    .command('up')
    .description('bring the local environment of temporal-dev.yaml up, and prove it with a demo')
    .option('--home <dir>', 'where its data is kept', '.gatewright')
    .option('--config <file>', 'another description than temporal-dev.yaml')
    .option('--no-demo', 'start no demo gateway')
    .option('--no-databases', 'start no MariaDB and no PostgreSQL, so that there are no deploy requests')
    .option('--once', 'stop after the demo; exit 0 only if the gateway was proven')
    .option('--json', 'print one JSON object on stdout when it is ready')
    .action(async (options: import('./up').UpOptions) => {
      await (require('./up') as typeof import('./up')).up(options);
    });

const api: Register = (program) =>
  program
    .command('api')
    .description('run one API process with the settings file that GATEWRIGHT_SETTINGS names')
    .action(async () => {
      await (require('./api') as typeof import('./api')).api();
    });

const worker: Register = (program) =>
  program
    .command('worker')
    .description('run one worker process with the settings file that GATEWRIGHT_SETTINGS names')
    .action(async () => {
      await (require('./worker') as typeof import('./worker')).worker();
    });

const io = processIo();

/** Every command of `gatewright`, in the order of its help. */
export const commands: readonly Register[] = [
  up,
  api,
  worker,
  (program) => addRunCommands(program, io),
  (program) => addFleetCommands(program, io),
  (program) => addDeployCommands(program, io),
  (program) => addRolloutCommands(program, io),
  (program) => addAdminCommands(program, io),
];
