import Docker from 'dockerode';
import { network, type Network } from '../../../domain/address';
import { Failure } from '../../../domain/failures';
import { printable } from '../../../domain/hostname';
import { MachineState, type Machine, type MachineSpec } from '../../../domain/fleet/machine';
import type { Cloud, CloudCapabilities } from '../cloud';
import { freeAddress } from './addresses';
import { engineFailure, isDone, isMislaid, isUnknown } from './errors';
import { injection } from './injection';
import { containerOptions, label, labelsOf, machineOf, type ContainerView } from './labels';
import { removeContainer } from './remove';

/** Where a container engine listens: on this machine, since its containers use this machine's network. */
export type EngineAddress = { readonly socketPath: string } | { readonly host: string; readonly port: number };

/** How the `docker` backend makes machines. */
export interface DockerSettings {
  readonly engine: EngineAddress;
  /** The machine image (environment/machine-image), present in the engine. */
  readonly image: string;
  /** The name that the engine goes by as a region. */
  readonly region: string;
  /** The network, in CIDR notation, that machines get their addresses from; large, as in `127.32.0.0/11`. */
  readonly addresses: string;
  /** Where every machine's sshd listens on its own address. */
  readonly sshPort: number;
}

/** Milliseconds without a byte from the engine after which a call counts as unanswered. */
const TIMEOUT_MS = 30_000;
const ID = /^[0-9a-f]{64}$/;

/**
 * Containers of an engine that speaks Docker's API: Docker and podman. A container is named by its token, so that the
 * engine itself refuses a second one. Its creation takes three calls (create, put its keys in, start); one that broke
 * off in between is `pending` and is finished by {@link complete}.
 */
export class DockerCloud implements Cloud {
  readonly backend = 'docker';
  readonly capabilities: CloudCapabilities = {
    clientToken: false,
    uniqueNames: true,
    atomicTags: true,
    spot: false,
    loadBalancer: false,
    readLagMs: 0,
  };
  private readonly engine: Docker;
  private readonly network: Network;

  constructor(private readonly settings: DockerSettings) {
    const protocol = 'host' in settings.engine ? { protocol: 'http' as const } : {};
    this.engine = new Docker({ ...settings.engine, ...protocol, timeout: TIMEOUT_MS });
    this.network = network(settings.addresses);
  }

  async create(spec: MachineSpec, signal?: AbortSignal): Promise<Machine> {
    const { region, image, sshPort } = this.settings;
    if (spec.region !== region)
      throw new Failure('CLOUD_SPEC_REFUSED', `the region is ${region}, not ${printable(spec.region)}`);
    if (spec.instanceType !== undefined)
      throw new Failure('CLOUD_SPEC_REFUSED', `there are no instance types, so no ${printable(spec.instanceType)}`);
    const ip = await freeAddress(this.network, sshPort, spec.tags.token);
    const labels = labelsOf(spec, `${ip}:${sshPort}`);
    const options = { ...containerOptions(image), name: spec.tags.token, Labels: labels, abortSignal: signal };
    const { id } = await call('changes', signal, async () => await this.engine.createContainer(options));
    return await this.complete(machineOf({ id, state: 'created', labels, createdAt: new Date() }), spec, signal);
  }

  async complete(machine: Machine, spec: MachineSpec, signal?: AbortSignal): Promise<Machine> {
    const container = this.engine.getContainer(machine.instanceId);
    const ssh = machine.ssh;
    if (!ssh) throw new Failure('MACHINE_GONE', 'the container does not tell its address');
    await this.unlessBroken(container, signal, async () => {
      const path = { path: '/', abortSignal: signal };
      await call('changes', signal, async () => await container.putArchive(injection(spec, ssh), path));
      await call('changes', signal, async () => await container.start({ abortSignal: signal }).catch(unless(isDone)));
    });
    return { ...machine, state: MachineState.running };
  }

  async find(owner: string, token: string, signal?: AbortSignal): Promise<Machine[]> {
    return await this.labelled([`${label.owner}=${owner}`, `${label.token}=${token}`], signal);
  }

  async get(instanceId: string, signal?: AbortSignal): Promise<Machine | null> {
    if (!ID.test(instanceId)) return null; // the engine would take a name or the beginning of an id, too
    const container = this.engine.getContainer(instanceId);
    const seen = await call('reads', signal, async () =>
      container.inspect({ abortSignal: signal } as object).catch(unless(isUnknown)),
    );
    if (!seen) return null;
    const { Id: id, State, Config, Created } = seen;
    return machineOf({ id, state: State.Status, labels: Config.Labels, createdAt: new Date(Created) });
  }

  async terminate(owner: string, instanceId: string, signal?: AbortSignal): Promise<void> {
    const machine = await this.get(instanceId, signal);
    if (!machine) return;
    if (machine.tags.owner !== owner)
      throw new Failure('FORBIDDEN', `the container ${instanceId.slice(0, 12)} is not this installation’s`);
    const container = this.engine.getContainer(instanceId);
    await call('changes', signal, async () => await removeContainer(container, signal));
  }

  async list(owner: string, signal?: AbortSignal): Promise<Machine[]> {
    return await this.labelled([`${label.owner}=${owner}`], signal);
  }

  async close(): Promise<void> {
    // Every call has a connection of its own.
  }

  private async labelled(labels: readonly string[], signal?: AbortSignal): Promise<Machine[]> {
    const query = { all: true, filters: { label: [...labels] }, abortSignal: signal };
    const seen = await call('reads', signal, async () => await this.engine.listContainers(query));
    return seen.map(({ Id: id, State: state, Labels, Created }): Machine => {
      const view: ContainerView = { id, state, labels: Labels, createdAt: new Date(Created * 1000) };
      return machineOf(view);
    });
  }

  /**
   * A container that vanishes while its creation is finished was destroyed by somebody else. One whose files the engine
   * has mislaid never ran and never will: it is removed, so that the next attempt makes another.
   */
  private async unlessBroken(
    container: Docker.Container,
    signal: AbortSignal | undefined,
    work: () => Promise<void>,
  ): Promise<void> {
    try {
      await work();
    } catch (error) {
      const cause = (error as Failure).cause ?? {};
      if (isUnknown(cause))
        throw new Failure('CLOUD_CONFLICT', 'the container was destroyed while it was being made', { cause: error });
      if (!isMislaid(cause)) throw error;
      await call('changes', signal, async () => await removeContainer(container, signal));
      throw new Failure('CLOUD_UNAVAILABLE', 'the container engine mislaid the files of a new container', {
        cause: error,
      });
    }
  }
}

/** Makes a call and tells its failures in our words. @throws the reason of `signal` when that is aborted. */
async function call<T>(kind: 'reads' | 'changes', signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
  signal?.throwIfAborted();
  try {
    return await work();
  } catch (error) {
    signal?.throwIfAborted();
    throw engineFailure(error, kind);
  }
}

/** Passes over errors that mean that there is nothing to do. */
function unless(harmless: (error: unknown) => boolean): (error: unknown) => undefined {
  return (error) => {
    if (!harmless(error)) throw error;
  };
}
