import { cancellationSignal } from '@temporalio/activity';
import type { BranchRef, BranchSchema, DatabaseRef, WouldChange, WouldLose } from '../../domain/deploy/contract';
import { schemaTexts } from '../../domain/deploy/texts';
import { Failure } from '../../domain/failures';
import type { Rename } from '../../domain/schema/change';
import { lintSchemas } from '../../domain/schema/lint';
import type { SchemaModel } from '../../domain/schema/model';
import { planChange } from '../../domain/schema/ways';
import { examined } from '../deploy/examine';
import { lossesOf } from '../deploy/losses';
import type { DeployPorts } from '../deploy/ports';
import type { StoredPlan } from '../deploy/subject';
import { expected } from '../deploy/work';
import type { DatabaseActivities } from './activities';
import { shown, TRIAL, wouldRollOut } from './inspect-rollout';
import { branchOf, databaseOf } from './lookup';
import { writer } from './shape';

/** Reading what stands on a server. */
export function inspectSteps(ports: DeployPorts): Pick<DatabaseActivities, 'inspect'> {
  const introspected = async (ref: BranchRef): Promise<SchemaModel> => {
    const branch = await branchOf(ports, ref);
    const engine = await ports.engine(await databaseOf(ports, ref), branch.schema);
    return await engine.introspect(cancellationSignal());
  };

  const branchSchema = async (ref: BranchRef): Promise<BranchSchema> => ({
    objects: schemaTexts(await introspected(ref)),
  });

  const wouldChange = async (
    ref: BranchRef,
    intoBranchId: string,
    renames: readonly Rename[] = [],
  ): Promise<WouldChange> => {
    const [database, branch] = [await databaseOf(ports, ref), await branchOf(ports, ref)];
    const into = await branchOf(ports, { ...ref, branchId: intoBranchId });
    const found = await examined(ports, { database, branch, into, id: TRIAL, instant: false, renames });
    if (found.conflict) throw new Failure(found.conflict.code, found.conflict.message);
    const { change, lint, instantEligible, storage } = found;
    return { ...shown(change!), lint, instantEligible, bytesNeeded: storage!.bytesNeeded };
  };

  /** What a branch has changed since it began: no server has that schema any more, so that nothing can be tried. */
  const hasChanged = async (ref: BranchRef): Promise<WouldChange> => {
    const { settings } = await databaseOf(ports, ref);
    const to = await introspected(ref);
    const base = await ports.deploys.branches.base(ref.organizationId, ref.databaseId, ref.branchId);
    const difference = { from: base === null ? to : (JSON.parse(base) as SchemaModel), to, renames: [] };
    const change = planChange(TRIAL, difference, writer(to), { instant: new Set(), instantWanted: false });
    const lint = lintSchemas(change, change.operations, settings);
    return { ...shown(change), lint, instantEligible: false, bytesNeeded: 0 };
  };

  const wouldLose = async (ref: DatabaseRef, requestId: string): Promise<WouldLose> => {
    const { requests, branches } = ports.deploys;
    const [request, plan] = [
      await requests.byId(ref.organizationId, requestId),
      await requests.plan(ref.organizationId, requestId),
    ];
    if (!request || plan === null) throw new Failure('NOT_FOUND', `there is no deploy request ${requestId}`);
    if ((await ports.rollouts.applies.get(ref.organizationId, requestId)) !== null) {
      const found = await lossesOf(
        ports,
        { ...ref, requestId, number: request.number },
        { signal: cancellationSignal() },
      );
      return { losses: found.map(({ example: _, ...loss }) => loss) };
    }
    if (request.deployment.state !== 'complete_pending_revert') return { losses: [] };
    const into = (await branches.get(ref.organizationId, ref.databaseId, request.intoBranchId))!;
    const engine = await ports.engine(await databaseOf(ports, ref), into.schema);
    const { branch: _planned, ...change } = JSON.parse(plan) as StoredPlan;
    const losses = await engine.losses(change, { signal: cancellationSignal() });
    return { losses: losses.map(({ example: _, ...loss }) => loss) };
  };

  return {
    async inspect({ look, organizationId, databaseId }) {
      const ref = { organizationId, databaseId };
      return await expected(async () => {
        switch (look.at) {
          case 'schema':
            return await branchSchema({ ...ref, branchId: look.branchId });
          case 'change':
            return await wouldChange({ ...ref, branchId: look.branchId }, look.intoBranchId, look.renames);
          case 'branch':
            return await hasChanged({ ...ref, branchId: look.branchId });
          case 'rollout':
            return await wouldRollOut(ports, { ...ref, branchId: look.branchId }, look.intoBranchId, look.renames);
          case 'losses':
            return await wouldLose(ref, look.requestId);
        }
      });
    },
  };
}
