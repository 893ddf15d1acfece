import { planOf } from '../../domain/run-plan';
import type { JournalEntry, Outcome, Phase } from '../../domain/journal';
import { runDetail, type StepDetail } from '../../domain/run-detail';

/** Builds a journal, a second between entries. */
class Story {
  readonly entries: JournalEntry[] = [];
  private seq = 0;
  private base() {
    const seq = ++this.seq;
    return { seq, at: new Date(seq * 1000).toISOString(), runId: 'r', organizationId: 'o', kind: 'gateway.start' };
  }
  private ref(step: string, phase: Phase, attempt: number, activityId: string) {
    return { step, phase, activity: step, activityId, attempt, worker: 'w' };
  }
  began(step: string, phase: Phase, attempt = 1, id = `${step}-${phase}`): this {
    this.entries.push({ ...this.base(), type: 'attempt.started', ...this.ref(step, phase, attempt, id) });
    return this;
  }
  ended(step: string, phase: Phase, outcome: Outcome, attempt = 1, id = `${step}-${phase}`): this {
    const error = outcome === 'failed' ? { error: { code: 'DNS_UNAVAILABLE' as const, message: `no ${attempt}` } } : {};
    this.entries.push({
      ...this.base(),
      type: 'attempt.ended',
      ...this.ref(step, phase, attempt, id),
      outcome,
      ...error,
    });
    return this;
  }
  ran(step: string, phase: Phase, outcome: Outcome = 'succeeded', attempt = 1, id = `${step}-${phase}`): this {
    return this.began(step, phase, attempt, id).ended(step, phase, outcome, attempt, id);
  }
  state(state: 'rolling_back' | 'succeeded' | 'rolled_back' | 'abandoned'): this {
    this.entries.push({ ...this.base(), type: 'run.state', state });
    return this;
  }
  stuck(step: string): this {
    const error = { code: 'DNS_UNAVAILABLE', message: 'gone' } as const;
    this.entries.push({ ...this.base(), type: 'run.state', state: 'needs_attention', stuck: [{ step, error }] });
    return this;
  }
  resolved(step: string, action: 'retry' | 'skip'): this {
    const base = this.base();
    const resolution = { action, by: 'me', reason: 'why', at: base.at };
    this.entries.push({ ...base, type: 'step.resolved', step, resolution });
    return this;
  }
  step(name: string): StepDetail {
    return runDetail(this.entries, planOf('gateway.start')).steps.find((step) => step.name === name)!;
  }
}

test('nothing written: every planned step is pending', () => {
  const { state, steps } = runDetail([], planOf('gateway.start'));
  expect(state).toBe('running');
  expect(steps.map((step) => step.state)).toEqual(Array(5).fill('pending'));
});

test('a do that runs, is retried, and is done', () => {
  const story = new Story().began('dns', 'do');
  expect(story.step('dns')).toMatchObject({ state: 'running', do: { state: 'running', endedAt: null } });
  story.ended('dns', 'do', 'failed');
  expect(story.step('dns')).toMatchObject({ state: 'running', do: { state: 'failed', error: { message: 'no 1' } } });
  story.ran('dns', 'do', 'succeeded', 2);
  expect(story.step('dns')).toMatchObject({ state: 'done', do: { state: 'succeeded', error: null } });
  expect(story.step('dns').do.attempts.map((each) => [each.attempt, each.durationMs])).toEqual([
    [1, 1000],
    [2, 1000],
  ]);
});

test('a step of several activities has failed while one of them has', () => {
  const story = new Story().ran('reload', 'do', 'failed', 1, 'edge-1').ran('reload', 'do', 'succeeded', 1, 'edge-2');
  expect(story.step('reload').do.state).toBe('failed');
  story.ran('reload', 'do', 'succeeded', 2, 'edge-1');
  expect(story.step('reload').do.state).toBe('succeeded');
});

test('a rollback: failed, undone, and kept where there is nothing to undo', () => {
  const story = new Story()
    .ran('route', 'do')
    .ran('reload', 'do')
    .ran('handshake', 'do', 'failed')
    .state('rolling_back');
  expect(story.step('handshake').state).toBe('failed');
  story.ran('handshake', 'undo').began('route', 'undo');
  expect(story.step('route').state).toBe('undoing');
  story.ended('route', 'undo', 'succeeded').state('rolled_back');
  expect(['handshake', 'reload', 'route', 'dns'].map((name) => story.step(name).state)).toEqual([
    'undone',
    'kept',
    'undone',
    'pending',
  ]);
});

test('stuck, retried, stuck again, skipped', () => {
  const story = new Story().ran('dns', 'do').state('rolling_back').ran('dns', 'undo', 'failed').stuck('dns');
  const since = story.step('dns').stuckSince;
  expect(story.step('dns')).toMatchObject({ state: 'stuck', stuckBecause: { message: 'gone' } });
  story.resolved('dns', 'retry').state('rolling_back').began('dns', 'undo', 1, 'again');
  expect(story.step('dns')).toMatchObject({ state: 'undoing', stuckSince: null, undo: { state: 'running' } });
  story.ended('dns', 'undo', 'failed', 1, 'again').stuck('dns');
  expect(story.step('dns').stuckSince! > since!).toBe(true);
  story.resolved('dns', 'skip').state('abandoned');
  expect(story.step('dns')).toMatchObject({ state: 'skipped', resolutions: [{ action: 'retry' }, { action: 'skip' }] });
});

test('an undo that works when retried leaves no error standing', () => {
  const story = new Story()
    .ran('dns', 'undo', 'failed')
    .stuck('dns')
    .resolved('dns', 'retry')
    .ran('dns', 'undo', 'succeeded', 1, 'again');
  expect(story.step('dns')).toMatchObject({ state: 'undone', undo: { state: 'succeeded', error: null } });
});

test('an attempt of a dead worker is unknown until the worker itself says otherwise', () => {
  const story = new Story().began('dns', 'do').ended('dns', 'do', 'unknown');
  expect(story.step('dns').do.state).toBe('unknown');
  story.ended('dns', 'do', 'succeeded');
  expect(story.step('dns').do.state).toBe('succeeded');
});

test('entries that were appended twice change nothing', () => {
  const story = new Story()
    .ran('dns', 'do')
    .state('rolling_back')
    .ran('dns', 'undo', 'failed')
    .stuck('dns')
    .resolved('dns', 'skip')
    .state('abandoned');
  const twice = story.entries.flatMap((entry) => [entry, entry]);
  expect(runDetail(twice)).toEqual(runDetail(story.entries));
});

test('a terminal state is final', () => {
  const story = new Story().state('succeeded').state('rolling_back');
  expect(runDetail(story.entries).state).toBe('succeeded');
});
