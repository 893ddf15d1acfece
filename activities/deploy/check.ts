import type { FailureView } from '../../domain/saga';
import { lintCodes, type LintMessage } from '../../domain/schema/lint-codes';
import type { Checked, DeployActivities } from './activities';
import { examined, newOperation } from './examine';
import type { DeployPorts } from './ports';
import { subjectOf, type StoredPlan } from './subject';
import { expected } from './work';

/** Comparing a branch with its target, planning the difference, and finding what speaks against it. */
export function checkSteps(ports: DeployPorts): Pick<DeployActivities, 'check'> {
  const { requests } = ports.deploys;
  return {
    async check({ again, ...ref }): Promise<Checked> {
      const { request, ...subject } = await subjectOf(ports, ref);
      const { organizationId, requestId } = ref;
      const { renames, deployment } = request;
      const examination = { ...subject, id: requestId, instant: deployment.instant, renames, placed: again };
      const found = await expected(async () => await examined(ports, examination));
      const { change, lint, conflict, instantEligible, storage } = found;
      if (change) {
        const operations = change.operations.map(newOperation);
        const plan: StoredPlan = { ...change, branch: found.branch };
        await requests.setPlan(organizationId, requestId, JSON.stringify(plan), operations);
      }
      const error = conflict ?? refusal(lint);
      await requests.note(organizationId, requestId, { lint, error, instantEligible, storage });
      if (error) return { result: 'error', error };
      if (change!.operations.length > 0) return { result: 'changes', error: null };
      const none: FailureView = { code: 'STATE_CONFLICT', message: 'there is nothing left to deploy' };
      return again ? { result: 'error', error: none } : { result: 'none', error: null };
    },
  };
}

function refusal(lint: readonly LintMessage[]): FailureView | null {
  const errors = lint.filter(({ code }) => lintCodes[code].severity === 'error');
  if (errors.length === 0) return null;
  return { code: 'SCHEMA_REFUSED', message: errors.map(({ message }) => message).join('; ') };
}
