import { cancellationSignal } from '@temporalio/activity';
import type { BranchRef, BranchSchema, DatabaseRef, WouldChange, WouldLose } from '../../domain/deploy/contract';
import { diffTexts, schemaTexts } from '../../domain/deploy/texts';
import { Failure } from '../../domain/failures';
import type { SchemaModel } from '../../domain/schema/model';
import { examined, newOperation } from '../deploy/examine';
import type { DeployPorts } from '../deploy/ports';
import type { StoredPlan } from '../deploy/subject';
import { expected } from '../deploy/work';
import type { DatabaseActivities } from './activities';
import { branchOf, databaseOf } from './lookup';

/** What trials of a change are known by; nothing is made under it. */
const TRIAL = 'trial';

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

  const wouldChange = async (ref: BranchRef, intoBranchId: string | null): Promise<WouldChange> => {
    const [database, branch] = [await databaseOf(ports, ref), await branchOf(ports, ref)];
    const into = intoBranchId === null ? branch : await branchOf(ports, { ...ref, branchId: intoBranchId });
    const found = await examined(ports, {
      database,
      branch,
      into,
      id: TRIAL,
      instant: false,
      sinceBase: intoBranchId === null,
    });
    if (found.conflict) throw new Failure(found.conflict.code, found.conflict.message);
    const { change, lint, instantEligible } = found;
    const copied = change!.operations.filter(({ shadow }) => shadow !== null).map(({ name }) => name);
    const bytesNeeded = await (await ports.host(database)).sizeOf(into.schema, copied);
    return {
      operations: change!.operations.map((operation) => {
        const { kind, table, ddl, way, because, canDropData } = newOperation(operation);
        return { kind, table, ddl, way, because, canDropData };
      }),
      diff: diffTexts(change!.from, change!.to),
      ...{ lint, instantEligible, bytesNeeded },
    };
  };

  const wouldLose = async (ref: DatabaseRef, requestId: string): Promise<WouldLose> => {
    const { requests, branches } = ports.deploys;
    const [request, plan] = [
      await requests.byId(ref.organizationId, requestId),
      await requests.plan(ref.organizationId, requestId),
    ];
    if (!request || plan === null) throw new Failure('NOT_FOUND', `there is no deploy request ${requestId}`);
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
            return await wouldChange({ ...ref, branchId: look.branchId }, look.intoBranchId);
          case 'branch':
            return await wouldChange({ ...ref, branchId: look.branchId }, null);
          case 'losses':
            return await wouldLose(ref, look.requestId);
        }
      });
    },
  };
}
