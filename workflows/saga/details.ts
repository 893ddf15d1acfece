import { failures } from '../../domain/failures';
import type { SagaState, SagaView, StepView } from '../../domain/saga';

const headline: Record<SagaState, string> = {
  running: 'Running',
  rolling_back: 'Taking the run back',
  needs_attention: 'NEEDS ATTENTION: a person has to decide',
  succeeded: 'Succeeded',
  rolled_back: 'Taken back: everything is as it was before',
  abandoned: 'Taken back, except for what a person chose to skip',
};

/** A run in Markdown, for people who read it in Temporal's Web UI. */
export function details(runId: string, view: SagaView): string {
  const parts = [`# ${headline[view.state]}`];
  if (view.error) parts.push(`**Why:** ${view.error.message} (\`${view.error.code}\`)`);
  const stuck = view.steps.filter((step) => step.state === 'stuck');
  parts.push(...stuck.map((step) => stuckText(runId, step)));
  if (view.severity === 'critical') parts.push('**This has waited longer than it may.**');
  parts.push(view.steps.map(line).join('\n'));
  return parts.join('\n\n');
}

function stuckText(runId: string, step: StepView): string {
  const error = step.undoError ?? step.error;
  const what = step.undoError ? `**«${step.name}» cannot be taken back**` : `**«${step.name}» cannot be completed**`;
  const why = error ? `: ${error.message} (\`${error.code}\`). ${failures[error.code].remedy}` : '.';
  return [
    `${what}${why} Stuck since ${step.stuckSince}.`,
    '',
    `- When the cause is gone: \`gatewright resolve ${runId} ${step.name} retry --reason "..."\``,
    `- To leave it as it is: \`gatewright resolve ${runId} ${step.name} skip --reason "..."\``,
    '',
    `(or send the update \`resolve\` with \`{"step": "${step.name}", "action": "retry", "reason": "...", "by": "..."}\`)`,
  ].join('\n');
}

function line(step: StepView): string {
  const error = step.undoError ?? step.error;
  return `- ${step.name}: ${step.state.replaceAll('_', ' ')}${error ? ` — ${error.message}` : ''}${step.why ? ` (${step.why})` : ''}`;
}
