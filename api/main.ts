import { pino, destination, type Logger } from 'pino';
import type { Settings } from '../domain/settings';
import { openStore } from '../prisma/open';
import { startService, type Service } from './service';
import { connectEngine } from './temporal-engine';

/** Where the API's logs go unless told: standard error, as lines of JSON. */
function standardLog(): Logger {
  return pino({ name: 'api', level: process.env['LOG_LEVEL'] ?? 'info' }, destination(2));
}

/**
 * Runs the HTTP API in this process. It starts while Temporal is away and answers 503 to what needs it.
 * @throws Failure STORE_UNAVAILABLE, STORE_MIGRATION; Error when the port is taken.
 */
export async function runApi(settings: Settings, log: Logger = standardLog()): Promise<Service> {
  const store = await openStore(settings.databaseUrl);
  const { engine, close } = connectEngine(settings.temporal);
  const release = async (): Promise<void> => {
    await close();
    await store.close();
  };
  try {
    const service = await startService({ store, engine, settings, log });
    return {
      url: service.url,
      async close() {
        await service.close();
        await release();
      },
    };
  } catch (error) {
    await release();
    throw error;
  }
}
