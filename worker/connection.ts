import { setTimeout as sleep } from 'node:timers/promises';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { NativeConnection } from '@temporalio/worker';
import type { Settings } from '../domain/settings';

/**
 * Connects to Temporal, waiting until it answers. Profiles, TLS and API keys come from Temporal's own environment
 * configuration; the address and namespace of the settings hold where that names none.
 */
export async function connectWorker(
  temporal: Settings['temporal'],
  onWait: (reason: string) => void,
  signal?: AbortSignal,
): Promise<{ connection: NativeConnection; namespace: string }> {
  const { connectionOptions = {}, ...config } = loadClientConnectConfig();
  // It has a member for everything, undefined where nothing is said.
  const address = connectionOptions.address ?? temporal.address;
  for (;;) {
    try {
      const connection = await NativeConnection.connect({ ...connectionOptions, address });
      return { connection, namespace: config.namespace ?? temporal.namespace };
    } catch (error) {
      if (signal?.aborted) throw error;
      onWait(error instanceof Error ? error.message : String(error));
      await sleep(500);
    }
  }
}
