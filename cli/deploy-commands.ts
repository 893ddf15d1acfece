import { Argument, InvalidArgumentError, Option, type Command } from 'commander';
import { BranchRole, DatabaseKind } from '../domain/deploy/database';
import { CutoverPolicy } from '../domain/rollout/claims';
import { FailurePolicy } from '../domain/rollout/policy';
import type { RenameJson } from './deploy-shapes';
import type { Io } from './io';
import { act, common, limit, uuid } from './registration';

const exits =
  '\nExits 0 when it is as it is wanted, 1 when it ended otherwise or was refused, 3 when it failed and waits for a person.';

/** Adds the commands about databases and deploy requests. Each loads what it runs when it is chosen. */
export function addDeployCommands(program: Command, io: Io): void {
  addDatabaseCommands(program, io);
  addBranchCommands(program, io);
  addDeployRequestCommands(program, io);
}

function addDatabaseCommands(program: Command, io: Io): void {
  const group = program.command('database').description('the databases of an organization');
  databases(group.command('list'))
    .description('list databases')
    .action(act(io, () => database().list));
  databases(group.command('get'))
    .description('show one, with its settings')
    .argument('<name>', 'its name')
    .action(act(io, () => database().get));
  making(group.command('create'))
    .description('make an empty one on a server of the installation')
    .action(act(io, () => database().create));
  making(group.command('add'))
    .description('take in a schema that is there already; Gatewright never drops it')
    .requiredOption('--secret <name>', 'the secret that holds the URL of its server')
    .requiredOption('--schema <name>', 'the schema on that server')
    .action(act(io, () => database().add));
  databases(group.command('set'))
    .description('change its settings')
    .argument('<name>', 'its name')
    .option('--rename <name>', 'another name')
    .option('--default-branch <branch>', 'the branch that others are made from and deployed into')
    .option('--notes <text>', 'what people should know of it')
    .option('--require-approval <on|off>', 'whether a request must be approved before it is deployed', onOff)
    .option('--own-approval <on|off>', 'whether whoever opened a request may approve it', onOff)
    .option('--foreign-keys <on|off>', 'whether tables may have foreign keys', onOff)
    .option('--protected <on|off>', 'whether it is kept from being removed', onOff)
    .option('--revert-window <seconds>', 'how long a deploy can be reverted', whole)
    .option('--throttle <ratio>', 'what requests begin with: 0 is full speed, 0.95 the slowest')
    .option('--environments <names>', 'of its deployments, as in staging,production: the first is changed first', names)
    .addOption(
      new Option('--on-failure <policy>', 'whether other deployments go on where one fails').choices(
        Object.values(FailurePolicy),
      ),
    )
    .addOption(
      new Option('--cutover <policy>', 'each deployment goes live before the next begins, or all copy first').choices(
        Object.values(CutoverPolicy),
      ),
    )
    .option('--copies <number>', 'how many deployments copy at once under `--cutover barrier`', limit)
    .option('--revert-together <on|off>', 'whether all are kept revertable until the last is live', onOff)
    .action(act(io, () => database().set));
  databases(group.command('remove'))
    .alias('delete')
    .description('remove it with its branches; schemas that were there before stay')
    .argument('<name>', 'its name')
    .option('-y, --yes', 'do not ask')
    .action(act(io, () => database().remove));
}

function addBranchCommands(program: Command, io: Io): void {
  const group = program.command('branch').description('the branches of a database: schemas of their own to change');
  databases(group.command('list'))
    .description('list branches')
    .argument('<database>', 'its name')
    .action(act(io, () => branch().list));
  ofBranch(group.command('get'))
    .description('show one')
    .action(act(io, () => branch().get));
  ofBranch(group.command('create'))
    .description('make one with the schema of another')
    .option('--from <branch>', 'the other; the default branch unless told')
    .option('--no-wait', 'do not wait until it can be used')
    .action(act(io, () => branch().create));
  ofBranch(group.command('delete'))
    .description('drop its schema and its accounts')
    .option('--descendants', 'with every branch that was made from it')
    .option('-y, --yes', 'do not ask')
    .action(act(io, () => branch().remove));
  ofBranch(group.command('schema'))
    .description('print the statements that make its schema')
    .action(act(io, () => branch().schema));
  ofBranch(group.command('diff'))
    .description('show what it has changed since it was made')
    .action(act(io, () => branch().diff));
  ofBranch(group.command('lint'))
    .description('check what it has changed; exits 1 where it could not be deployed')
    .action(act(io, () => branch().lint));
  ofBranch(group.command('promote'))
    .description('make it a production branch')
    .action(act(io, () => branch().promote));
  ofBranch(group.command('demote'))
    .description('make it a development branch')
    .action(act(io, () => branch().demote));
  ofBranch(group.command('protect'))
    .description('have its tables changed by deploy requests alone')
    .action(act(io, () => branch().protect));
  ofBranch(group.command('unprotect'))
    .description('let its accounts change its tables again')
    .action(act(io, () => branch().unprotect));
  ofBranch(group.command('password'))
    .description('make an account that may touch it alone, and print the URL to connect with, this once')
    .option('--name <name>', 'what it is for')
    .addOption(new Option('--role <role>', 'what it may do').choices(Object.values(BranchRole)).default('admin'))
    .option('--ttl <seconds>', 'how long it is good; for ever unless told', whole)
    .action(act(io, () => branch().password));
  ofBranch(group.command('passwords'))
    .description('list its accounts')
    .action(act(io, () => branch().passwords));
  ofBranch(group.command('revoke'))
    .description('drop one of its accounts')
    .argument('<password>', 'its id')
    .action(act(io, () => branch().revoke));
}

function addDeployRequestCommands(program: Command, io: Io): void {
  const group = program
    .command('deploy')
    .description('deploy requests: the changes of a branch, on their way into another');
  databases(group.command('list'))
    .description('list requests, newest first')
    .argument('<database>', 'its name')
    .addOption(new Option('--state <state>', 'only those').choices(['open', 'closed', 'deployed']))
    .option('--branch <branch>', 'only those from a branch')
    .option('--limit <number>', 'how many at most', limit, 50)
    .action(act(io, () => deploy().list));
  ofBranch(group.command('create'))
    .description('open a request with what a branch has changed')
    .option('--into <branch>', 'where it goes; the branch that it was made from unless told')
    .option('--notes <text>', 'what others should know')
    .option('--auto-apply', 'cut over by itself once everything is copied')
    .option('--delete-branch', 'delete the branch once it is deployed')
    .option('--rename <table.old=new>', 'a column that keeps its values under another name; can be repeated', renames)
    .option('--dry-run', 'only show what it would do')
    .option('--no-wait', 'do not wait until it is checked')
    .addHelpText('after', '\nExits 1 where it cannot be deployed.')
    .action(act(io, () => deploy().create));
  ofRequest(group.command('get'))
    .alias('show')
    .description('show one: what it does, how far it is, what can be done')
    .action(act(io, () => deploy().get));
  ofRequest(group.command('diff'))
    .description('show what it changes')
    .action(act(io, () => deploy().diff));
  ofRequest(group.command('approve'))
    .description('approve it')
    .option('--comment <text>', 'with some words')
    .action(act(io, () => deploy().approve));
  ofRequest(group.command('comment'))
    .description('say something about it')
    .requiredOption('--comment <text>', 'the words')
    .action(act(io, () => deploy().comment));
  waiting(ofRequest(group.command('start')))
    .description('deploy it; waits until it is live, or waits to be applied')
    .option('--instant', 'where the server can do it at once: then it cannot be reverted')
    .addOption(
      new Option(
        '--strategy <strategy>',
        'over several deployments: each goes live before the next begins, or all copy first; as its database says unless told',
      ).choices(['serial', 'parallel']),
    )
    .action(act(io, () => actions().start));
  waiting(ofRequest(group.command('apply')))
    .description('cut over: the new tables take the place of the old')
    .action(act(io, () => actions().apply));
  waiting(ofRequest(group.command('force')))
    .description('cut over, and end whoever is in the way')
    .action(act(io, () => actions().force));
  ofRequest(group.command('watch'))
    .description('show it as it goes on, until it has ended or you leave')
    .addHelpText('after', exits)
    .action(act(io, () => actions().watch));
  waiting(ofRequest(group.command('cancel')))
    .description('take everything back, as long as it is not live')
    .action(act(io, () => actions().cancel));
  waiting(ofRequest(group.command('revert')))
    .description('put the old tables back, with everything written since')
    .option('--accept-losses', 'also where values cannot be kept: `deploy losses` tells which')
    .action(act(io, () => actions().revert));
  ofRequest(group.command('losses'))
    .description('show what a revert would lose; exits 1 where there is anything')
    .action(act(io, () => deploy().losses));
  waiting(ofRequest(group.command('skip-revert')))
    .description('end the time for a revert, so that the next request has its turn')
    .action(act(io, () => actions().skipRevert));
  waiting(ofRequest(group.command('complete')))
    .description('finish one that has failed, so that the next has its turn')
    .action(act(io, () => actions().complete));
  ofRequest(group.command('close'))
    .description('close it without deploying it')
    .action(act(io, () => actions().close));
  ofRequest(group.command('throttle'))
    .description('show how much of the time it rests, or change that while it copies')
    .argument('[ratio]', '0 for full speed, up to 0.95, or as in 30%')
    .action(act(io, () => actions().throttle));
  ofRequest(group.command('auto-apply'))
    .description('say whether it cuts over by itself')
    .addArgument(new Argument('<on|off>', 'whether it does').choices(['on', 'off']))
    .action(act(io, () => actions().autoApply));
}

function databases(command: Command): Command {
  return common(command).option(
    '--organization <id>',
    'whose databases are meant (or GATEWRIGHT_ORGANIZATION); the demo’s in a local environment unless told',
    uuid,
  );
}

function making(command: Command): Command {
  return databases(command)
    .argument('<name>', 'its name')
    .addOption(new Option('--kind <kind>', 'of its server').choices(Object.values(DatabaseKind)).default('mysql'))
    .option('--branch <name>', 'what its first branch is called')
    .option('--notes <text>', 'what people should know of it')
    .option('--no-wait', 'do not wait until it can be used');
}

function ofBranch(command: Command): Command {
  return databases(command).argument('<database>', 'its name').argument('<branch>', 'its name');
}

function ofRequest(command: Command): Command {
  return databases(command)
    .argument('<database>', 'its name')
    .argument('<request>', 'its number, or a branch for the newest open one of that');
}

function waiting(command: Command): Command {
  return command.option('--no-wait', 'do not wait until it is done').addHelpText('after', exits);
}

/** Gathers the columns of `--rename`; the name of a table may have points in it. @throws InvalidArgumentError */
function renames(value: string, before: readonly RenameJson[] = []): readonly RenameJson[] {
  const [, table, from, to] = /^(.+)\.([^.=]+)=([^=]+)$/.exec(value) ?? [];
  if (table === undefined) throw new InvalidArgumentError('It must be as in orders.note=remark.');
  return [...before, { table, from: from!, to: to! }];
}

/** Reads names with commas between them; none for an empty text. @throws InvalidArgumentError */
function names(value: string): readonly string[] {
  const all = value.split(',').map((name) => name.trim());
  if (value.trim() === '') return [];
  if (all.every((name) => name !== '') && new Set(all).size === all.length) return all;
  throw new InvalidArgumentError('It must be as in staging,production, and none twice.');
}

/** Reads a setting. @throws InvalidArgumentError */
function onOff(value: string): boolean {
  if (value === 'on' || value === 'off') return value === 'on';
  throw new InvalidArgumentError('It must be on or off.');
}

/** Reads a number of seconds. @throws InvalidArgumentError */
function whole(value: string): number {
  if (/^\d{1,9}$/.test(value)) return Number(value);
  throw new InvalidArgumentError('It must be a whole number.');
}

const database = () => require('./commands/database') as typeof import('./commands/database');
const branch = () => require('./commands/branch') as typeof import('./commands/branch');
const deploy = () => require('./commands/deploy') as typeof import('./commands/deploy');
const actions = () => require('./commands/deploy-actions') as typeof import('./commands/deploy-actions');
