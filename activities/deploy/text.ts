import type { DeployOperation, DeployRequest } from '../../domain/deploy/request';
import { stateText } from '../../domain/deploy/states';

/** How far a request is, in Markdown, for people who read it in Temporal's Web UI. */
export function progressText({ deployment }: DeployRequest, operations: readonly DeployOperation[]): string {
  const rows = operations.map(
    ({ table, kind, state, percent, rowsPerSecond, etaSeconds, throttledBy, error }) =>
      `| ${cell(table)} | ${kind} | ${state.replaceAll('_', ' ')} | ${percent} % | ${rowsPerSecond} | ${etaSeconds ?? ''} | ${cell(error ?? throttledBy ?? '')} |`,
  );
  const parts = [
    `**${stateText(deployment.state)}**`,
    ...(deployment.error ? [`${deployment.error.message} (\`${deployment.error.code}\`)`] : []),
    ...(deployment.revertWindowEndsAt
      ? [`It can be reverted until ${deployment.revertWindowEndsAt.toISOString()}.`]
      : []),
    ...(deployment.throttle > 0 ? [`It rests ${Math.round(deployment.throttle * 100)} % of the time.`] : []),
    [
      '| table | change | state | copied | rows/s | seconds left | |',
      '| ----- | ------ | ----- | ------ | ------ | ------------ | - |',
      ...rows,
    ].join('\n'),
  ];
  return parts.join('\n\n');
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}
