import { Failure } from '../../domain/failures';
import { MachineState, type Machine, type MachineSpec } from '../../domain/fleet/machine';
import type { Cloud, CloudCapabilities } from '../../drivers/cloud/cloud';

/** What happens to one create call. */
export type Fate = 'answered' | 'lost' | 'refused';

/**
 * A backend that promises nothing: a token is not known again, names may repeat, reads show a machine only some time
 * after it was made, and answers are lost. Written to find out what code relies on.
 */
export class ForgetfulCloud implements Cloud {
  readonly backend = 'forgetful';
  readonly capabilities: CloudCapabilities;
  readonly machines = new Map<string, { machine: Machine; visibleAt: number }>();
  /** The fates of the next creates; those after are answered. */
  fates: Fate[] = [];
  creates = 0;
  /** Makes the next terminate fail. */
  terminateFails = false;

  constructor(readLagMs = 0) {
    const none = { clientToken: false, uniqueNames: false, spot: false, loadBalancer: false };
    this.capabilities = { ...none, atomicTags: true, readLagMs };
  }

  async create({ tags, region }: MachineSpec): Promise<Machine> {
    this.creates++;
    const fate = this.fates.shift() ?? 'answered';
    if (fate === 'refused') throw new Failure('CLOUD_CAPACITY');
    const instanceId = `i-${String(this.creates).padStart(4, '0')}`;
    const createdAt = new Date(1_800_000_000_000 + this.creates * 1000);
    const machine = { instanceId, state: MachineState.pending, tags, ssh: null, serves: null, region, createdAt };
    this.machines.set(instanceId, { machine, visibleAt: Date.now() + this.capabilities.readLagMs });
    // The call takes a turn: others come in between.
    await new Promise((resolve) => setTimeout(resolve, 5));
    if (fate === 'lost') throw new Failure('CLOUD_OUTCOME_UNKNOWN');
    return machine;
  }

  async find(owner: string, token: string): Promise<Machine[]> {
    return (await this.list(owner)).filter(({ tags }) => tags.token === token);
  }

  async get(instanceId: string): Promise<Machine | null> {
    return this.machines.get(instanceId)?.machine ?? null;
  }

  async terminate(_owner: string, instanceId: string): Promise<void> {
    if (this.terminateFails) {
      this.terminateFails = false;
      throw new Failure('CLOUD_UNAVAILABLE');
    }
    this.machines.delete(instanceId);
  }

  async list(owner: string): Promise<Machine[]> {
    const seen = [...this.machines.values()].filter(({ visibleAt }) => visibleAt <= Date.now());
    return seen.map(({ machine }) => machine).filter(({ tags }) => tags.owner === owner);
  }

  async close(): Promise<void> {}

  /** Changes what the backend shows of a machine. */
  set(instanceId: string, over: Partial<Machine>): void {
    const kept = this.machines.get(instanceId)!;
    this.machines.set(instanceId, { ...kept, machine: { ...kept.machine, ...over } });
  }
}
