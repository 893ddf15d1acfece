/*
 * A program of its own, so that the environment's process does not keep a database client it needs once:
 * `node store-setup.js SETTINGS HOME REPLICAS` brings the store to the present schema and makes it know the home's
 * replicas, edges and admin token. Says the id of the installation on stdout, and on stderr what went wrong.
 */
import { randomUUID } from 'node:crypto';
import { isFailure } from '../domain/failures';
import { migrate } from '../prisma/migrate';
import { openStore } from '../prisma/open';
import { Home } from './home';
import { ensureIdentities, registerIdentities } from './identities';
import { readSettings } from './settings';

async function setUpStore(settingsFile: string, homeDirectory: string, replicaCount: number): Promise<void> {
  const settings = readSettings({ GATEWRIGHT_SETTINGS: settingsFile });
  await migrate(settings.databaseUrl);
  const store = await openStore(settings.databaseUrl);
  try {
    process.stdout.write(`${await store.fleet.installation(randomUUID())}\n`);
    await registerIdentities(store, ensureIdentities(Home.open(homeDirectory), replicaCount));
    for (const { name } of settings.edges) await store.edges.register(name);
  } finally {
    await store.close();
  }
}

const [settingsFile, homeDirectory, replicaCount] = process.argv.slice(2) as [string, string, string];
setUpStore(settingsFile, homeDirectory, Number(replicaCount)).then(
  () => process.exit(0),
  (error: Error) => {
    process.stderr.write(`${isFailure(error) ? `${error.code}: ${error.message}` : error.stack}\n`);
    process.exit(1);
  },
);
