import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { clientKeyOf, hostKeyOf } from '../../activities/fleet/keys';
import type { Way } from '../../activities/fleet/hosts';
import { network } from '../../domain/address';
import { isFailure } from '../../domain/failures';
import { shippedProfile, type FleetGateway, type FleetReplica } from '../../domain/fleet/gateway';
import { MachineState, machineToken, type Machine, type MachineSpec } from '../../domain/fleet/machine';
import { configurationRevision } from '../../domain/fleet/revision';
import type { Profile } from '../../domain/fleet/profile';
import { operationId } from '../../activities/fleet/operation';
import { createOrAdopt } from '../../drivers/cloud/adopt';
import type { Cloud } from '../../drivers/cloud/cloud';
import { DerivedSecrets } from '../../drivers/secrets/derived';
import type { CrashRig } from '../../tests/faults/fleet/rig';
import { openClouds } from '../../worker/clouds';
import { MachineHosts } from '../../worker/hosts';

/** What makes replicas in plain code: the same drivers, with no workflow, no store and no journal. */
export class BareReplicas {
  private readonly cloud: Cloud;
  private readonly secrets: DerivedSecrets;
  private readonly hosts: MachineHosts;
  private readonly made: string[] = [];

  constructor(private readonly rig: CrashRig) {
    const { settings, store, cloud } = rig;
    const fleet = settings.fleet!;
    this.cloud = openClouds(settings, store).get(cloud.settings.backend)!;
    this.secrets = new DerivedSecrets(readFileSync(fleet.keyFile, 'utf8').trim());
    this.hosts = new MachineHosts({
      ...{ store, secrets: this.secrets, secretsDirectory: settings.secretsDirectory },
      ...{ networks: settings.networks.map(network), agentPort: fleet.agentPort, apiUrl: '' },
    });
  }

  /** Makes one. @param profile the shipped one where it is null. @returns milliseconds. */
  async make(profile: Profile | null): Promise<number> {
    const [organizationId, gatewayId, replicaId] = [randomUUID(), randomUUID(), randomUUID()];
    const revision = profile
      ? await this.rig.store.fleet.profiles.put(organizationId, profile.name, profile)
      : shippedProfile;
    const began = performance.now();
    const { signal } = new AbortController();
    const spec: MachineSpec = {
      tags: { owner: this.rig.owner, organizationId, gatewayId, replicaId, token: machineToken(replicaId) },
      name: `bare-${replicaId.slice(0, 8)}`,
      region: this.rig.cloud.region,
      publicIp: true,
      userTags: {},
      hostKey: hostKeyOf(this.secrets, replicaId),
      authorizedKey: clientKeyOf(this.secrets).publicKey,
    };
    const { machine } = await createOrAdopt(this.cloud, spec, { repeated: false });
    this.made.push(machine.instanceId);
    const { ssh, serves } = await this.running(machine);
    const way: Way = {
      ...{ ssh: ssh!, hostPublicKey: spec.hostKey.publicKey, privateKey: clientKeyOf(this.secrets).privateKey },
      serves: this.hosts.servesAt(serves!),
    };
    await this.untilReached(way, signal);
    const wanted = await this.hosts.profile(
      { id: replicaId, organizationId, gatewayId, serves: way.serves } as FleetReplica,
      { id: gatewayId, organizationId, profile: revision } as FleetGateway,
    );
    const id = operationId(replicaId, await configurationRevision(wanted.profile, wanted.values));
    await this.hosts.configure(way, wanted, id, () => undefined, signal);
    while ((await this.hosts.health(way, wanted, this.policy.healthTimeoutMs, signal)) !== null)
      await sleep(this.policy.machineLookMs);
    return performance.now() - began;
  }

  /** Ends all machines that were made. */
  async clear(): Promise<void> {
    for (const id of this.made.splice(0)) await this.cloud.terminate(this.rig.owner, id);
  }

  async close(): Promise<void> {
    await this.clear();
    await this.hosts.close();
    await this.cloud.close();
  }

  private get policy() {
    return this.rig.settings.fleet!.policy;
  }

  private async running(machine: Machine): Promise<Machine> {
    for (;;) {
      const [now] = await this.cloud.find(this.rig.owner, machine.tags.token!);
      if (now && now.state === MachineState.running && now.ssh && now.serves !== null) return now;
      await sleep(this.policy.machineLookMs);
    }
  }

  private async untilReached(way: Way, signal: AbortSignal): Promise<void> {
    for (;;) {
      try {
        return await this.hosts.reach(way, this.policy.connectTimeoutMs, signal);
      } catch (error) {
        if (!isFailure(error) || !error.retryable) throw error;
        await sleep(this.policy.connectIntervalMs);
      }
    }
  }
}
