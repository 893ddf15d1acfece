import { randomUUID } from 'node:crypto';
import { createOrAdopt } from '../../drivers/cloud/adopt';
import type { Cloud } from '../../drivers/cloud/cloud';
import type { SshKeyPair } from '../../drivers/secrets/ssh-keys';
import { machineToken, MachineState, type Machine, type MachineSpec } from '../../domain/fleet/machine';
import { eventually } from '../support/eventually';
import { keyPair, tryLogin } from './ssh-login';

/** A backend as the contract is tested on it. */
export interface CloudUnderTest {
  readonly cloud: Cloud;
  /** A region that machines can be made in. */
  readonly region: string;
  /** Specs (parts of one) that the backend refuses; at least a region that it does not have. */
  readonly refused: Readonly<Record<string, Partial<MachineSpec>>>;
  /** The next call that creates something is carried out, but its answer does not arrive. */
  loseCreateAnswer(): void;
  /** Whether the last loss that was asked for has happened. */
  answerWasLost(): boolean;
  /** The key that may log in; one is made where the backend takes it from the spec. */
  readonly clientKey?: SshKeyPair;
  /** Milliseconds that a machine may take to run. */
  readonly bootMs: number;
  /** Ends everything, machines included. */
  close(): Promise<void>;
}

/**
 * The tests that every backend has to pass.
 * @param make called once, before the first of them.
 * @param sshd `injected`: machines are real and their sshd has the spec's host key; `pinned`: real, with the key that
 * the backend says; `none`: there is no machine behind what the backend shows.
 */
export function cloudContract(
  name: string,
  make: () => Promise<CloudUnderTest>,
  sshd: 'injected' | 'pinned' | 'none' = 'none',
): void {
  describe(`the contract of a cloud: ${name}`, () => {
    // One for each test: a backend whose reads lag may show what an earlier test has made or ended.
    let owner: string;
    let under: CloudUnderTest;
    let cloud: Cloud;
    let client: SshKeyPair;

    beforeAll(async () => {
      under = await make();
      cloud = under.cloud;
      client = under.clientKey ?? keyPair();
    }, 300_000);
    afterAll(async () => await under?.close(), 60_000);
    beforeEach(() => void (owner = `owner-${randomUUID()}`));
    afterEach(async () => {
      for (const { instanceId } of await cloud.list(owner)) await cloud.terminate(owner, instanceId);
    }, 60_000);

    const spec = (over: Partial<MachineSpec> = {}, machineOwner = owner): MachineSpec => {
      const replicaId = randomUUID();
      const tags = { organizationId: randomUUID(), gatewayId: randomUUID(), replicaId, token: machineToken(replicaId) };
      return {
        tags: { owner: machineOwner, ...tags },
        name: `contract-${replicaId.slice(0, 8)}`,
        region: under.region,
        publicIp: false,
        userTags: {},
        hostKey: keyPair(),
        authorizedKey: client.publicKey,
        ...over,
      };
    };
    const running = async ({ instanceId }: Machine): Promise<Machine> =>
      await eventually(async () => {
        const machine = await cloud.get(instanceId);
        expect(machine).toMatchObject({
          state: MachineState.running,
          ssh: expect.anything(),
          serves: expect.anything(),
        });
        return machine!;
      }, under.bootMs);
    const gone = async (instanceId: string): Promise<void> =>
      await eventually(async () => {
        const machine = await cloud.get(instanceId);
        expect([undefined, MachineState.gone]).toContain(machine?.state);
      }, under.bootMs);
    const ids = (machines: readonly Machine[]): string[] => machines.map(({ instanceId }) => instanceId).sort();
    /** Finds a token's machines once the backend shows as many. */
    const found = async ({ tags }: MachineSpec, count: number): Promise<string[]> =>
      await eventually(async () => {
        const machines = ids(await cloud.find(tags.owner, tags.token));
        expect(machines).toHaveLength(count);
        return machines;
      }, cloud.capabilities.readLagMs + 5_000);

    test('a machine that was created comes to run, with addresses and every tag', async () => {
      const wanted = spec();
      const created = await cloud.create(wanted);
      expect([MachineState.pending, MachineState.running]).toContain(created.state);
      const machine = await running(created);
      expect(machine.instanceId).toBe(created.instanceId);
      expect(machine.tags).toEqual(wanted.tags);
      expect(machine.region).toBe(under.region);
      expect(machine.ssh!.host).toMatch(/^[0-9]+(\.[0-9]+){3}$/);
      expect(machine.serves).toMatch(/^[0-9]+(\.[0-9]+){3}$/);
      expect(Math.abs(Date.now() - machine.createdAt!.getTime())).toBeLessThan(24 * 3_600_000);
    }, 120_000);

    test('a machine is found by its token, by its owner alone', async () => {
      const [one, other] = [spec(), spec()];
      const machine = await cloud.create(one);
      await cloud.create(other);
      expect(await found(one, 1)).toEqual([machine.instanceId]);
      expect(await cloud.find(`another-${randomUUID()}`, one.tags.token)).toEqual([]);
      expect(await cloud.find(owner, machineToken(randomUUID()))).toEqual([]);
    }, 60_000);

    test('a list holds the machines of its owner and no other', async () => {
      const stranger = `stranger-${randomUUID()}`;
      const mine = [await cloud.create(spec()), await cloud.create(spec())];
      const theirs = await cloud.create(spec({}, stranger));
      try {
        await eventually(async () => expect(ids(await cloud.list(owner))).toEqual(ids(mine)));
        await eventually(async () => expect(ids(await cloud.list(stranger))).toEqual([theirs.instanceId]));
        expect(await cloud.list(`nobody-${randomUUID()}`)).toEqual([]);
      } finally {
        await cloud.terminate(stranger, theirs.instanceId);
      }
    }, 60_000);

    test('a machine is destroyed, also when that is asked for twice', async () => {
      const wanted = spec();
      const { instanceId } = await cloud.create(wanted);
      await found(wanted, 1);
      await cloud.terminate(owner, instanceId);
      await cloud.terminate(owner, instanceId);
      await gone(instanceId);
      await cloud.terminate(owner, instanceId);
      await eventually(async () => expect(await cloud.find(owner, wanted.tags.token)).toEqual([]));
      expect(ids(await cloud.list(owner))).not.toContain(instanceId);
    }, 60_000);

    test('an id that the backend does not know is nobody’s, and destroying it changes nothing', async () => {
      const { instanceId } = await cloud.create(spec());
      // Of the backend's own form, but not one it gave.
      const unknown = instanceId.slice(0, -4) + (instanceId.endsWith('0000') ? '1111' : '0000');
      for (const id of [unknown, '../containers', 'a b\n', '']) {
        expect(await cloud.get(id)).toBeNull();
        await cloud.terminate(owner, id);
      }
      await eventually(async () => expect(ids(await cloud.list(owner))).toEqual([instanceId]));
    }, 60_000);

    test('a machine of another owner is not destroyed', async () => {
      const stranger = `stranger-${randomUUID()}`;
      const theirs = await cloud.create(spec({}, stranger));
      try {
        await running(theirs);
        await expect(cloud.terminate(owner, theirs.instanceId)).rejects.toMatchObject({ code: 'FORBIDDEN' });
        expect(await cloud.get(theirs.instanceId)).toMatchObject({ state: MachineState.running });
      } finally {
        await cloud.terminate(stranger, theirs.instanceId);
      }
    }, 120_000);

    test('a create whose answer was lost is told so, and its machine is adopted', async () => {
      const wanted = spec();
      under.loseCreateAnswer();
      await expect(cloud.create(wanted)).rejects.toMatchObject({ code: 'CLOUD_OUTCOME_UNKNOWN', retryable: true });
      expect(under.answerWasLost()).toBe(true);
      const { machine, adopted } = await createOrAdopt(cloud, wanted, { repeated: true });
      expect(adopted || cloud.capabilities.clientToken).toBe(true);
      await running(machine);
      expect(await found(wanted, 1)).toEqual([machine.instanceId]);
    }, 120_000);

    test('create-or-adopt gives one machine also where its own create loses the answer', async () => {
      const wanted = spec();
      under.loseCreateAnswer();
      const once = async (repeated: boolean) => await createOrAdopt(cloud, wanted, { repeated });
      const { machine } = await once(false).catch(async () => await once(true));
      expect(under.answerWasLost()).toBe(true);
      await running(machine);
      expect(await found(wanted, 1)).toEqual([machine.instanceId]);
      const again = await createOrAdopt(cloud, wanted, { repeated: true, recorded: machine.instanceId });
      expect(again).toMatchObject({ machine: { instanceId: machine.instanceId }, adopted: true, extras: [] });
    }, 120_000);

    test('of two attempts at one token that run side by side one machine is left', async () => {
      const wanted = spec();
      const attempt = async () => await createOrAdopt(cloud, wanted, { repeated: false });
      const outcomes = await Promise.allSettled([attempt(), attempt()]);
      for (const outcome of outcomes)
        if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ name: 'Failure', retryable: true });
      const { machine } = await eventually(async () => await createOrAdopt(cloud, wanted, { repeated: true }));
      await running(machine);
      expect(await found(wanted, 1)).toEqual([machine.instanceId]);
    }, 120_000);

    test('a second create of a token gives no second machine, or one that the next look destroys', async () => {
      const wanted = spec();
      const first = await cloud.create(wanted);
      const second = await cloud.create(wanted).catch((error: unknown) => {
        expect(error).toMatchObject({ code: 'CLOUD_CONFLICT' });
        return null;
      });
      const { clientToken, uniqueNames } = cloud.capabilities;
      if (clientToken) expect(second?.instanceId).toBe(first.instanceId);
      if (uniqueNames && !clientToken) expect(second).toBeNull();
      const count = second && second.instanceId !== first.instanceId ? 2 : 1;
      await found(wanted, count);
      const { machine, extras } = await createOrAdopt(cloud, wanted, {
        repeated: true,
        recorded: first.instanceId,
      });
      expect(machine.instanceId).toBe(first.instanceId);
      expect(extras).toHaveLength(count - 1);
      for (const extra of extras) await gone(extra);
      expect(await found(wanted, 1)).toEqual([first.instanceId]);
    }, 120_000);

    test('what the backend cannot make is refused, and nothing is left of it', async () => {
      expect(Object.keys(under.refused)).toContain('region');
      for (const over of Object.values(under.refused)) {
        const wanted = spec(over);
        await expect(cloud.create(wanted)).rejects.toMatchObject({ code: 'CLOUD_SPEC_REFUSED', retryable: false });
        expect(await cloud.find(owner, wanted.tags.token)).toEqual([]);
      }
      expect(await cloud.list(owner)).toEqual([]);
    }, 60_000);

    if (sshd === 'none') return;
    test('the machine’s sshd has the very key that was given, and lets the authorized key in alone', async () => {
      const wanted = spec();
      const machine = await running(await cloud.create(wanted));
      const host = sshd === 'injected' ? wanted.hostKey.publicKey : machine.hostKeyFingerprint!;
      await eventually(
        async () =>
          expect(await tryLogin(machine.ssh!, { client, host })).toEqual({ in: true, said: machine.ssh!.user }),
        under.bootMs,
      );
      expect(await tryLogin(machine.ssh!, { client, host: keyPair().publicKey })).toEqual({
        in: false,
        why: 'host-key',
      });
      expect(await tryLogin(machine.ssh!, { client: keyPair(), host })).toEqual({ in: false, why: 'auth' });
    }, 120_000);
  });
}
