import type { CutoverPolicy } from '../../../domain/rollout/claims';
import type { FailurePolicy } from '../../../domain/rollout/policy';
import type { ApplyState } from '../../../domain/rollout/states';
import type { ServerName } from '../../deploy/support/servers';
import { phases, type Injected, type Injector, type Phase } from './injected';
import type { RealWorld, Rollout } from './real-world';

/** How many deployments the databases of a server have. */
export const deployments: Readonly<Record<ServerName, number>> = { MariaDB: 4, PostgreSQL: 2 };

/** One apply in which one phase of one deployment fails. */
export interface Round {
  readonly server: ServerName;
  readonly cutover: CutoverPolicy;
  /** What the failure means; `passes` for one that is weather, which the apply is to outlive. */
  readonly policy: FailurePolicy | 'passes';
  readonly phase: Phase;
  /** The position of the deployment. */
  readonly at: number;
}

/** Every failure of every deployment under every policy, and weather in each phase. */
export const allRounds: readonly Round[] = (['MariaDB', 'PostgreSQL'] as const).flatMap((server) =>
  (['sequential', 'barrier'] as const).flatMap((cutover) =>
    (['halt', 'continue', 'pause', 'passes'] as const).flatMap((policy) =>
      phases.flatMap((phase) =>
        Array.from({ length: deployments[server] }, (_, at): Round => ({ server, cutover, policy, phase, at })),
      ),
    ),
  ),
);

/** Each phase once, each policy under each rule of cut-overs. */
export const fewRounds: readonly Round[] = [
  { server: 'MariaDB', cutover: 'barrier', policy: 'halt', phase: 'copy', at: 1 },
  { server: 'PostgreSQL', cutover: 'sequential', policy: 'pause', phase: 'prepare', at: 0 },
  { server: 'MariaDB', cutover: 'barrier', policy: 'pause', phase: 'cutOver', at: 1 },
  { server: 'PostgreSQL', cutover: 'sequential', policy: 'halt', phase: 'finish', at: 0 },
  { server: 'MariaDB', cutover: 'sequential', policy: 'continue', phase: 'prove', at: 2 },
  { server: 'PostgreSQL', cutover: 'barrier', policy: 'continue', phase: 'copy', at: 0 },
  { server: 'MariaDB', cutover: 'barrier', policy: 'continue', phase: 'revert', at: 1 },
  { server: 'PostgreSQL', cutover: 'sequential', policy: 'passes', phase: 'cutOver', at: 1 },
];

export const named = ({ server, cutover, policy, phase, at }: Round): string =>
  `${server}, ${cutover}: ${phase} of deployment ${at} fails, ${policy}`;

/** What is to become of each deployment. */
export interface Ending {
  readonly states: readonly ApplyState[];
  /** Whether the change is live in it. */
  readonly changed: readonly boolean[];
}

/** What a round ends with. */
export function endingOf({ server, cutover, policy, phase, at }: Round): Ending {
  const positions = Array.from({ length: deployments[server] }, (_, i) => i);
  const isLive = phase === 'finish' || phase === 'revert';
  const behind = (): ApplyState => {
    if (phase === 'revert') return 'reverted';
    if (policy !== 'halt') return 'completed';
    // Under a barrier all have begun by then; one after another, none has.
    return cutover === 'barrier' ? 'cancelled' : 'pending';
  };
  const stateOf = (position: number): ApplyState => {
    if (policy === 'passes') return phase === 'revert' ? 'reverted' : 'completed';
    if (position === at) return 'failed';
    return position < at ? 'completed' : behind();
  };
  const states = positions.map(stateOf);
  return { states, changed: states.map((state) => state === 'completed' || (state === 'failed' && isLive)) };
}

/** Whether there comes a moment in which everything behind the failure waits for a release. */
function isHeld({ server, policy, phase, at }: Round): boolean {
  return policy === 'pause' && phase !== 'revert' && at < deployments[server] - 1;
}

/** What was seen of a round when it was over. */
export interface Played {
  readonly rollout: Rollout;
  /** How often the failure happened. */
  readonly happened: number;
}

/** Plays a round until its apply has settled, and its workflows have ended. */
export async function play(world: RealWorld, round: Round): Promise<Played> {
  const { server, cutover, policy, phase, at } = round;
  const rollout = await world.request(
    server,
    deployments[server],
    {
      ...{ cutover, copies: deployments[server], onFailure: policy === 'passes' ? 'halt' : policy },
      // Where all windows end at once, nobody is left behind a failure in one of them.
      revertTogether: phase !== 'finish',
    },
    { revertWindowMs: phase === 'revert' ? 600_000 : 100 },
  );
  const injected = inject(world.injector, round, rollout.schemas[at]!);
  await rollout.request.tell('deploy');
  if (phase === 'revert') await revert(rollout, round);
  if (isHeld(round)) await release(rollout, round);
  await rollout.settles();
  injected.end();
  return { rollout, happened: injected.happened };
}

function inject(injector: Injector, { policy, phase }: Round, schema: string): Injected {
  return policy === 'passes'
    ? injector.add(schema, phase, 'DATABASE_UNREACHABLE', 2)
    : injector.add(schema, phase, 'CHANGE_CONFLICT');
}

async function revert(rollout: Rollout, { policy, at }: Round): Promise<void> {
  await rollout.until('live', (_, all) => all.every(({ state }) => state === 'revert_window'));
  await rollout.request.tell('revert');
  if (policy === 'passes' || at === 0) return;
  const isOver = await rollout.until(
    'held up by the one that cannot be reverted',
    ({ asked }, all) => all[at]!.state === 'failed' && asked.revert === null,
  );
  expect(isOver.completedAt).toBeNull();
  await rollout.request.tell('skipRevert');
}

/** Lets those behind a failure go on, of whom none has done so by itself. */
async function release(rollout: Rollout, { cutover, phase, at }: Round): Promise<void> {
  await rollout.until('paused', ({ state }, all) => {
    const waits = cutover === 'sequential' ? 'pending' : 'waiting_for_cutover';
    const areReady = all.slice(at + 1).every((each) => each.state === waits);
    // One whose window is open is there still: nothing ends before what may come.
    const areLive = all.slice(0, at).every((each) => ['revert_window', 'completed'].includes(each.state));
    return state === 'paused' && all[at]!.state === 'failed' && areReady && (areLive || phase === 'finish');
  });
  await rollout.say('release');
}
