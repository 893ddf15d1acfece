import { DockerCloud } from '../../../drivers/cloud/docker/docker';
import { label } from '../../../drivers/cloud/docker/labels';
import { startTestEngine } from '../../cloud/engine';
import { Made, type CrashCloud } from './cloud';
import type { Gate } from './gate';
import { Relay, type Behind, type Call, type Effect } from './relay';

/** podman behind a relay; its containers run real sshds. */
export async function podman(gate: Gate): Promise<CrashCloud> {
  const engine = await startTestEngine();
  const direct = new DockerCloud({ ...engine.settings, engine: engine.direct });
  const behind = new EngineBehind(engine.direct);
  const relay = await Relay.open(behind, gate);
  const { region } = engine.settings;
  const options = { ...engine.settings, engine: { host: '127.0.0.1', port: relay.port } };
  return {
    ...{ name: 'docker (podman)', region, relay, made: behind.made },
    settings: { backend: 'docker', regions: [region], options },
    makes: 'create',
    calls: ['create', 'archive', 'start'],
    machines: (owner) => direct.list(owner),
    close: async () => {
      await relay.close();
      await engine.stop();
    },
  };
}

/** Calls about a container that change something, in our words. */
const changing = new Map([
  ['PUT /archive', 'archive'],
  ['POST /start', 'start'],
  ['DELETE ', 'remove'],
]);

/** What is read of the calls of Docker's API. */
class EngineBehind implements Behind {
  readonly made = new Made();
  private readonly owners = new Map<string, string>();

  constructor(readonly upstream: { readonly socketPath: string }) {}

  effectOf({ method, path, body }: Call): Effect | undefined {
    if (method === 'POST' && /\/containers\/create\?/.test(path)) {
      const { Labels } = JSON.parse(body) as { Labels: Record<string, string> };
      return { name: 'create', key: Labels[label.organizationId]! };
    }
    const [, id, rest] = /\/containers\/([0-9a-f]{64})(\/archive|\/start|)(?:\?|$)/.exec(path) ?? [];
    const key = this.owners.get(id ?? '');
    const name = changing.get(`${method} ${rest}`);
    return key === undefined || name === undefined ? undefined : { name, key };
  }

  async answered(_: Call, effect: Effect | undefined, { status, body }: { status: number; body: string }) {
    if (effect?.name === 'create' && status === 201) {
      const { Id } = JSON.parse(body) as { Id: string };
      this.owners.set(Id, effect.key);
      this.made.add(effect.key, Id);
    }
    return await Promise.resolve(body);
  }
}
