import type { RequestRef } from '../../domain/deploy/contract';
import type { DatabaseRecord } from '../../domain/deploy/database';
import type { DeployRequest } from '../../domain/deploy/request';
import { isFailure } from '../../domain/failures';
import type { DeploymentRecord } from '../../domain/rollout/apply';
import type { FailureView } from '../../domain/saga';
import { lintCodes, type LintMessage } from '../../domain/schema/lint-codes';
import type { SchemaModel } from '../../domain/schema/model';
import type { Checked, DeployActivities } from './activities';
import { foundEverywhere, lintEverywhere, operationIdOf, type FoundAt } from './check-deployments';
import { examined, newOperation } from './examine';
import type { DeployPorts } from './ports';
import { lockOwner } from './rollout';
import { deploymentsOf } from './several';
import { subjectOf, type StoredPlan } from './subject';
import { expected } from './work';

/** Comparing a branch with its target, planning the difference, and finding what speaks against it. */
export function checkSteps(ports: DeployPorts): Pick<DeployActivities, 'check'> {
  const { requests } = ports.deploys;
  const { applies, locks } = ports.rollouts;

  const locked = (
    { organizationId, databaseId, number }: RequestRef,
    deployments: readonly DeploymentRecord[],
  ): [string, { databaseId: string; deployments: string[]; owner: string }] => [
    organizationId,
    { databaseId, deployments: deployments.map(({ id }) => id), owner: lockOwner({ number }) },
  ];

  /** @returns who has the schema of one of them */
  const lock = async (ref: RequestRef, deployments: readonly DeploymentRecord[]): Promise<FailureView | null> => {
    try {
      await locks.acquire(...locked(ref, deployments));
      return null;
    } catch (error) {
      if (!isFailure(error) || error.code !== 'LOCK_HELD') throw error;
      return { code: error.code, message: error.message };
    }
  };

  /** Enters the apply with an operation for each deployment, and the plan of each. */
  const enter = async (
    ref: RequestRef,
    { deployment }: DeployRequest,
    { settings }: DatabaseRecord,
    found: readonly FoundAt[],
    branch: SchemaModel,
  ): Promise<void> => {
    const { organizationId, databaseId, requestId: id, number } = ref;
    const rollout = { ...settings.rollout, ...(deployment.cutover !== null && { cutover: deployment.cutover }) };
    const operations = found.map(
      ({ deployment: { id: deploymentId, name, environment, server, schema } }, position) => ({
        ...{
          id: operationIdOf(id, deploymentId),
          deploymentId,
          deployment: name,
          environment,
          server,
          schema,
          position,
        },
        onFailure: rollout.onFailure,
      }),
    );
    await applies.create({ id, organizationId, databaseId, number, settings: rollout }, operations);
    for (const { change } of found) {
      const plan: StoredPlan = { ...change, branch };
      await requests.setPlan(organizationId, change.id, JSON.stringify(plan), change.operations.map(newOperation));
    }
  };

  return {
    async check({ again, ...ref }): Promise<Checked> {
      const { request, ...subject } = await subjectOf(ports, ref);
      const { organizationId, requestId } = ref;
      const { renames, deployment, intoBranch } = request;
      const { database, into } = subject;
      const deployments = await deploymentsOf(ports, { database, intoBranch });
      const several = deployments.length > 0;
      const refused = async (error: FailureView): Promise<Checked> => {
        if (several && again) await locks.release(...locked(ref, deployments));
        return { result: 'error', error, several };
      };

      const held = several && again ? await lock(ref, deployments) : null;
      if (held) {
        await requests.note(organizationId, requestId, { error: held });
        return { result: 'error', error: held, several };
      }
      const examination = { ...subject, id: requestId, instant: deployment.instant, renames, placed: again };
      const found = await expected(async () => await examined(ports, examination));
      const { change, conflict, storage } = found;
      const everywhere =
        several && change
          ? await expected(async () => {
              const { instant } = deployment;
              const place = { database, deployments, schema: into.schema, requestId, instant, placed: again };
              return await foundEverywhere(ports, { ...place, change });
            })
          : [];
      if (change) {
        const operations = change.operations.map(newOperation);
        const plan: StoredPlan = { ...change, branch: found.branch };
        await requests.setPlan(organizationId, requestId, JSON.stringify(plan), operations);
      }
      const lint = lintEverywhere(found.lint, everywhere);
      const drift = everywhere.find((each) => each.drift !== null)?.drift ?? null;
      const instantEligible = found.instantEligible && everywhere.every((each) => each.instantEligible);
      const error = conflict ?? drift ?? refusal(lint);
      await requests.note(organizationId, requestId, { lint, error, instantEligible, storage });
      if (error) return await refused(error);
      if (change!.operations.length === 0) {
        const none: FailureView = { code: 'STATE_CONFLICT', message: 'there is nothing left to deploy' };
        return again ? await refused(none) : { result: 'none', error: null, several };
      }
      if (several && again) await enter(ref, request, database, everywhere, found.branch);
      return { result: 'changes', error: null, several };
    },
  };
}

function refusal(lint: readonly LintMessage[]): FailureView | null {
  const errors = lint.filter(({ code }) => lintCodes[code].severity === 'error');
  if (errors.length === 0) return null;
  return { code: 'SCHEMA_REFUSED', message: errors.map(({ message }) => message).join('; ') };
}
