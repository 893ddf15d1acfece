import type { ApplyNow } from '../../domain/rollout/contract';
import { applyStateFacts, type ApplyState } from '../../domain/rollout/states';

/** Where an apply stands, in Markdown, for people who read it in Temporal's Web UI. */
export function rolloutText(apply: ApplyNow | null): string {
  if (!apply) return '';
  const { state, determined, operations } = apply;
  const rows = (Object.entries(operations) as [ApplyState, number][]).map(
    ([each, count]) => `| ${count} | ${each.replaceAll('_', ' ')} | ${applyStateFacts[each].says} |`,
  );
  return [
    `**${applyStateFacts[state].says}** (${state.replaceAll('_', ' ')})`,
    ...(determined ? [] : ['Some deployments cannot be read: this is what was known before.']),
    ['| deployments | state | |', '| ----------- | ----- | - |', ...rows].join('\n'),
  ].join('\n\n');
}
