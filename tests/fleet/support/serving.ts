import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import type { Server } from 'node:http';
import { join } from 'node:path';
import type { ReplicaProfile, Way } from '../../../activities/fleet/hosts';
import { replicaSecretOf } from '../../../activities/fleet/keys';
import type { FleetGateway, FleetReplica } from '../../../domain/fleet/gateway';
import type { FleetPolicy } from '../../../domain/fleet/policy';
import { DerivedSecrets } from '../../../drivers/secrets/derived';
import { agentServer } from '../../../environment/agent/server';
import { EpochState } from '../../../environment/agent/state';
import { freePort } from '../../../environment/ports';
import { World } from '../../support/world';
import { FakeHosts } from './fake-hosts';
import { FleetWorld, testFleetPolicy } from './world';

/** Machines in memory on which real agents serve, so that organizations can be given them. */
export class ServingHosts extends FakeHosts {
  /** Addresses of replicas that pass their health checks even when nothing answers there. */
  readonly wellAnyway = new Set<string>();
  private readonly replicas = new Map<string, string>();
  private readonly servers = new Map<string, Server>();

  constructor(
    private readonly directory: string,
    private readonly secrets: DerivedSecrets,
    private readonly port: number,
  ) {
    super();
  }

  override servesAt(ip: string): string {
    return `${ip}:${this.port}`;
  }

  override async profile(replica: FleetReplica, gateway: FleetGateway): Promise<ReplicaProfile> {
    if (replica.serves !== null) this.replicas.set(replica.serves, replica.id);
    return await super.profile(replica, gateway);
  }

  override async configure(...given: Parameters<FakeHosts['configure']>): Promise<void> {
    await super.configure(...given);
    const [{ serves }] = given;
    if (!this.servers.has(serves)) await this.serve(serves);
  }

  override async health(way: Way): Promise<string | null> {
    const answers = this.servers.get(way.serves)?.listening || this.wellAnyway.has(way.serves);
    if (!answers) return `${way.serves}: no answer`;
    return await super.health(way);
  }

  /** Ends the agent of a replica, as the death of its machine does. */
  async kill(serves: string): Promise<void> {
    const server = this.servers.get(serves);
    server?.closeAllConnections();
    await new Promise((resolve) => (server ? server.close(resolve) : resolve(undefined)));
  }

  async close(): Promise<void> {
    await Promise.all([...this.servers.keys()].map((serves) => this.kill(serves)));
  }

  private async serve(serves: string): Promise<void> {
    const replicaId = this.replicas.get(serves)!;
    const [ip, port] = serves.split(':') as [string, string];
    const state = new EpochState(join(this.directory, `agent-${replicaId}.json`));
    const server = agentServer({ replicaId, secret: replicaSecretOf(this.secrets, replicaId) }, state);
    this.servers.set(serves, server);
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(Number(port), ip, resolve));
  }
}

/** A fleet whose replicas organizations can be given: real edges, DNS and agents, over a cloud in memory. */
export async function servingWorld(
  policy: FleetPolicy = testFleetPolicy,
): Promise<{ world: World; fleet: FleetWorld; hosts: ServingHosts }> {
  const world = await World.start({ agents: 0 });
  const keyFile = join(world.directory, 'installation-key');
  const key = randomBytes(32).toString('hex');
  writeFileSync(keyFile, key, { mode: 0o600 });
  const agentPort = await freePort();
  const hosts = new ServingHosts(world.directory, new DerivedSecrets(key), agentPort);
  const fleet = FleetWorld.over(world, hosts, { keyFile, agentPort, apiUrl: '', backends: [], policy });
  return { world, fleet, hosts };
}
