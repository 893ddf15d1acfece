import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Failure } from '../../../domain/failures';
import { MachineState, type Machine, type MachineSpec } from '../../../domain/fleet/machine';
import type { Cloud, CloudCapabilities } from '../../../drivers/cloud/cloud';

/** What goes wrong with a call: before it has an effect, or after, so that only its answer is lost. */
export interface Fault {
  readonly call: 'create' | 'find' | 'get' | 'terminate' | 'list';
  readonly when: 'before' | 'after';
  readonly error: Failure;
}

/** A cloud in memory that promises nothing: no client tokens, no unique names. Machines run as soon as they exist. */
export class FakeCloud implements Cloud {
  readonly backend = 'docker';
  readonly capabilities: CloudCapabilities = {
    clientToken: false,
    uniqueNames: false,
    atomicTags: true,
    spot: false,
    loadBalancer: false,
    readLagMs: 0,
  };
  readonly machines = new Map<string, Machine>();
  /** Names of the calls that had an effect or would have had one, in order. */
  readonly calls: string[] = [];
  readonly faults: Fault[] = [];
  /** Called before each call has its effect; holds it up for as long as it takes. */
  before: (call: Fault['call']) => Promise<void> = () => sleep(this.latencyMs);
  private addresses = 0;

  constructor(readonly latencyMs = 0) {}

  /** Machines that are there. */
  get present(): Machine[] {
    return [...this.machines.values()].filter(({ state }) => state !== MachineState.gone);
  }

  async create(spec: MachineSpec): Promise<Machine> {
    return await this.call('create', () => {
      const n = ++this.addresses;
      const ip = `127.0.${100 + Math.floor(n / 250)}.${(n % 250) + 1}`;
      const machine: Machine = {
        instanceId: `fake-${randomUUID()}`,
        state: MachineState.running,
        tags: spec.tags,
        ssh: { host: ip, port: 22, user: 'root' },
        serves: ip,
        region: spec.region,
        createdAt: new Date(),
      };
      this.machines.set(machine.instanceId, machine);
      return machine;
    });
  }

  async find(owner: string, token: string): Promise<Machine[]> {
    return await this.call('find', () =>
      this.present.filter(({ tags }) => tags.owner === owner && tags.token === token),
    );
  }

  async get(instanceId: string): Promise<Machine | null> {
    return await this.call('get', () => this.machines.get(instanceId) ?? null);
  }

  async terminate(owner: string, instanceId: string): Promise<void> {
    await this.call('terminate', () => {
      const machine = this.machines.get(instanceId);
      if (machine && machine.tags.owner !== owner) throw new Failure('FORBIDDEN');
      this.machines.delete(instanceId);
    });
  }

  async list(owner: string): Promise<Machine[]> {
    return await this.call('list', () => this.present.filter(({ tags }) => tags.owner === owner));
  }

  async close(): Promise<void> {}

  private async call<T>(name: Fault['call'], effect: () => T): Promise<T> {
    await this.before(name);
    const at = this.faults.findIndex(({ call }) => call === name);
    const [fault] = at >= 0 ? this.faults.splice(at, 1) : [];
    if (fault?.when === 'before') throw fault.error;
    this.calls.push(name);
    const value = effect();
    if (fault) throw fault.error;
    return value;
  }
}
