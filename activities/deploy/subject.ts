import type { RequestRef } from '../../domain/deploy/contract';
import type { BranchRecord, DatabaseRecord } from '../../domain/deploy/database';
import type { DeployRequest } from '../../domain/deploy/request';
import { Failure } from '../../domain/failures';
import type { SchemaModel } from '../../domain/schema/model';
import type { PlannedChange } from '../../domain/schema/plan';
import type { SchemaEngine } from '../../drivers/database/engine';
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

/** @throws Failure NOT_FOUND */
export async function requestOf({ deploys }: DeployPorts, ref: RequestRef): Promise<DeployRequest> {
  const request = await deploys.requests.byId(ref.organizationId, ref.requestId);
  if (!request) throw new Failure('NOT_FOUND', `there is no deploy request ${ref.requestId}`);
  return request;
}

/** @throws Failure NOT_FOUND, SECRET_UNAVAILABLE */
export async function subjectOf(ports: DeployPorts, ref: RequestRef): Promise<Subject> {
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
  return { database, request, branch: branch!, into: into!, engine: await ports.engine(database, into!.schema) };
}

/** @throws Failure NOT_FOUND, SECRET_UNAVAILABLE */
export async function plannedOf(ports: DeployPorts, ref: RequestRef): Promise<PlannedSubject> {
  const [subject, plan] = await Promise.all([
    subjectOf(ports, ref),
    ports.deploys.requests.plan(ref.organizationId, ref.requestId),
  ]);
  if (plan === null) throw new Failure('NOT_FOUND', `deploy request ${ref.requestId} has no plan`);
  const { branch: planned, ...change } = JSON.parse(plan) as StoredPlan;
  return { ...subject, change, planned };
}
