import { Option, type Command } from 'commander';
import type { Io } from './io';
import { act, common, events, limit, uuid } from './registration';

/** Adds the commands about the pool, edges, tokens, webhooks and replay. Each loads what it runs when it is chosen. */
export function addAdminCommands(program: Command, io: Io): void {
  const replicas = common(program.command('pool'))
    .description('show the replicas, who holds them, and what is quarantined')
    .action(act(io, () => pool().pool));
  // Its options are those of `pool`, which takes them wherever they stand.
  replicas
    .command('readmit')
    .description('put a quarantined replica back into the pool')
    .argument('<replica>', 'its id or name')
    .action(act(io, () => pool().readmit));

  const edges = common(program.command('edges'))
    .description('show the edges and which generation each has live')
    .action(act(io, () => edge().edges));
  edges
    .command('remove')
    .description('take out an edge that is gone for good, so that nothing waits for it any more')
    .argument('<name>', 'its name')
    .action(act(io, () => edge().remove));

  addTokenCommands(program, io);
  addWebhookCommands(program, io);

  common(program.command('replay'))
    .description('replay histories of runs against the present code, and say where one differs')
    .argument('[workflows...]', 'ids of runs, or JSON files of histories')
    .option('--all', 'every run that the environment’s Temporal still has')
    .option('--limit <number>', 'how many at most with --all', limit, 1000)
    .option('--save <dir>', 'write the histories that were fetched into this directory')
    .action(act(io, () => replay().replay));
}

function addTokenCommands(program: Command, io: Io): void {
  const group = program.command('token').description('make, list and revoke tokens of the API');
  common(group.command('create'))
    .description('make a token; its text is printed on standard output, once')
    .argument('<name>', 'what it is for, as records name it')
    .addOption(new Option('--scope <scope>', 'what it may do').choices(['read', 'operate', 'admin']).default('operate'))
    .option('--organization <id>', 'bind it to one organization', uuid)
    .option('--expires <when>', 'a time (2027-01-01T00:00:00Z), or how long it is good (90d, 12h, 30min)')
    .option('--direct', 'write it into the database itself (DATABASE_URL, or that of the home): for the first token')
    .action(act(io, () => token().create));
  common(group.command('list'))
    .description('list tokens')
    .action(act(io, () => token().list));
  common(group.command('revoke'))
    .description('revoke a token: it is refused from then on')
    .argument('<id>', 'its id: the part of its text after gw_')
    .action(act(io, () => token().revoke));
}

function addWebhookCommands(program: Command, io: Io): void {
  const group = program.command('webhook').description('say who is told of runs that failed or need a person');
  common(group.command('add'))
    .description('register a webhook')
    .argument('<url>', 'where its deliveries are posted')
    .option('--secret-file <file>', 'file of the secret that signs them; one is made and printed unless told')
    .option(
      '--event <event>',
      'what to tell of (repeatable): run.rolled_back, run.needs_attention, run.resolved; all unless told',
      events,
    )
    .option('--organization <id>', 'only of one organization', uuid)
    .action(act(io, () => webhook().add));
  common(group.command('list'))
    .description('list webhooks')
    .action(act(io, () => webhook().list));
  common(group.command('remove'))
    .description('remove a webhook and its delivery log')
    .argument('<id>', 'its id', uuid)
    .action(act(io, () => webhook().remove));
  common(group.command('deliveries'))
    .description('show what was delivered, newest first')
    .argument('<id>', 'the webhook’s id', uuid)
    .option('--limit <number>', 'how many at most (100 or less)', limit, 20)
    .action(act(io, () => webhook().deliveries));
}

const edge = () => require('./commands/edges') as typeof import('./commands/edges');
const pool = () => require('./commands/pool') as typeof import('./commands/pool');
const token = () => require('./commands/token') as typeof import('./commands/token');
const webhook = () => require('./commands/webhook') as typeof import('./commands/webhook');
const replay = () => require('./commands/replay') as typeof import('./commands/replay');
