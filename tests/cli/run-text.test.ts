import { endText, runText } from '../../cli/run-text';
import { phase, rolledBack, run, steps, stuck, succeeded } from './support/fixtures';
import { testIo } from './support/run-cli';

const wide = testIo();
const terminal = testIo({ columns: 80 });

describe('the text of a run', () => {
  test('that succeeded says what each step did, shortened to the terminal', () => {
    expect(runText(terminal, succeeded)).toBe(`\
run           gateway-start-5f3c0f5e-2f0a-4b8e-9f4e-0c3a3c1b2a11
kind          gateway.start
organization  0b2c6a5e-8a8f-4c53-9a43-3f0b6b0f4f1d
state         succeeded
began         2 min ago, 2026-11-21 11:58:00 UTC
took          212 ms

  step        state   do
  allocate    done    ✓ 12 ms    take one free replica of the pool for the orga…
  dns         done    ✓ 31 ms    write the A record of the organization’s host …
  route       done    ✓ 4 ms     write the organization’s desired route: host n…
  reload      done    ✓ 141 ms   publish a new generation on every edge and pro…
  handshake   done    ✓ 16 ms    have the replica confirm this allocation and e…
`);
  });

  test('that was rolled back shows each do with its undo, the retries and the error where it happened', () => {
    expect(runText(wide, rolledBack)).toBe(`\
run           gateway-start-5f3c0f5e-2f0a-4b8e-9f4e-0c3a3c1b2a11
kind          gateway.start
organization  0b2c6a5e-8a8f-4c53-9a43-3f0b6b0f4f1d
state         rolled back
began         2 min ago, 2026-11-21 11:58:00 UTC
took          2.70 s
error         HANDSHAKE_FAILED  the gateway answered 500

  step        state    do                     undo
  allocate    undone   ✓ 12 ms                ✓ 10 ms
  dns         undone   ✓ 404 ms, 2 attempts   ✓ 30 ms
  route       undone   ✓ 4 ms                 ✓ 150 ms
  reload      kept     ✓ 134 ms               – nothing to undo
  handshake   undone   ✗ 1.89 s               ✓ 10 ms
              do: HANDSHAKE_FAILED  the gateway answered 500
`);
  });

  test('that is stuck says why, what was decided before, and how to decide', () => {
    expect(runText(wide, stuck)).toBe(`\
run           gateway-start-5f3c0f5e-2f0a-4b8e-9f4e-0c3a3c1b2a11
kind          gateway.start
organization  0b2c6a5e-8a8f-4c53-9a43-3f0b6b0f4f1d
state         needs attention
began         2 min ago, 2026-11-21 11:58:00 UTC
runs for      2 min
attention     for 1 min, warning
error         HANDSHAKE_FAILED  the gateway answered 500

  step        state    do         undo
  allocate    done     ✓ 12 ms
  dns         stuck    ✓ 31 ms    ! stuck for 1 min, 3 attempts
              undo: DNS_UNAVAILABLE  connect ECONNREFUSED 127.0.0.1:8154
              retry by ops (0123456789abcdef), 1 min ago: restarted it
  route       undone   ✓ 4 ms     ✓ 150 ms
  reload      done     ✓ 134 ms   – nothing to undo
  handshake   undone   ✗ 1.89 s   ✓ 10 ms
              do: HANDSHAKE_FAILED  the gateway answered 500

A person decides about each stuck undo:
  gatewright resolve gateway-start-5f3c0f5e-2f0a-4b8e-9f4e-0c3a3c1b2a11 dns retry --reason "..."
  gatewright resolve gateway-start-5f3c0f5e-2f0a-4b8e-9f4e-0c3a3c1b2a11 dns skip --reason "..."
`);
    expect(endText(wide, stuck)).toBe(`\
state       needs attention
attention   for 1 min, warning
error       HANDSHAKE_FAILED  the gateway answered 500
stuck: dns  DNS_UNAVAILABLE  connect ECONNREFUSED 127.0.0.1:8154
timeline    gatewright run gateway-start-5f3c0f5e-2f0a-4b8e-9f4e-0c3a3c1b2a11

A person decides about each stuck undo:
  gatewright resolve gateway-start-5f3c0f5e-2f0a-4b8e-9f4e-0c3a3c1b2a11 dns retry --reason "..."
  gatewright resolve gateway-start-5f3c0f5e-2f0a-4b8e-9f4e-0c3a3c1b2a11 dns skip --reason "..."
`);
  });

  test('that goes on says for how long a step has been running, and has no undo column', () => {
    const running = run({
      state: 'running',
      ended_at: null,
      allowed: ['cancel'],
      steps: steps({
        allocate: { state: 'done', do: phase(0, 12) },
        dns: { state: 'running', do: phase(100_000, null) },
      }),
    });
    const text = runText(wide, running);
    expect(text).toContain('  dns         running   … 20.0 s');
    expect(text).toContain('  route       pending   ·');
    expect(text).not.toContain('undo');
  });

  test('tells every attempt on request, with its error', () => {
    const text = runText(wide, rolledBack, { attempts: true });
    expect(text).toContain(
      '11:58:00.016  do step #1 failed after 404 ms on host/1/2: DNS_UNAVAILABLE  connect ECONNREFUSED 127.0.0.1:8154\n',
    );
    expect(text).toContain('11:58:00.016  do step #2 succeeded after 404 ms on host/1/2\n');
  });

  test('keeps within the terminal, and colours nothing but marks and states', () => {
    const narrow = runText(testIo({ columns: 70 }), rolledBack);
    expect(Math.max(...narrow.split('\n').map((line) => line.length))).toBeLessThanOrEqual(70);
    const coloured = runText(testIo({ colours: true }), rolledBack);
    expect(coloured).toContain('\u001b[31mrolled back\u001b[39m');
    // eslint-disable-next-line no-control-regex
    expect(coloured.replace(/\u001b\[\d+m/g, '')).toBe(runText(wide, rolledBack));
  });

  test('lets nothing from outside steer the terminal', () => {
    const hostile = { code: 'HANDSHAKE_FAILED', message: 'a\u001b[2Jb\u0007c' } as const;
    const text = runText(wide, run({ state: 'rolled_back', error: hostile }));
    expect(text).toContain('HANDSHAKE_FAILED  a [2Jb c');
  });
});
