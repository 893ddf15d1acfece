import { FakeSchemas, modelOf } from '../../../bench/rollout/fake-engine';
import type { RolloutSettings } from '../../../domain/rollout/apply';
import { writeSecret } from '../../../drivers/secrets/files';
import type { Target } from '../../deploy/support/targets';
import { DeployWorld, SERVER, testDeployPolicy } from '../../deploy/support/world';
import { EngineGate } from './engine-gate';
import { rolloutOn, type Rollout, type Way } from './real-world';

/** Applies on a real Temporal and a real store, whose database servers are in the memory of this process. */
export class FakeWorld {
  readonly gate = new EngineGate();
  private readonly schemas = new FakeSchemas();

  private constructor(
    readonly world: DeployWorld,
    private readonly target: Target,
  ) {}

  /** @param historyEvents after which a workflow goes on with a new history; as many as always, unless told. */
  static async start(historyEvents?: number): Promise<FakeWorld> {
    const nothing = async (): Promise<void> => await Promise.resolve();
    // Everything that a target does to a server that is not there.
    const target = {
      ...{ kind: 'mysql', url: 'mysql://nobody@127.0.0.1:1/', make: nothing, run: nothing },
      fork: async () => await Promise.resolve(modelOf('int(11)')),
    } as unknown as Target;
    const world = await DeployWorld.start(target, { ...testDeployPolicy, cutoverMs: 1_000 }, historyEvents);
    await writeSecret(world.directory, SERVER, target.url);
    const made = new FakeWorld(world, target);
    await made.startWorker();
    return made;
  }

  async startWorker(): Promise<void> {
    await this.world.startWorker([], (ports) => this.gate.ports(this.schemas.ports(ports)));
  }

  /** A request over so many deployments, checked and not deployed yet. */
  async request(
    count: number,
    rollout: Partial<RolloutSettings> = {},
    way: Omit<Way, 'rollout'> = {},
  ): Promise<Rollout> {
    return await rolloutOn(this.world, { target: this.target, server: SERVER }, 'MariaDB', count, { rollout, ...way });
  }

  async close(): Promise<void> {
    await this.world.close();
  }
}
