import { runApi } from '../api/main';
import { readSettings } from '../environment/settings';
import { onTermination } from './termination';

/** `gatewright api`: runs the API until it is asked to end. */
export async function api(): Promise<void> {
  const service = await runApi(readSettings());
  onTermination(async () => {
    await service.close();
    process.exit(0);
  });
}
