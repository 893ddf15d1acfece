import fc from 'fast-check';
import { activeReplicaStates, isLive, ReplicaState } from '../../domain/fleet/lifecycle';
import type { Decision, HeldReplica } from '../../domain/fleet/scaling';
import { gateway, Model } from './model';

/* Whatever happens to a gateway and its replicas, in whatever order. */

const policy = { scaleOutAttempts: 4, steadyMs: 1_000, scaleOutDelaysMs: [500, 1_000] };

type Happening =
  | { readonly kind: 'time'; readonly ms: number }
  | { readonly kind: 'wanted'; readonly replicas: number; readonly forced: boolean }
  | { readonly kind: 'progress' | 'failure' | 'hold'; readonly which: number }
  | { readonly kind: 'look' };

const happening: fc.Arbitrary<Happening> = fc.oneof(
  fc.record({ kind: fc.constant('time' as const), ms: fc.integer({ min: 0, max: 3_000 }) }),
  fc.record({
    kind: fc.constant('wanted' as const),
    replicas: fc.integer({ min: 1, max: 6 }),
    forced: fc.boolean(),
  }),
  fc.record({ kind: fc.constantFrom('progress' as const, 'failure' as const, 'hold' as const), which: fc.nat(20) }),
  fc.constant({ kind: 'look' as const }),
);

const next: Partial<Record<ReplicaState, ReplicaState>> = {
  submitted: 'provisioning',
  provisioning: 'running',
  terminating: 'terminated',
};

function staying(replicas: readonly HeldReplica[]): HeldReplica[] {
  return replicas.filter((each) => activeReplicaStates.includes(each.state) && !each.scaleIn);
}

function changes({ move, create, scaleIn, scaleAttempt, events, over }: Decision): boolean {
  return move !== null || scaleAttempt !== null || over || create.length + scaleIn.length + events.length > 0;
}

function happen(model: Model, what: Happening): void {
  if (what.kind === 'time') model.now = new Date(model.now.getTime() + what.ms);
  if (what.kind === 'wanted')
    model.gateway = {
      ...model.gateway,
      desiredReplicas: what.replicas,
      scaleInForced: what.forced,
      lastUpdateAt: model.now,
    };
  if (what.kind === 'look') looked(model);
  if ('which' in what && model.replicas.length > 0) {
    const subject = model.replicas[what.which % model.replicas.length]!;
    if (what.kind === 'hold') {
      if (subject.state === ReplicaState.running) model.change(subject.id, { held: !subject.held });
    } else if (what.kind === 'failure') {
      if (activeReplicaStates.includes(subject.state)) model.change(subject.id, { state: ReplicaState.terminating });
    } else {
      const state = next[subject.state];
      if (state) model.change(subject.id, { state, ...(state === 'running' && { runningAt: model.now }) });
    }
  }
}

/** Looks, and checks what must hold after every look. */
function looked(model: Model): void {
  const before = staying(model.replicas).length;
  const decision = model.look(policy);
  const { desiredReplicas, state, scaleAttempt, scaleInForced } = model.gateway;
  if (decision.create.length > 0) expect(before + decision.create.length).toBe(desiredReplicas);
  const stay = staying(model.replicas);
  if (state === 'failed') expect(decision.create).toEqual([]);
  // Too many are there only as far as organizations hold them.
  else if (stay.length > desiredReplicas) {
    expect(scaleInForced).toBe(false);
    expect(stay.every(({ held }) => held)).toBe(true);
  }
  const live = model.replicas.filter(isLive).map(({ num }) => num);
  expect(new Set(live).size).toBe(live.length);
  expect(new Set(model.replicas.map(({ id }) => id)).size).toBe(model.replicas.length);
  expect(scaleAttempt).toBeLessThanOrEqual(policy.scaleOutAttempts);
  expect(changes(model.look(policy))).toBe(false);
}

const history = fc.record({
  wanted: fc.integer({ min: 1, max: 6 }),
  happenings: fc.array(happening, { maxLength: 60 }),
});

function lived({ wanted, happenings }: { wanted: number; happenings: Happening[] }): Model {
  const model = new Model(gateway({ state: 'submitted', desiredReplicas: wanted }));
  happenings.forEach((each) => happen(model, each));
  return model;
}

test('never too many replicas, never a number twice, and nothing more to decide once it is written', () => {
  let created = 0;
  fc.assert(
    fc.property(history, (input) => {
      created += lived({ ...input, happenings: [...input.happenings, { kind: 'look' }] }).created;
    }),
    { numRuns: 500 },
  );
  expect(created).toBeGreaterThan(1_000); // it did happen
});

test('a deletion always ends, and enters no replica any more', () => {
  fc.assert(
    fc.property(history, (input) => {
      const model = lived(input);
      const { created } = model;
      model.gateway = { ...model.gateway, deletionMarkedAt: model.now };
      for (let round = 0; round < 4 && !model.over; round++) {
        const { retire } = model.look(policy);
        for (const { replicaId } of retire) model.change(replicaId, { state: ReplicaState.terminating });
        for (const { id, state } of model.replicas)
          if (state === ReplicaState.terminating) model.change(id, { state: ReplicaState.terminated });
      }
      expect(model.over).toBe(true);
      expect(model.created).toBe(created);
    }),
    { numRuns: 500 },
  );
});

test('a gateway that is left alone comes to rest with as many as it wants, or FAILED', () => {
  fc.assert(
    fc.property(history, (input) => {
      const model = lived(input);
      model.gateway = { ...model.gateway, lastUpdateAt: new Date(model.now.getTime() + 1) };
      for (let round = 0; round < 30; round++) {
        model.now = new Date(model.now.getTime() + 2_000);
        const { retire } = model.look(policy);
        for (const { replicaId } of retire) model.change(replicaId, { state: ReplicaState.terminating, held: false });
        for (const { id, state } of model.replicas)
          if (next[state]) model.change(id, { state: next[state]!, runningAt: model.now });
      }
      const { state, desiredReplicas, scaleAttempt } = model.gateway;
      const stay = staying(model.replicas);
      if (state === 'failed') return expect(stay).toEqual([]);
      expect(state).toBe('running');
      expect(scaleAttempt).toBe(0);
      expect(stay.filter(({ held }) => !held).length + stay.filter(({ held }) => held).length).toBeGreaterThanOrEqual(
        desiredReplicas,
      );
      if (stay.length > desiredReplicas) expect(stay.every(({ held }) => held)).toBe(true);
    }),
    { numRuns: 300 },
  );
});
