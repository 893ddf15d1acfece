import type { DatabaseRecord } from '../../../domain/deploy/database';
import type { DeployRequest } from '../../../domain/deploy/request';

/** Whether the target's server has enough disk, as the checks of the request found it. */
export function storageView({ name }: DatabaseRecord, { deployment }: DeployRequest): Record<string, unknown> {
  const short = deployment.lint.find(({ code }) => code === 'NOT_ENOUGH_DISK');
  const needed = short?.rows?.count ?? 0;
  return {
    enough_storage: short === undefined,
    upgradeable: false,
    storage_bytes_needed: needed,
    storage_report: { [name]: { '-': { storage_needed: needed, has_enough: short === undefined } } },
    message: short?.message ?? null,
  };
}
