import type { Settings } from '../domain/settings';
import { migrate } from '../prisma/migrate';
import { openStore } from '../prisma/open';
import { registerIdentities, type Identities } from './identities';

/**
 * Brings the store to the present schema and makes it know the environment's replicas, edges and admin token.
 * @throws Failure STORE_MIGRATION, STORE_UNAVAILABLE
 */
export async function setUpStore(settings: Settings, identities: Identities): Promise<void> {
  await migrate(settings.databaseUrl);
  const store = await openStore(settings.databaseUrl);
  try {
    await registerIdentities(store, identities);
    for (const { name } of settings.edges) await store.edges.register(name);
  } finally {
    await store.close();
  }
}
