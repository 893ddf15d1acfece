import type { DatabaseRecord } from '../../../domain/deploy/database';
import type { DeployRequest } from '../../../domain/deploy/request';

/** Whether the target's server has enough disk, as the checks of the request found it; the last members are ours. */
export function storageView({ name }: DatabaseRecord, { deployment }: DeployRequest): Record<string, unknown> {
  const { lint, storage } = deployment;
  const short = lint.find(({ code }) => code === 'NOT_ENOUGH_DISK');
  const needed = storage?.bytesNeeded ?? 0;
  return {
    enough_storage: short === undefined,
    upgradeable: false,
    storage_bytes_needed: needed,
    storage_report: { [name]: { '-': { storage_needed: needed, has_enough: short === undefined } } },
    message: short?.message ?? null,
    storage_bytes_free: storage?.bytesFree ?? null,
  };
}
