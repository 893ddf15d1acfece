import { defaultFleetPolicy } from '../../domain/fleet/policy';
import { retirementOf } from '../../domain/fleet/scaling';
import { at, decided, gateway, replica } from './model';

const ids = (...numbers: number[]) => numbers.map((num) => `r${num}.1`);

describe('a gateway that is SUBMITTED', () => {
  const submitted = gateway({ state: 'submitted', desiredReplicas: 3 });

  test('gets its replicas at once, which counts as no attempt', () => {
    expect(decided(submitted, [])).toEqual({
      move: { name: 'provision', statusMessage: null },
      create: [0, 1, 2].map((num) => ({ num, generation: 1 })),
      scaleIn: [],
      scaleAttempt: null,
      events: [],
      retire: [],
      lookAgainAt: null,
      over: false,
    });
  });

  test('fails on a backend that cannot have it', () => {
    expect(decided(submitted, [], { backend: { available: false } })).toMatchObject({
      move: { name: 'refuse', statusMessage: 'Backend not available' },
      create: [],
    });
    const acm = gateway({
      ...submitted,
      configuration: { ...submitted.configuration, backend: 'aws', certificate: { type: 'acm', arn: 'arn:x' } },
    });
    expect(decided(acm, [])).toMatchObject({
      move: { name: 'refuse', statusMessage: 'Backend does not support load balancer operations' },
      create: [],
    });
    expect(decided(acm, [], { backend: { loadBalancer: true } })).toMatchObject({ move: { name: 'provision' } });
  });
});

describe('a gateway that is PROVISIONING', () => {
  const provisioning = gateway({ state: 'provisioning', desiredReplicas: 2 });

  test('runs when all run, and not before', () => {
    expect(decided(provisioning, [replica(0, 'running'), replica(1, 'provisioning')]).move).toBeNull();
    expect(decided(provisioning, [replica(0, 'running'), replica(1, 'running')]).move).toEqual({
      name: 'run',
      statusMessage: null,
    });
  });

  test.each(['terminating', 'terminated'] as const)('fails when one is %s, and gives up the others', (state) => {
    const decision = decided(provisioning, [replica(0, 'running'), replica(1, state)]);
    expect(decision.move).toEqual({ name: 'fail', statusMessage: 'Failed to provision gateway replica' });
    expect(decision.retire).toEqual([{ replicaId: 'r0.1', reason: 'gatewayFailed' }]);
    expect(decision.create).toEqual([]);
  });

  test('does not fail for one that was scaled in', () => {
    const gone = replica(1, 'terminated', { scaleIn: true });
    const one = gateway({ state: 'provisioning', desiredReplicas: 1 });
    expect(decided(one, [replica(0, 'provisioning'), gone]).move).toBeNull();
    expect(decided(one, [replica(0, 'running'), gone]).move).toMatchObject({ name: 'run' });
  });

  test('is scaled while it is', () => {
    const three = [replica(0, 'running'), replica(1, 'provisioning'), replica(2, 'submitted')];
    expect(decided(gateway({ state: 'provisioning', desiredReplicas: 1 }), three)).toMatchObject({
      move: { name: 'run' },
      scaleIn: ids(2, 1),
    });
    expect(decided(gateway({ state: 'provisioning', desiredReplicas: 2 }), three)).toMatchObject({
      move: null,
      scaleIn: ids(2),
    });
    const out = decided(gateway({ state: 'provisioning', desiredReplicas: 2 }), [replica(0, 'running')]);
    expect(out).toMatchObject({ move: null, create: [{ num: 1, generation: 1 }] });
  });
});

describe('scaling out', () => {
  const wanting = (members: object = {}) => gateway({ desiredReplicas: 3, ...members });

  test('takes the lowest free numbers, and the next generation of each', () => {
    const replicas = [
      replica(0, 'terminated'),
      replica(0, 'terminated', { generation: 2 }),
      replica(1, 'running'),
      replica(2, 'terminating'),
    ];
    expect(decided(wanting(), replicas).create).toEqual([
      { num: 0, generation: 3 },
      { num: 3, generation: 1 },
    ]);
  });

  test('waits 1, 2, 5, 10, 30 and then 30 minutes again between attempts', () => {
    const waits = [1, 2, 5, 10, 30, 30, 30];
    waits.forEach((minutes, index) => {
      const trying = wanting({ scaleAttempt: index + 1, lastScaleAttemptAt: at(0) });
      expect(decided(trying, [], { now: at(minutes - 0.01) })).toMatchObject({
        create: [],
        scaleAttempt: null,
        lookAgainAt: at(minutes),
      });
      const due = decided(trying, [], { now: at(minutes) });
      expect(due.create).toHaveLength(3);
      expect(due.scaleAttempt).toEqual({ count: index + 2, at: at(minutes) });
    });
  });

  test('is tried fifteen times, says so on the last, and is then left', () => {
    const last = decided(wanting({ scaleAttempt: 14, lastScaleAttemptAt: at(0) }), []);
    expect(last.events).toEqual(['Gateway replicas are missing: final replica scale-out attempt (15 of 15)']);
    expect(last.create).toHaveLength(3);
    expect(decided(wanting({ scaleAttempt: 13, lastScaleAttemptAt: at(0) }), []).events).toEqual([]);
    const left = decided(wanting({ scaleAttempt: 15, lastScaleAttemptAt: at(0) }), [], { now: at(100_000) });
    expect(left).toMatchObject({ create: [], lookAgainAt: null });
  });

  test('begins anew after a change that is younger than the last attempt, whatever the clocks say', () => {
    const changed = wanting({ scaleAttempt: 15, lastScaleAttemptAt: at(0), lastUpdateAt: at(90) });
    const decision = decided(changed, [], { now: at(60) });
    expect(decision.create).toHaveLength(3);
    expect(decision.scaleAttempt).toEqual({ count: 1, at: at(90) });
    const old = wanting({ scaleAttempt: 15, lastScaleAttemptAt: at(10), lastUpdateAt: at(5) });
    expect(decided(old, []).create).toEqual([]);
  });

  test('forgets its attempts when all have run for a while, not while one is coming up', () => {
    const one = gateway({ scaleAttempt: 2, lastScaleAttemptAt: at(0) });
    expect(decided(one, [replica(0, 'provisioning')]).scaleAttempt).toBeNull();
    const fresh = [replica(0, 'running', { runningAt: at(60) })];
    expect(decided(one, fresh, { now: at(60) })).toMatchObject({ scaleAttempt: null, lookAgainAt: at(61) });
    expect(decided(one, fresh, { now: at(61) }).scaleAttempt).toEqual({ count: 0, at: null });
    expect(decided(one, fresh, { now: at(60), policy: { steadyMs: 0 } }).scaleAttempt).toEqual({ count: 0, at: null });
  });
});

describe('scaling in', () => {
  test('takes SUBMITTED, then PROVISIONING, then RUNNING, and of these the oldest', () => {
    const replicas = [
      replica(0, 'running', { createdAt: at(2) }),
      replica(1, 'running', { createdAt: at(1) }),
      replica(2, 'provisioning', { createdAt: at(3) }),
      replica(3, 'submitted', { createdAt: at(5) }),
      replica(4, 'submitted', { createdAt: at(4) }),
    ];
    expect(decided(gateway({ desiredReplicas: 1 }), replicas).scaleIn).toEqual(ids(4, 3, 2, 1));
  });

  test('counts neither those that go already nor those that were told', () => {
    const replicas = [
      replica(0, 'running', { scaleIn: true }),
      replica(1, 'terminating'),
      replica(2, 'terminated'),
      replica(3, 'running'),
    ];
    const decision = decided(gateway(), replicas);
    expect(decision).toMatchObject({ create: [], scaleIn: [] });
    expect(decision.retire).toEqual([{ replicaId: 'r0.1', reason: 'scaledIn' }]);
  });

  test('never takes one that an organization holds, unless it is forced, and then last', () => {
    const replicas = [
      replica(0, 'running', { held: true }),
      replica(1, 'running', { held: true, createdAt: at(1) }),
      replica(2, 'running', { createdAt: at(2) }),
    ];
    const unforced = decided(gateway(), replicas, { now: at(60) });
    expect(unforced.scaleIn).toEqual(ids(2));
    expect(unforced.lookAgainAt).toEqual(new Date(at(60).getTime() + defaultFleetPolicy.heldLookMs));
    expect(decided(gateway({ scaleInForced: true }), replicas)).toMatchObject({
      scaleIn: ids(2, 0),
      lookAgainAt: null,
    });
  });
});

describe('the end', () => {
  test('a gateway that is to be deleted retires all, and is over when none is left', () => {
    for (const state of ['submitted', 'provisioning', 'running', 'failed'] as const) {
      const marked = gateway({ state, deletionMarkedAt: at(0), desiredReplicas: 5 });
      const some = [
        replica(0, 'submitted'),
        replica(1, 'running'),
        replica(2, 'terminating'),
        replica(3, 'terminated'),
      ];
      expect(decided(marked, some)).toEqual({
        move: null,
        create: [],
        scaleIn: [],
        scaleAttempt: null,
        events: [],
        retire: ids(0, 1).map((replicaId) => ({ replicaId, reason: 'gatewayDeleted' })),
        lookAgainAt: null,
        over: false,
      });
      expect(decided(marked, [replica(0, 'terminated')]).over).toBe(true);
      expect(decided(marked, []).over).toBe(true);
    }
  });

  test('a FAILED gateway is neither scaled nor deleted', () => {
    const failed = gateway({ state: 'failed', desiredReplicas: 3 });
    expect(decided(failed, [])).toMatchObject({ create: [], over: false, retire: [] });
    expect(decided(failed, [replica(0, 'submitted')]).retire).toEqual([{ replicaId: 'r0.1', reason: 'gatewayFailed' }]);
  });

  test('what goes already is not told again', () => {
    for (const state of ['terminating', 'terminated'] as const)
      expect(retirementOf(gateway({ deletionMarkedAt: at(0) }), replica(0, state, { scaleIn: true }))).toBeNull();
    expect(retirementOf(gateway(), replica(0, 'running'))).toBeNull();
  });
});
