import type { RequestRef } from '../../domain/deploy/contract';
import type { BranchRecord, DatabaseRecord } from '../../domain/deploy/database';
import type { DeployRequest } from '../../domain/deploy/request';
import { Failure } from '../../domain/failures';
import type { SchemaModel } from '../../domain/schema/model';
import type { PlannedChange } from '../../domain/schema/plan';
import type { SchemaEngine } from '../../drivers/database/engine';
import { isOwn, ownOperation, planKey, seenBy } from './operation';
import type { DeployPorts } from './ports';

/** A request with what it is about. */
export interface Subject {
  readonly database: DatabaseRecord;
  readonly request: DeployRequest;
  readonly branch: BranchRecord;
  readonly into: BranchRecord;
  /** Of the target. */
  readonly engine: SchemaEngine;
}

/** A request with its plan. */
export interface PlannedSubject extends Subject {
  readonly change: PlannedChange;
  /** What the branch was when it was planned. */
  readonly planned: SchemaModel;
}

/** A plan as it is kept. */
export interface StoredPlan extends PlannedChange {
  readonly branch: SchemaModel;
}

/**
 * A request; where the ref is about one of its operations, as that one sees it.
 * @throws Failure NOT_FOUND; STATE_CONFLICT (data: state, epoch) once a later workflow has the operation
 */
export async function requestOf(ports: DeployPorts, ref: RequestRef): Promise<DeployRequest> {
  const [request, operation] = await Promise.all([
    ports.deploys.requests.byId(ref.organizationId, ref.requestId),
    isOwn(ref) ? ownOperation(ports, ref) : null,
  ]);
  if (!request) throw new Failure('NOT_FOUND', `there is no deploy request ${ref.requestId}`);
  return operation ? seenBy(request, operation) : request;
}

/**
 * A request with what it is about; where the ref is about one of its operations, server and schema are that deployment's.
 * @throws Failure NOT_FOUND, SECRET_UNAVAILABLE, STATE_CONFLICT
 */
export async function subjectOf(ports: DeployPorts, ref: RequestRef): Promise<Subject> {
  const place = await placeOf(ports, ref);
  return { ...place, engine: await ports.engine(place.database, place.into.schema) };
}

/** The same without its engine. @throws Failure NOT_FOUND, STATE_CONFLICT */
export async function placeOf(ports: DeployPorts, ref: RequestRef): Promise<Omit<Subject, 'engine'>> {
  const { deploys } = ports;
  const { organizationId, databaseId } = ref;
  const [request, database] = await Promise.all([
    requestOf(ports, ref),
    deploys.databases.get(organizationId, databaseId),
  ]);
  if (!database) throw new Failure('NOT_FOUND', `there is no database ${databaseId}`);
  const [branch, into] = await Promise.all(
    [request.branchId, request.intoBranchId].map(async (id) => {
      const found = await deploys.branches.get(organizationId, databaseId, id);
      if (!found) throw new Failure('NOT_FOUND', `there is no branch ${id}`);
      return found;
    }),
  );
  const place = { database, request, branch: branch!, into: into! };
  if (!isOwn(ref)) return place;
  const { server, schema } = await ownOperation(ports, ref);
  return { ...place, database: { ...database, server }, into: { ...place.into, schema } };
}

/** Whether what is made for a request is made by its operations, so that nothing is known by its own id. */
export async function isSeveral({ rollouts }: DeployPorts, ref: RequestRef): Promise<boolean> {
  return !isOwn(ref) && (await rollouts.applies.get(ref.organizationId, ref.requestId)) !== null;
}

/** @throws Failure NOT_FOUND, SECRET_UNAVAILABLE, STATE_CONFLICT */
export async function plannedOf(ports: DeployPorts, ref: RequestRef): Promise<PlannedSubject> {
  const [subject, plan] = await Promise.all([
    subjectOf(ports, ref),
    ports.deploys.requests.plan(ref.organizationId, planKey(ref)),
  ]);
  if (plan === null) throw new Failure('NOT_FOUND', `deploy request ${planKey(ref)} has no plan`);
  const { branch: planned, ...change } = JSON.parse(plan) as StoredPlan;
  return { ...subject, change, planned };
}
