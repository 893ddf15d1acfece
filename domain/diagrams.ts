import { allowedActions } from './deploy/actions';
import { DeployWorkflow } from './deploy/contract';
import { deploymentMoves, DeploymentState, stateFacts } from './deploy/states';
import { FleetWorkflow } from './fleet/contract';
import { gatewayMoves, GatewayState, replicaMoves, ReplicaState, type Move } from './fleet/lifecycle';
import { allocationMoves, AllocationState } from './gateway/allocation';
import type { PlannedStep } from './planned-step';
import { rolloutSteps } from './fleet/steps';
import { deploymentStateOf } from './rollout/deployment-state';
import { operationMoves } from './rollout/moves';
import { ApplyState, applyStateFacts } from './rollout/states';
import { planOf } from './run-plan';
import { RunKind } from './gateway/contract';
import { sagaTransitions, type Transition } from './saga';
import { lintCodes } from './schema/lint-codes';
import { changeMoves, ChangePhase } from './schema/phases';

/*
 * What documents show of the tables in this folder. A document names what it wants between two comments:
 * `<!-- generated: run states -->` and `<!-- /generated -->`; `npm run diagrams` fills in what is between them.
 */

/** Everything that can be generated, by the name a document gives it. Each is Markdown as Prettier leaves it. */
export const generated: Readonly<Record<string, () => string>> = {
  'run states': () => stateDiagram(sagaTransitions),
  'allocation states': () =>
    stateDiagram(begun(allocationMoves, AllocationState.starting, 'a replica is taken for the organization')),
  'gateway states': () => stateDiagram(begun(gatewayMoves, GatewayState.submitted, 'it is applied')),
  'replica states': () => stateDiagram(begun(replicaMoves, ReplicaState.submitted, 'its gateway needs it')),
  'deployment states': () =>
    stateDiagram(begun(deploymentMoves, DeploymentState.pending, 'a deploy request is opened')),
  'what a deployment’s states mean': () => stateTable(),
  'operation states': () =>
    stateDiagram(reachable(begun<ApplyState>(operationMoves, ApplyState.pending, 'a rollout is made'))),
  'what a rollout’s states mean': () => rolloutTable(),
  'steps of gateway.start': () => stepTable(planOf(RunKind.start)),
  'steps of gateway.stop': () => stepTable(planOf(RunKind.stop)),
  'steps of gateway.move': () => stepTable(planOf(RunKind.move)),
  'steps of fleet.provision': () => stepTable(planOf(FleetWorkflow.provision)),
  'steps of fleet.retire': () => stepTable(planOf(FleetWorkflow.retire)),
  'steps of fleet.rollout': () => stepTable(rolloutSteps),
  'steps of deploy.request': () => stepTable(planOf(DeployWorkflow.request)),
  'steps of deploy.operation': () => stepTable(planOf(DeployWorkflow.operation)),
  'steps of database.create': () => stepTable(planOf(DeployWorkflow.createDatabase)),
  'steps of database.delete': () => stepTable(planOf(DeployWorkflow.deleteDatabase)),
  'steps of branch.create': () => stepTable(planOf(DeployWorkflow.createBranch)),
  'steps of branch.delete': () => stepTable(planOf(DeployWorkflow.deleteBranch)),
  'steps of branch.password': () => stepTable(planOf(DeployWorkflow.password)),
  'skipping in gateway.start': () => skipTable(planOf(RunKind.start)),
  'skipping in gateway.stop': () => skipTable(planOf(RunKind.stop)),
  'skipping in gateway.move': () => skipTable(planOf(RunKind.move)),
  'schema change phases': () => stateDiagram(phases()),
  'lint codes': () =>
    markdownTable(
      ['code', 'severity', 'what you do'],
      Object.entries(lintCodes).map(([code, { severity, remedy }]) => [`\`${code}\``, severity, remedy]),
    ),
};

const block = /^<!-- generated: ([^\n]+?) -->\n[\s\S]*?^<!-- \/generated -->$/gm;

/**
 * A document with everything between its marks as it would be generated now.
 * @param more what can be generated of what this folder does not know, in the form of {@link generated}.
 * @throws Error naming a mark that asks for something unknown.
 */
export function regenerate(text: string, more: Readonly<Record<string, () => string>> = {}): string {
  const all = { ...generated, ...more };
  return text.replace(block, (_, name: string) => {
    if (!Object.hasOwn(all, name)) throw new Error(`nothing generates «${name}»`);
    return `<!-- generated: ${name} -->\n\n${all[name]!()}\n\n<!-- /generated -->`;
  });
}

/** What a document has generated, by name. */
export function marks(text: string): string[] {
  return [...text.matchAll(block)].map((match) => match[1]!);
}

/** The transitions of a table of moves, with what makes the first state. */
function begun<S extends string>(
  moves: Readonly<Record<string, Move<S>>>,
  first: S,
  when: string,
): readonly Transition<S>[] {
  const all = Object.values(moves).flatMap((move) => move.from.map((from) => ({ from, to: move.to, when: move.when })));
  return [{ from: null, to: first, when }, ...all];
}

/** Transitions that lead elsewhere, from states that something leads to. */
function reachable<S extends string>(transitions: readonly Transition<S>[]): readonly Transition<S>[] {
  const reached = new Set(transitions.map(({ to }) => to));
  return transitions.filter(({ from, to }) => from !== to && (from === null || reached.has(from)));
}

/** The phases of a change of a schema; what leaves nothing behind leads to the end. */
function phases(): readonly Transition<string>[] {
  const all = Object.values(changeMoves).flatMap(({ from, to, when }) =>
    from.map((phase) => ({ from: phase, to: to ?? END, when })),
  );
  return [{ from: null, to: ChangePhase.preparing, when: 'a plan is begun' }, ...all];
}

/** Where a diagram begins and ends. */
const END = '[*]';

function stateDiagram(transitions: readonly Transition<string>[]): string {
  const ends = [...new Set(transitions.map(({ to }) => to))].filter(
    (state) => state !== END && !transitions.some(({ from }) => from === state),
  );
  const lines = [
    ...transitions.map(({ from, to, when }) => `${from ?? END} --> ${to}: ${when}`),
    ...ends.map((state) => `${state} --> ${END}`),
  ];
  return ['```mermaid', 'stateDiagram-v2', ...lines.map((line) => `    ${line}`), '```'].join('\n');
}

function stateTable(): string {
  const rows = Object.values(DeploymentState).map((state) => {
    const { says, terminal, holdsPlace } = stateFacts[state];
    const isBegun = !['pending', 'ready', 'no_changes', 'error'].includes(state);
    const actions = allowedActions({ state, deployed: isBegun, closed: false, approvalMissing: false });
    const list = actions.filter((action) => action !== 'throttle' && action !== 'auto-apply');
    return [`\`${state}\``, says, terminal ? 'yes' : '', holdsPlace ? 'yes' : '', list.join(', ')];
  });
  return markdownTable(['state', 'what it means', 'ended', 'holds the place', 'what can be done'], rows);
}

function rolloutTable(): string {
  const ofAll: readonly ApplyState[] = ['running_degraded', 'paused'];
  const rows = Object.values(ApplyState).map((state) => {
    const { says, settled } = applyStateFacts[state];
    const told = deploymentStateOf(state, [state], { cancel: false, revert: false });
    return [`\`${state}\``, says, ofAll.includes(state) ? 'the rollout' : 'both', settled ? 'yes' : '', `\`${told}\``];
  });
  return markdownTable(['state', 'what it means', 'of', 'ended', 'what the deploy request says'], rows);
}

function stepTable(steps: readonly PlannedStep[]): string {
  const undone = ({ undo: { kind, text } }: PlannedStep): string =>
    ({ undo: text, nothing: `nothing: ${text}`, point_of_no_return: `**point of no return**: ${text}` })[kind];
  return markdownTable(
    ['step', 'do', 'undo'],
    steps.map((step) => [`\`${step.name}\``, step.do, undone(step)]),
  );
}

function skipTable(steps: readonly PlannedStep[]): string {
  const stuck = steps.filter(({ leftBehind }) => leftBehind !== 'nothing');
  return markdownTable(
    ['step skipped', 'what stays behind'],
    stuck.map(({ name, leftBehind }) => [`\`${name}\``, leftBehind]),
  );
}

/** A table as Prettier leaves it. */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((cell, column) => Math.max(cell.length, 3, ...rows.map((row) => row[column]!.length)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column]!)).join(' | ')} |`;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}
