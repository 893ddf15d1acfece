import { InvalidArgumentError, Option, type Command } from 'commander';
import { ApplyState } from '../domain/rollout/states';
import type { Io } from './io';
import { act, common, limit, uuid } from './registration';

const exits =
  '\nExits 0 when it is as it is wanted, 1 when it ended otherwise or was refused, 3 when it failed and waits for a person.';

/** Adds the commands about deployments and rollouts. Each loads what it runs when it is chosen. */
export function addRolloutCommands(program: Command, io: Io): void {
  addDeploymentCommands(program, io);
  const group = program
    .command('rollout')
    .description('rollouts: the deploys of requests over all deployments of a database');
  addLooks(group, io);
  addActions(group, io);
  addLockCommands(group, io);
}

function addDeploymentCommands(program: Command, io: Io): void {
  const group = program
    .command('deployment')
    .description('the deployments of a database: the places that its deploy requests change, one after another');
  ofDatabase(group.command('list'))
    .description('list them in the order in which they are changed')
    .action(act(io, () => deployment().list));
  ofDatabase(group.command('add'))
    .description('add a schema that is there already; Gatewright never drops it')
    .argument('<name>', 'what it is called')
    .requiredOption('--environment <name>', 'as in production; `database set --environments` says which comes first')
    .requiredOption('--secret <name>', 'the secret that holds the URL of its server')
    .requiredOption('--schema <name>', 'the schema on that server')
    .action(act(io, () => deployment().add));
  ofDatabase(group.command('update'))
    .description('change what it is called, or its place in the order')
    .argument('<name>', 'its name')
    .option('--rename <name>', 'another name')
    .option('--environment <name>', 'another environment')
    .option('--position <number>', 'its place among the others of its environment', whole(0, 100_000))
    .action(act(io, () => deployment().update));
  ofDatabase(group.command('remove'))
    .description('change it no longer; its schema stays')
    .argument('<name>', 'its name')
    .option('-y, --yes', 'do not ask')
    .action(act(io, () => deployment().remove));
}

function addLooks(group: Command, io: Io): void {
  ofDatabase(group.command('list'))
    .description('list rollouts, newest first')
    .addOption(new Option('--state <state>', 'only those').choices(Object.values(ApplyState)))
    .option('--limit <number>', 'how many at most', limit, 50)
    .action(act(io, () => rollout().list));
  ofRollout(group.command('show'))
    .alias('get')
    .description('show one with all its deployments, what was set, and what can be done')
    .action(act(io, () => rollout().show));
  ofDatabase(group.command('plan'))
    .description('show what a deploy request, or a branch, would do in each deployment; nothing is written')
    .argument('<request>', 'the number of a request, or a branch')
    .option('--into <branch>', 'where the branch goes; where it was made from unless told')
    .addHelpText('after', '\nExits 1 where it cannot be deployed.')
    .action(act(io, () => rollout().plan));
  plain(ofRollout(group.command('watch')))
    .description('show all its deployments as they go on, until it has ended or you leave')
    .addHelpText('after', exits)
    .action(act(io, () => rollout().watch));
}

function addActions(group: Command, io: Io): void {
  waiting(ofRollout(group.command('stop')))
    .description('let what is not live rest as it is, until somebody starts it again')
    .action(act(io, () => actions().stop));
  ofRollout(group.command('start'))
    .description('go on from where it was stopped')
    .action(act(io, () => actions().start));
  ofRollout(group.command('pause'))
    .description('let nothing begin that has not begun; what has begun goes on')
    .action(act(io, () => actions().pause));
  ofRollout(group.command('release'))
    .description('end a pause, and let those go on that wait behind a failure')
    .action(act(io, () => actions().release));
  waiting(ofRollout(group.command('cutover')))
    .description('cut over, one deployment after another')
    .option('--force', 'end whoever is in the way')
    .action(act(io, () => actions().cutover));
  waiting(ofRollout(group.command('cancel')))
    .description('take everything back that is not live')
    .action(act(io, () => actions().cancel));
  waiting(ofRollout(group.command('revert')))
    .description('put the old tables back in every deployment, the last one first, with everything written since')
    .option('--accept-losses', 'also where values cannot be kept')
    .action(act(io, () => actions().revert));
  waiting(ofRollout(group.command('skip-revert')))
    .description('end the time for a revert, so that the next request has its turn')
    .action(act(io, () => actions().skipRevert));
  ofRollout(group.command('volume'))
    .description('say how fast it copies')
    .argument('<volume>', '1 is slowest, 11 is full speed', whole(1, 11))
    .action(act(io, () => actions().volume));
  ofRollout(group.command('override'))
    .description('open the gate of an environment in spite of its reason')
    .argument('<environment>', 'its name')
    .requiredOption('--reason <text>', 'why; it is kept')
    .addHelpText('after', '\nIt needs a token of the scope admin.')
    .action(act(io, () => actions().override));
  ofRollout(group.command('retry'))
    .description('try again at once what failed for now, as if it had never failed')
    .argument('[deployment]', 'one deployment alone')
    .action(act(io, () => actions().retry));
}

function addLockCommands(group: Command, io: Io): void {
  const locked = ofDatabase(group.command('locks'))
    .description('show who may change the schema of which deployments')
    .action(act(io, () => locks().list));
  locking(locked.command('acquire'))
    .description('have nobody else change them; nothing is new where they are yours already')
    .action(act(io, () => locks().acquire));
  locking(locked.command('release'))
    .description('give them back')
    .action(act(io, () => locks().giveBack));
}

function databases(command: Command): Command {
  return common(command).option(
    '--organization <id>',
    'whose databases are meant (or GATEWRIGHT_ORGANIZATION); the demo’s in a local environment unless told',
    uuid,
  );
}

function ofDatabase(command: Command): Command {
  return databases(command).argument('<database>', 'its name');
}

function ofRollout(command: Command): Command {
  return ofDatabase(command).argument(
    '<rollout>',
    'the number of its deploy request, or a branch for the newest open one',
  );
}

function plain(command: Command): Command {
  return command.option('--plain', 'one line for each event, as where there is no terminal');
}

function waiting(command: Command): Command {
  return plain(command).option('--no-wait', 'do not wait until it is done').addHelpText('after', exits);
}

function locking(command: Command): Command {
  return ofDatabase(command)
    .argument('[deployments...]', 'their names; all of them, those to come included, unless told')
    .option('--force', 'take it from whoever has it; it needs a token of the scope admin')
    .option('--reason <text>', 'why it is taken; it is kept');
}

/** Reads a whole number. @throws InvalidArgumentError */
function whole(least: number, most: number) {
  return (value: string): number => {
    if (/^\d{1,6}$/.test(value) && Number(value) >= least && Number(value) <= most) return Number(value);
    throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`);
  };
}

const deployment = () => require('./commands/deployment') as typeof import('./commands/deployment');
const rollout = () => require('./commands/rollout') as typeof import('./commands/rollout');
const actions = () => require('./commands/rollout-actions') as typeof import('./commands/rollout-actions');
const locks = () => require('./commands/rollout-locks') as typeof import('./commands/rollout-locks');
