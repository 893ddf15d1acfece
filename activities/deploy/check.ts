import { randomUUID } from 'node:crypto';
import { cancellationSignal } from '@temporalio/activity';
import type { RequestRef } from '../../domain/deploy/contract';
import { mergeSchemas } from '../../domain/deploy/three-way';
import type { FailureView } from '../../domain/saga';
import { lintCodes, type LintMessage } from '../../domain/schema/lint-codes';
import type { SchemaModel } from '../../domain/schema/model';
import { Way, type PlannedChange, type PlannedOperation } from '../../domain/schema/plan';
import type { NewOperation } from '../../prisma/deploy-store';
import type { Checked, DeployActivities } from './activities';
import type { DeployPorts } from './ports';
import { subjectOf, type Subject } from './subject';
import { expected } from './work';

/** Comparing a branch with its target, planning the difference, and finding what speaks against it. */
export function checkSteps(ports: DeployPorts): Pick<DeployActivities, 'check'> {
  const { requests } = ports.deploys;
  return {
    async check({ again, ...ref }): Promise<Checked> {
      const subject = await subjectOf(ports, ref);
      const { organizationId, requestId } = ref;
      const found = await expected(async () => await examine(ports, subject, ref));
      const { change, lint, conflict, instantEligible } = found;
      if (change)
        await requests.setPlan(organizationId, requestId, JSON.stringify(change), change.operations.map(newOperation));
      const error = conflict ?? refusal(lint);
      await requests.note(organizationId, requestId, { lint, error, instantEligible });
      if (error) return { result: 'error', error };
      if (change!.operations.length > 0) return { result: 'changes', error: null };
      const none: FailureView = { code: 'STATE_CONFLICT', message: 'there is nothing left to deploy' };
      return again ? { result: 'error', error: none } : { result: 'none', error: null };
    },
  };
}

interface Examined {
  readonly change: PlannedChange | null;
  readonly lint: readonly LintMessage[];
  readonly conflict: FailureView | null;
  readonly instantEligible: boolean;
}

async function examine(
  ports: DeployPorts,
  { request, database, branch, into, engine }: Subject,
  { organizationId, databaseId, requestId }: RequestRef,
): Promise<Examined> {
  const signal = cancellationSignal();
  const branchEngine = await ports.engine(database, branch.schema);
  const base = await ports.deploys.branches.base(organizationId, databaseId, branch.id);
  const [own, target] = [await branchEngine.introspect(signal), await engine.introspect(signal)];
  const began = base === null ? target : (JSON.parse(base) as SchemaModel);
  const { merged, conflicts } = mergeSchemas({ base: began, branch: own, target });
  if (conflicts.length > 0) {
    const message = conflicts.map((conflict) => conflict.message).join('; ');
    return { change: null, lint: [], conflict: { code: 'DEPLOY_CONFLICT', message }, instantEligible: false };
  }
  const difference = { from: target, to: merged, renames: [] };
  const { instant } = request.deployment;
  const change = await engine.plan(requestId, difference, { instant }, signal);
  const quick = instant ? change : await engine.plan(requestId, difference, { instant: true }, signal);
  const { allowForeignKeys } = database.settings;
  const lint = change.operations.length > 0 ? await engine.lint(change, { allowForeignKeys }, signal) : [];
  return { change, lint, conflict: null, instantEligible: isInstant(quick) };
}

/** Whether every alteration of a table only touches the catalog, and there is one. */
function isInstant({ operations }: PlannedChange): boolean {
  const altered = operations.filter(({ object, kind }) => object === 'table' && kind === 'ALTER');
  return altered.length > 0 && altered.every(({ way }) => way === Way.instant);
}

function refusal(lint: readonly LintMessage[]): FailureView | null {
  const errors = lint.filter(({ code }) => lintCodes[code].severity === 'error');
  return errors.length > 0
    ? { code: 'SCHEMA_REFUSED', message: errors.map(({ message }) => message).join('; ') }
    : null;
}

function newOperation({ kind, name, ddl, way, because, flags }: PlannedOperation): NewOperation {
  const statements = [...ddl.first, ...ddl.main, ...ddl.last];
  return {
    ...{ id: randomUUID(), kind, table: name, way, because },
    ddl: statements.map((statement) => `${statement};`).join('\n'),
    canDropData: flags.some((flag) => flag.kind === 'drops_data'),
    recentlyUsedAt: null,
  };
}
