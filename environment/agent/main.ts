import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { announce } from './announce';
import { agentServer } from './server';
import { EpochState } from './state';

/*
 * A gateway's agent, as the local environment runs one process of for each replica. It needs little beside node's own
 * HTTP server, so that many fit on one machine.
 */

const { values } = parseArgs({
  options: {
    'replica-id': { type: 'string' },
    /** `ip:port` */
    listen: { type: 'string' },
    'secret-file': { type: 'string' },
    'state-file': { type: 'string' },
    /** Base URL of the API to announce itself to; without it, it does not. */
    api: { type: 'string' },
  },
});

function required(name: keyof typeof values): string {
  const value = values[name];
  if (value === undefined) fail(`--${name} is missing`);
  return value;
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
  if (values.api === undefined) return;
  announce(values.api, identity, address, () => state.serving?.epoch ?? 0).then(
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
