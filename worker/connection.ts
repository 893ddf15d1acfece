import { setTimeout as sleep } from 'node:timers/promises';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { NativeConnection } from '@temporalio/worker';
import type { Settings } from '../domain/settings';

/**
 * Connects to Temporal, waiting until it answers. TLS, API keys and the like come from Temporal's own environment
 * configuration; the settings say where, having read the same configuration.
 */
export async function connectWorker(
  temporal: Settings['temporal'],
  onWait: (reason: string) => void,
  signal?: AbortSignal,
): Promise<NativeConnection> {
  const { connectionOptions = {} } = loadClientConnectConfig();
  // It has a member for everything, undefined where nothing is said.
  const address = connectionOptions.address ?? temporal.address;
  for (;;) {
    try {
      return await NativeConnection.connect({ ...connectionOptions, address });
    } catch (error) {
      if (signal?.aborted) throw error;
      onWait(error instanceof Error ? error.message : String(error));
      await sleep(500);
    }
  }
}
