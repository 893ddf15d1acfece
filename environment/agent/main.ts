import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { announce } from './announce';
import { agentServer } from './server';
import { EpochState } from './state';

/*
 * A gateway's agent: what runs on a replica. It is told by options where the local environment starts it, and by a file
 * where a profile has placed it. It needs little beside node's own HTTP server, so that many fit on one machine.
 */

const { values } = parseArgs({
  options: {
    /** A JSON file with the options below, their hyphens as underscores; its file names begin at its own directory. */
    config: { type: 'string' },
    'replica-id': { type: 'string' },
    /** `ip:port` */
    listen: { type: 'string' },
    'secret-file': { type: 'string' },
    'state-file': { type: 'string' },
    /** Base URL of the API to announce itself to; without it, it does not. */
    api: { type: 'string' },
  },
});
type Option = Exclude<keyof typeof values, 'config'>;

const configured = values.config === undefined ? {} : configuration(values.config);

function configuration(file: string): Partial<Record<string, string>> {
  try {
    const members = JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>;
    for (const name of ['secret_file', 'state_file'])
      if (members[name] !== undefined) members[name] = resolve(dirname(file), members[name]);
    return members;
  } catch (error) {
    return fail(`cannot read ${file}: ${(error as Error).message}`);
  }
}

function optional(name: Option): string | undefined {
  return values[name] ?? (configured[name.replaceAll('-', '_')] || undefined);
}

function required(name: Option): string {
  return optional(name) ?? fail(`--${name} is missing`);
}

function fail(message: string): never {
  console.error(`gateway agent: ${message}`);
  process.exit(1);
}

const address = required('listen');
const [ip, port] = address.split(':') as [string, string];
const identity = { replicaId: required('replica-id'), secret: readFileSync(required('secret-file'), 'utf8').trim() };
const state = new EpochState(required('state-file'));
const server = agentServer(identity, state);

server.on('error', (error) => fail(`cannot serve ${address}: ${error.message}`));
server.listen(Number(port), ip, () => {
  console.log(`replica ${identity.replicaId} serves ${address}, epoch ${state.serving?.epoch ?? 0}`);
  const api = optional('api');
  if (api === undefined) return;
  announce(api, identity, address, () => state.serving?.epoch ?? 0).then(
    () => console.log('announced'),
    (error: Error) => fail(error.message),
  );
});

for (const signal of ['SIGTERM', 'SIGINT'] as const)
  process.once(signal, () => {
    server.close(() => process.exit(0));
    server.closeAllConnections();
    setTimeout(() => process.exit(0), 1_000).unref(); // WebSockets are not the server's connections any more
  });
