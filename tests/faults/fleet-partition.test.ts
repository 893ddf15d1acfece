import { provisionRunId } from '../../domain/fleet/contract';
import type { AttemptEnded } from '../../domain/journal';
import { SilentProxy } from '../ssh/silent-proxy';
import { eventually } from '../support/eventually';
import { strictDouble } from './fleet/ec2';
import { allGone, allRun, audit, clean } from './fleet/kill';
import { CrashRig, type Subject } from './fleet/rig';

/*
 * The network between the worker and the machines falls silent while they are configured. What came of it is read from
 * the machines' own files, and no script runs twice.
 */

jest.setTimeout(120_000);

const doors: SilentProxy[] = [];
let rig: CrashRig;
beforeAll(async () => {
  rig = await CrashRig.start((gate) =>
    strictDouble(gate, 0, async (sshd) => {
      const ip = `127.0.8.${doors.length + 1}`;
      doors.push(await SilentProxy.open(sshd, ip, sshd.port));
      return ip;
    }),
  );
  await rig.startWorker();
}, 60_000);
afterAll(async () => {
  await rig.close();
  doors.forEach((door) => door.close());
});

/** How the attempts at configuring a subject's machine ended, as codes of failures or `succeeded`. */
async function attempts(subject: Subject): Promise<string[]> {
  const [replica] = await rig.replicas(subject);
  const entries = await rig.store.journal.after(0, { runId: provisionRunId(replica!.id), limit: 1_000 });
  return entries
    .filter((entry): entry is AttemptEnded => entry.type === 'attempt.ended' && entry.step === 'configure')
    .map(({ outcome, error }) => error?.code ?? outcome);
}

/** Everything that configuring a subject's machine printed, as its run's events have it. */
async function output(subject: Subject): Promise<string[]> {
  const [replica] = await rig.replicas(subject);
  const entries = await rig.store.journal.after(0, { runId: provisionRunId(replica!.id), limit: 1_000 });
  return entries.flatMap((entry) => (entry.type === 'step.output' ? entry.lines : []));
}

async function doorOf(subject: Subject): Promise<SilentProxy> {
  const [replica] = await rig.replicas(subject);
  return doors[Number(replica!.ssh!.host.split('.')[3]) - 1]!;
}

test('configuring goes on behind a silent network, and is found out, waited for, or begun, once', async () => {
  const [before, within, end] = await Promise.all([
    rig.declare({ at: 'provision configure', when: 'before' }),
    rig.declare({ at: 'script one', when: 'after' }),
    rig.declare({ at: 'script two', when: 'before' }),
  ]);
  const all = [before, within, end];
  const keys = all.map(({ organizationId }) => organizationId);
  await eventually(() => expect(keys.filter((key) => rig.gate.held(key))).toEqual(keys), 30_000);

  for (const door of doors) door.fallSilent();
  rig.gate.release([before.organizationId]);
  // The connections are given up, and what became of the scripts is not known.
  await eventually(async () => {
    expect((await attempts(within))[0]).toBe('SSH_OUTCOME_UNKNOWN');
    expect((await attempts(end))[0]).toBe('SSH_OUTCOME_UNKNOWN');
  });
  // One machine is done before anybody hears of it.
  rig.gate.release([within.organizationId]);
  await eventually(() => expect(rig.gate.count(within.organizationId, { at: 'script two', when: 'after' })).toBe(1));
  // New connections are silent, too.
  await eventually(async () => expect(await attempts(before)).toContain('SSH_UNREACHABLE'), 30_000);
  expect((await attempts(within)).at(-1)).not.toBe('succeeded');

  const door = await doorOf(end);
  const heard = door.bytes;
  for (const each of doors) each.mend();
  await allRun(rig, [before, within]);
  // The third machine is still at it: it is waited for.
  await eventually(() => expect(door.bytes).toBeGreaterThan(heard + 3_000));
  expect(rig.gate.held(end.organizationId)).toBeDefined();
  rig.gate.release([end.organizationId]);
  await allRun(rig, all);
  expect(await audit(rig, all)).toEqual(clean);
  for (const subject of all) {
    expect((await attempts(subject)).at(-1)).toBe('succeeded');
    expect((await output(subject)).filter((line) => line.endsWith('script two ended with 0'))).not.toEqual([]);
  }
  await Promise.all(all.map((subject) => rig.remove(subject)));
  await allGone(rig, all);
});
