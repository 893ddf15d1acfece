import type { BranchPassword, BranchRecord, DatabaseRecord } from '../../domain/deploy/database';
import { DeployAction } from '../../domain/deploy/actions';
import type { DeployRequest } from '../../domain/deploy/request';
import { isFailure } from '../../domain/failures';
import type { Deps } from '../deps';
import { Actions } from './actions';
import { Lives, passwordLife } from './lives';

/** What removals work with. */
export type RemovalParts = Pick<Deps, 'store' | 'engine' | 'settings' | 'log'>;

/**
 * Removes what its row says is being deleted, whoever comes to do it. Requests that were never deployed are closed first, so
 * that no workflow waits for a branch that is gone.
 */
export class Removals {
  private readonly lives: Lives;
  private readonly actions: Actions;

  constructor(private readonly parts: RemovalParts) {
    this.lives = new Lives(parts.settings);
    this.actions = new Actions(parts);
  }

  /** Begins the deletion of a database. @returns the id of the run. @throws Failure ENGINE_UNAVAILABLE */
  async database(database: DatabaseRecord, by: string): Promise<string> {
    await this.closeRequests(database, by, () => true);
    return await this.parts.engine.deploys.deleteDatabase(this.lives.database(database));
  }

  /** Begins the deletion of a branch. @returns the id of the run. @throws Failure ENGINE_UNAVAILABLE */
  async branch(database: DatabaseRecord, branch: BranchRecord, by: string): Promise<string> {
    await this.closeRequests(
      database,
      by,
      ({ branchId, intoBranchId }) => branchId === branch.id || intoBranchId === branch.id,
    );
    return await this.parts.engine.deploys.deleteBranch(this.lives.branch(branch));
  }

  /**
   * Drops an account, and forgets it once it is gone.
   * @param signal ends the wait.
   * @throws Failure with which that failed; ENGINE_UNAVAILABLE
   */
  async account(password: BranchPassword, signal: AbortSignal): Promise<void> {
    const { store, engine } = this.parts;
    const { organizationId, databaseId, branchId, id } = password;
    const runId = await engine.deploys.deletePassword(
      passwordLife(this.lives, { organizationId, databaseId, id: branchId }, password),
    );
    const outcome = await engine.outcome(runId, signal);
    if (outcome?.ok) await store.deploys.passwords.remove(organizationId, branchId, id);
  }

  private async closeRequests(
    database: DatabaseRecord,
    by: string,
    concerns: (request: DeployRequest) => boolean,
  ): Promise<void> {
    const { organizationId, id } = database;
    const all = { state: 'open', page: 1, perPage: 10_000 } as const;
    const { items } = await this.parts.store.deploys.requests.list(organizationId, id, all);
    for (const request of items.filter((each) => each.deployedAt === null && concerns(each)))
      await this.actions.act({ database, request }, DeployAction.close, { by }).catch((error: unknown) => {
        // Somebody was faster.
        if (!isFailure(error) || error.code !== 'STATE_CONFLICT') throw error;
      });
  }
}
