import { fork, type ChildProcess } from 'node:child_process';
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { replicaSecretName } from '../domain/gateway/agent-protocol';
import { writeSecret } from '../drivers/secrets/files';
import type { Environment } from '../environment/environment';
import type { Store } from '../prisma/store';
import type { Behaviour, Fleet } from './agents';

/** A pool of replicas whose agents share one process, so that hundreds fit on the machine. */
export class Replicas {
  private constructor(
    private readonly child: ChildProcess,
    private readonly store: Store,
  ) {}

  /** Starts the agents and makes the store know them. */
  static async start({ home, description }: Environment, store: Store, count: number): Promise<Replicas> {
    const made = Array.from({ length: count }, () => ({ id: randomUUID(), secret: randomBytes(32).toString('hex') }));
    for (const { id, secret } of made) await writeSecret(home.secrets, replicaSecretName(id), secret);
    const fleet: Fleet = {
      ip: description.agents.ip,
      replicas: made.map(({ id }) => ({
        id,
        secretFile: join(home.secrets, replicaSecretName(id)),
        stateFile: home.path('agents', `${id}.json`),
      })),
    };
    const child = fork(join(__dirname, 'agents.js'));
    child.send(fleet);
    const [addresses] = (await once(child, 'message')) as [string[]];
    for (const [i, { id, secret }] of made.entries()) {
      const secretHash = createHash('sha256').update(secret).digest('hex');
      await store.pool.register({ id, name: `bench-${i}`, secretHash });
      await store.pool.announce({ id, secretHash, address: addresses[i]!, servingEpoch: 0 });
    }
    return new Replicas(child, store);
  }

  /** Lets all agents refuse, or no longer refuse, handshakes while `work` runs; afterwards all are in the pool again. */
  async refusing<T>(work: () => Promise<T>): Promise<T> {
    await this.tell({ refuse: true });
    try {
      return await work();
    } finally {
      await this.tell({ refuse: false });
      for (const replica of await this.store.pool.replicas())
        if (replica.quarantinedAt && !replica.allocationId) await this.store.pool.readmit(replica.id);
    }
  }

  private async tell(behaviour: Behaviour): Promise<void> {
    this.child.send(behaviour);
    await once(this.child, 'message');
  }

  async stop(): Promise<void> {
    const ended = once(this.child, 'exit');
    this.child.disconnect();
    await ended;
  }
}
