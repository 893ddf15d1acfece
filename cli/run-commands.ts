import { Argument, Option, type Command } from 'commander';
import { SagaState } from '../domain/saga';
import type { Io } from './io';
import { act, common, limit, organizationArgument, runId, stepName, uuid } from './registration';

const idempotency = ['--idempotency-key <key>', 'repeating the command with the same key begins nothing new'] as const;

/** Adds the commands about gateways and runs. Each loads what it runs when it is chosen. */
export function addRunCommands(program: Command, io: Io): void {
  common(program.command('start'))
    .description('start an organization’s gateway and wait for it')
    .addArgument(organizationArgument())
    .option('--no-wait', 'do not wait: print the run and leave')
    .option('--plan', 'only show what would be done, and how each step would be taken back')
    .option(...idempotency)
    .action(act(io, () => gateway().start));

  common(program.command('stop'))
    .description('stop a gateway, named by its organization or its allocation, and wait until it is down')
    .addArgument(organizationArgument(false))
    .option('--allocation <id>', 'name it by its allocation', uuid)
    .option('--no-wait', 'do not wait: print the run and leave')
    .option(...idempotency)
    .action(act(io, () => gateway().stop));

  common(program.command('runs'))
    .description('list runs, newest first')
    .option('--organization <id>', 'only those of one organization', uuid)
    .option('--kind <kind>', 'only those of a kind, as in gateway.start')
    .addOption(new Option('--state <state>', 'only those in a state').choices(Object.values(SagaState)))
    .option('--needs-attention', 'only those that wait for a person')
    .option('--limit <number>', 'how many at most', limit, 20)
    .option('--watch', 'go on, and show every change')
    .action(act(io, () => runs().runs));

  common(program.command('run'))
    .description('show a run: its steps with do and undo, attempts, times and errors')
    .argument('<run>', 'its id', runId)
    .option('--follow', 'go on until it has ended or needs a person')
    .option('--attempts', 'show every attempt of every step')
    .addHelpText(
      'after',
      '\nExits 0 while it goes on or when it succeeded, 1 when it was rolled back, 3 when it needs attention.',
    )
    .action(act(io, () => run().show));

  common(program.command('cancel'))
    .description('cancel a run: it is taken back')
    .argument('<run>', 'its id', runId)
    .action(act(io, () => run().cancel));

  common(program.command('attention'))
    .description('list what is stuck and waits for a person, oldest first; exits 3 when there is something')
    .option('--organization <id>', 'only that of one organization', uuid)
    .option('--limit <number>', 'how many runs at most (100 or less)', limit, 50)
    .action(act(io, () => attention().attention));

  common(program.command('resolve'))
    .description('decide about a stuck step')
    .argument('<run>', 'the run’s id', runId)
    .argument('<step>', 'the step’s name', stepName)
    .addArgument(
      new Argument('<action>', 'have its undo retried, or leave behind what it would undo').choices(['retry', 'skip']),
    )
    .requiredOption('--reason <text>', 'why; it is kept with your token’s name')
    .action(act(io, () => attention().resolve));
}

const gateway = () => require('./commands/gateway') as typeof import('./commands/gateway');
const runs = () => require('./commands/runs') as typeof import('./commands/runs');
const run = () => require('./commands/run') as typeof import('./commands/run');
const attention = () => require('./commands/attention') as typeof import('./commands/attention');
