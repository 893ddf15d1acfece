import { randomUUID } from 'node:crypto';
import { defaultRolloutSettings, type ApplyRecord, type RolloutSettings } from '../../domain/rollout/apply';
import type { Decided } from '../../domain/rollout/decided';
import type { OperationMoveName } from '../../domain/rollout/moves';
import type { FailurePolicy } from '../../domain/rollout/policy';
import type { NewApplyOperation, OperationKey } from '../../prisma/apply-store';
import type { Store } from '../../prisma/store';
import { newDatabase, organizationId } from './deploy-world';

export const nothing: Decided = { claim: [], want: {}, moves: [], waits: {}, revertWindowEndsAt: null, over: [] };

export function newOperations(count: number, onFailure: FailurePolicy = 'halt'): NewApplyOperation[] {
  return Array.from({ length: count }, (_, position) => ({
    ...{ id: randomUUID(), deploymentId: `deployment-${position}`, deployment: `region-${position}` },
    ...{ environment: 'production', server: 'mariadb', schema: `shop_${position}`, position, onFailure },
  }));
}

/** A database with an apply of so many operations. */
export async function applyWorld(
  store: Store,
  count: number,
  { onFailure, ...settings }: Partial<RolloutSettings> = {},
) {
  const { applies } = store.rollouts;
  const database = await store.deploys.databases.create(newDatabase({ name: `shop-${randomUUID()}` }));
  const operations = newOperations(count, onFailure);
  const ids = operations.map(({ id }) => id);
  const input = {
    ...{ id: randomUUID(), organizationId, databaseId: database.id, number: 1 },
    settings: { ...defaultRolloutSettings, ...settings },
  };
  const apply = await applies.create(input, operations);
  return {
    ...{ database, apply, ids, operations, input },
    now: async (): Promise<ApplyRecord> => (await applies.get(organizationId, apply.id))!,
    rows: async () => (await applies.rows(organizationId, apply.id)) as readonly Record<string, unknown>[],
    decide: async (decided: Partial<Decided>) =>
      await applies.decide(organizationId, apply.id, () => ({ ...nothing, ...decided })),
    /** Has operations claimed, and moves each along as its workflow would. */
    async begin(at: readonly number[], ...moves: OperationMoveName[]): Promise<OperationKey[]> {
      const { claimed } = await this.decide({ claim: at.map((index) => ids[index]!) });
      for (const key of claimed) for (const move of moves) await applies.move(key, move);
      return [...claimed];
    },
  };
}
