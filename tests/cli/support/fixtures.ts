import { planOf } from '../../../domain/run-plan';
import type { PhaseJson, RunDetailJson, StepJson } from '../../../cli/shapes';

export const organization = '0b2c6a5e-8a8f-4c53-9a43-3f0b6b0f4f1d';
export const allocationId = '5f3c0f5e-2f0a-4b8e-9f4e-0c3a3c1b2a11';
export const replicaId = '7d1f6a2b-3c4d-4e5f-8a9b-0c1d2e3f4a5b';
export const runId = `gateway-start-${allocationId}`;
export const token = `gw_0123456789abcdef_${'a'.repeat(64)}`;

/** A moment this many milliseconds after the run began, two minutes before the tests' noon. */
export function at(ms: number): string {
  return new Date(Date.parse('2026-11-21T11:58:00.000Z') + ms).toISOString();
}

const untouched: PhaseJson = { state: 'pending', started_at: null, ended_at: null, error: null, attempts: [] };

/** A do or undo that took from `from` to `to`, with as many attempts as errors and one more unless it failed. */
export function phase(
  from: number,
  to: number | null,
  options: { readonly state?: PhaseJson['state']; readonly errors?: readonly NonNullable<PhaseJson['error']>[] } = {},
): PhaseJson {
  const { errors = [], state = to === null ? 'running' : 'succeeded' } = options;
  const outcomes = state === 'failed' ? errors : [...errors, null];
  return {
    state,
    started_at: at(from),
    ended_at: to === null ? null : at(to),
    error: state === 'failed' ? errors.at(-1)! : null,
    attempts: outcomes.map((error, index) => {
      const last = index === outcomes.length - 1;
      return {
        activity: 'step',
        attempt: index + 1,
        worker: 'host/1/2',
        started_at: at(from),
        ended_at: last && to === null ? null : at(to ?? from),
        duration_ms: last && to === null ? null : (to ?? from) - from,
        outcome: error ? 'failed' : to === null ? null : 'succeeded',
        error,
      };
    }),
  };
}

/** The steps of a start as the plan has them, changed where `over` says so. */
export function steps(
  over: Readonly<Record<string, Partial<Omit<StepJson, 'undo'>> & { undo?: Partial<StepJson['undo']> }>>,
): StepJson[] {
  return planOf('gateway.start').map((planned) => {
    const { undo, ...rest } = over[planned.name] ?? {};
    return {
      name: planned.name,
      state: 'pending',
      does: planned.do,
      do: untouched,
      stuck_since: null,
      stuck_because: null,
      resolutions: [],
      ...rest,
      undo: { kind: planned.undo.kind, text: planned.undo.text, ...untouched, ...undo },
    };
  });
}

/** A start's run. */
export function run(over: Partial<RunDetailJson>): RunDetailJson {
  return {
    id: runId,
    kind: 'gateway.start',
    organization_id: organization,
    state: 'succeeded',
    started_at: at(0),
    ended_at: at(212),
    attention_since: null,
    severity: null,
    error: null,
    allowed: [],
    cancelled: false,
    steps: steps({}),
    ...over,
  };
}

export const succeeded = run({
  steps: steps({
    allocate: { state: 'done', do: phase(3, 15) },
    dns: { state: 'done', do: phase(16, 47) },
    route: { state: 'done', do: phase(48, 52) },
    reload: { state: 'done', do: phase(53, 194) },
    handshake: { state: 'done', do: phase(195, 211) },
  }),
});

const refused = { code: 'HANDSHAKE_FAILED', message: 'the gateway answered 500' } as const;

export const rolledBack = run({
  state: 'rolled_back',
  ended_at: at(2_700),
  error: refused,
  steps: steps({
    allocate: { state: 'undone', do: phase(3, 15), undo: phase(2_680, 2_690) },
    dns: {
      state: 'undone',
      do: phase(16, 420, { errors: [{ code: 'DNS_UNAVAILABLE', message: 'connect ECONNREFUSED 127.0.0.1:8154' }] }),
      undo: phase(2_640, 2_670),
    },
    route: { state: 'undone', do: phase(421, 425), undo: phase(2_480, 2_630) },
    reload: { state: 'kept', do: phase(426, 560) },
    handshake: {
      state: 'undone',
      do: phase(561, 2_450, { state: 'failed', errors: [refused] }),
      undo: phase(2_460, 2_470),
    },
  }),
});

const away = { code: 'DNS_UNAVAILABLE', message: 'connect ECONNREFUSED 127.0.0.1:8154' } as const;

export const stuck = run({
  state: 'needs_attention',
  ended_at: null,
  attention_since: at(15_000),
  severity: 'warning',
  allowed: ['resolve'],
  error: refused,
  steps: steps({
    allocate: { state: 'done', do: phase(3, 15) },
    dns: {
      state: 'stuck',
      do: phase(16, 47),
      undo: phase(2_640, 14_990, { state: 'failed', errors: [away, away, away] }),
      stuck_since: at(15_000),
      stuck_because: away,
      resolutions: [{ action: 'retry', by: 'ops (0123456789abcdef)', reason: 'restarted it', at: at(60_000) }],
    },
    route: { state: 'undone', do: phase(421, 425), undo: phase(2_480, 2_630) },
    reload: { state: 'done', do: phase(426, 560) },
    handshake: {
      state: 'undone',
      do: phase(561, 2_450, { state: 'failed', errors: [refused] }),
      undo: phase(2_460, 2_470),
    },
  }),
});
