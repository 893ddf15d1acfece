import { InvalidArgumentError, type Command } from 'commander';
import type { Io } from './io';
import { act, common, limit, uuid } from './registration';

const exits =
  '\nExits 0 when it is as it is wanted, 1 when that was given up or refused, 3 when it waits for a person.';

/** Adds the commands about gateways and what they are made of. Each loads what it runs when it is chosen. */
export function addFleetCommands(program: Command, io: Io): void {
  applying(program.command('apply')).action(act(io, () => apply().apply));
  addGatewayCommands(program, io);
  addReplicaCommands(program, io);
  addProfileCommands(program, io);

  common(program.command('sweep'))
    .description('destroy machines that belong to no replica, and replace replicas whose machine is gone')
    .option('--dry-run', 'only say what it would do')
    .addHelpText('after', '\nIt is done by itself every few minutes. It needs a token of all organizations.')
    .action(act(io, () => sweep().sweep));
}

function addGatewayCommands(program: Command, io: Io): void {
  const group = program.command('gateway').description('the gateways that an organization has declared');
  fleet(group.command('list'))
    .description('list gateways')
    .action(act(io, () => gateways().list));
  fleet(group.command('get'))
    .description('show one: its configuration, what holds of it, its replicas')
    .argument('<name>', 'its name', fleetName)
    .action(act(io, () => gateways().get));
  applying(group.command('apply')).action(act(io, () => apply().apply));
  waiting(fleet(group.command('scale')))
    .description('change how many replicas it has')
    .argument('<name>', 'its name', fleetName)
    .argument('<replicas>', 'how many', replicas)
    .option('--force', 'take replicas that organizations hold, too; what they hold is moved')
    .action(act(io, () => gateways().scale));
  waiting(fleet(group.command('delete')))
    .description('destroy its replicas, then it is gone')
    .argument('<name>', 'its name', fleetName)
    .option('-y, --yes', 'do not ask')
    .action(act(io, () => gateways().remove));
  fleet(group.command('watch'))
    .description('show it and its replicas as they change, until it is gone or you leave')
    .argument('<name>', 'its name', fleetName)
    .action(act(io, () => gateways().watch));
  fleet(group.command('events'))
    .description('show what happened to it and its replicas; without a name, to all gateways, also those that are gone')
    .argument('[name]', 'its name', fleetName)
    .option('--limit <number>', 'how many of the newest at most', limit, 50)
    .action(act(io, () => gateways().events));
}

function addReplicaCommands(program: Command, io: Io): void {
  const group = program.command('replica').description('the machines that gateways consist of');
  fleet(group.command('list'))
    .description('list the replicas of a gateway, or of all gateways')
    .argument('[gateway]', 'its name', fleetName)
    .option('--all', 'also the last one of each number that is over')
    .action(act(io, () => replica().list));
  fleet(group.command('get'))
    .alias('show')
    .description('show one')
    .argument('<replica>', 'its name, as in edge-0')
    .action(act(io, () => replica().get));
  fleet(group.command('logs'))
    .description('show how it was made, with what its scripts printed; goes on while it is being made')
    .argument('<replica>', 'its name, as in edge-0')
    .action(act(io, () => replica().logs));
  waiting(fleet(group.command('replace')))
    .description('have it destroyed and another made in its place; an allocation on it is moved first')
    .argument('<replica>', 'its name, as in edge-0')
    .action(act(io, () => replica().replace));
}

function addProfileCommands(program: Command, io: Io): void {
  const group = program.command('profile').description('what makes a bare machine a replica');
  fleet(group.command('push'))
    .description('keep a directory with a profile.yaml as the next revision of a profile')
    .argument('<directory>', 'where it is')
    .option('--name <name>', 'another name than the one in it', fleetName)
    .action(act(io, () => profile().push));
  fleet(group.command('list'))
    .description('list the organization’s own')
    .action(act(io, () => profile().list));
  fleet(group.command('show'))
    .description('show one')
    .argument('<name>', 'its name', fleetName)
    .option('--revision <number>', 'another than the latest', revision)
    .action(act(io, () => profile().show));
}

function applying(command: Command): Command {
  return waiting(fleet(command))
    .description('make a gateway as a file declares it, or change it so: shows what will be done, and asks')
    .requiredOption('-f, --file <file>', 'a YAML file with `type: gateway`; - for standard input')
    .option('-y, --yes', 'do not ask')
    .option('--replace', 'with -y: also where it has to be deleted and made anew')
    .option('--plan', 'only show what would be done');
}

function fleet(command: Command): Command {
  return common(command).option(
    '--organization <id>',
    'whose gateways are meant (or GATEWRIGHT_ORGANIZATION); the demo’s in a local environment unless told',
    uuid,
  );
}

function waiting(command: Command): Command {
  return command.option('--no-wait', 'do not wait until it is done').addHelpText('after', exits);
}

/** Reads the name of a gateway or profile. @throws InvalidArgumentError */
function fleetName(value: string): string {
  if (/^[a-z][a-z0-9-]{1,40}$/.test(value)) return value;
  throw new InvalidArgumentError('It must be 2 to 41 lower-case letters, digits and hyphens, beginning with a letter.');
}

function replicas(value: string): string {
  if (/^[1-9]\d{0,3}$/.test(value)) return value;
  throw new InvalidArgumentError('It must be a whole number from 1.');
}

function revision(value: string): string {
  if (/^[1-9]\d{0,8}$/.test(value)) return value;
  throw new InvalidArgumentError('It must be the number of a revision.');
}

const apply = () => require('./commands/apply') as typeof import('./commands/apply');
const gateways = () => require('./commands/gateways') as typeof import('./commands/gateways');
const replica = () => require('./commands/replica') as typeof import('./commands/replica');
const profile = () => require('./commands/profile') as typeof import('./commands/profile');
const sweep = () => require('./commands/sweep') as typeof import('./commands/sweep');
