import { randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { startTestHost, release, signalled, signalSessions, throughProxy, type TestHost } from './fixture';
import { configurationOf, configured, connected, expectFailure, profileOf } from './support';
import { inspect } from '../../drivers/ssh/inspect';
import { configure } from '../../drivers/ssh/configure';
import { connect } from '../../drivers/ssh/connect';
import { eventually } from '../support/eventually';

let host: TestHost;
beforeAll(async () => {
  host = await startTestHost(2);
});
afterAll(async () => await host.stop());

/** A script that leaves a line in a file of the host and waits until the test lets it go on. */
const waits = (name: string): string => `
echo began >>"$GATEWRIGHT_ROOT/${name}.log"
until [ -e "$GATEWRIGHT_ROOT/${name}.go" ]; do sleep 0.02; done
echo ended >>"$GATEWRIGHT_ROOT/${name}.log"
echo "${name} is through"`;

const noScrub = (line: string): string => line;
const outcomeOf = async (operation: string) => await connected(host, async (one) => await inspect(one, operation));
const untilBegun = async (name: string): Promise<void> =>
  await eventually(() => expect(host.read(`${name}.log`)).toBe('began\n'));

describe('configuring a machine', () => {
  test('places files, runs scripts, and does neither again when nothing changed', async () => {
    const profile = profileOf(
      [
        { name: 'once', content: 'echo once >>"$GATEWRIGHT_ROOT/runs"; cat "$GATEWRIGHT_VALUES"' },
        { name: 'always', content: 'echo always >>"$GATEWRIGHT_ROOT/runs"', runs: 'always' },
      ],
      {
        values: { where: { type: 'ip' }, password: { type: 'secretRef' } },
        files: [
          { path: 'etc/app.conf', mode: '0640', content: 'listen {{where}}; secret {{password}}\n', template: true },
          { path: 'bin/tool', mode: '0755', content: 'kept as it is: {{where}}\n' },
        ],
      },
    );
    const configuration = configurationOf(profile, { where: '10.0.0.7', password: 'a-name' }, { password: 'hunter2' });
    const first = await configured(host, configuration);
    expect(first).toMatchObject({ ran: ['once', 'always'], unchanged: [], placed: 2 });
    expect(host.read('etc/app.conf')).toBe('listen 10.0.0.7; secret hunter2\n');
    expect(host.read('bin/tool')).toBe('kept as it is: {{where}}\n');
    expect(statSync(host.path('etc/app.conf')).mode & 0o777).toBe(0o640);
    expect(first.lines).toContain('once: {"where":"10.0.0.7","password":"a-name"}');

    const second = await configured(host, configuration);
    expect(second).toMatchObject({ ran: ['always'], unchanged: ['once'], placed: 0 });
    expect(host.read('runs')).toBe('once\nalways\nalways\n');

    // A file that somebody changed is put right, and what was done with it is done again.
    writeFileSync(host.path('etc/app.conf'), 'changed');
    expect(await configured(host, configuration)).toMatchObject({ ran: ['once', 'always'], placed: 1 });
    expect(host.read('etc/app.conf')).toContain('10.0.0.7');

    // So is another secret under the same name, and another value.
    expect(await configured(host, { ...configuration, secrets: { password: 'hunter3' } })).toMatchObject({ placed: 1 });
    const other = configurationOf(profile, { where: '10.0.0.8', password: 'a-name' }, { password: 'hunter3' });
    expect(await configured(host, other)).toMatchObject({ ran: ['once', 'always'], placed: 1 });
    // No secret is left where it was uploaded to.
    for (const operation of readdirSync(host.path('operations')))
      expect(readdirSync(host.path(`operations/${operation}`)).sort()).toEqual(
        expect.not.arrayContaining(['values.json', 'file-0']),
      );
  });

  test('says which script failed, how, and what it printed; goes on there next time', async () => {
    const profile = profileOf([
      { name: 'good', content: 'echo good >>"$GATEWRIGHT_ROOT/failing"' },
      { name: 'bad', content: '[ -e "$GATEWRIGHT_ROOT/fixed" ] || { echo "hunter2 is no host" >&2; exit 7; }' },
    ]);
    const operation = randomUUID();
    const failure = await expectFailure(configured(host, configurationOf(profile), operation), 'SCRIPT_FAILED');
    expect(failure.message).toContain('script bad ended with 7');
    expect(failure.message).toContain('*** is no host');
    expect(failure.data).toEqual({ exit: 7, script: 'bad' });
    // The same operation is over; another one skips what is done.
    release(host.path('fixed'));
    await expectFailure(configured(host, configurationOf(profile), operation), 'SCRIPT_FAILED');
    expect(await configured(host, configurationOf(profile))).toMatchObject({ ran: ['bad'], unchanged: ['good'] });
    expect(host.read('failing')).toBe('good\n');
  });

  test('ends a script that takes too long, and does not wait for what it leaves behind', async () => {
    const slow = profileOf([{ name: 'slow', content: 'sleep 60', timeoutMs: 1_000 }]);
    expect((await expectFailure(configured(host, configurationOf(slow)), 'SCRIPT_FAILED')).message).toContain(
      'script slow did not end in time',
    );
    const daemon = profileOf([
      { name: 'starts', content: 'setsid sleep 20 >/dev/null 2>&1 & echo $! >"$GATEWRIGHT_ROOT/pid"' },
    ]);
    try {
      expect(await configured(host, configurationOf(daemon))).toMatchObject({ ran: ['starts'] });
      // What it left behind holds no lock either.
      expect(await configured(host, configurationOf(daemon))).toMatchObject({ unchanged: ['starts'] });
    } finally {
      expect(signalled(Number(host.read('pid')), 'SIGKILL')).toBe(true);
    }
  });

  test('goes on when its connection is killed; the same operation reads what came of it', async () => {
    const configuration = configurationOf(profileOf([{ name: 'killed', content: waits('killed') }]));
    const operation = randomUUID();
    expect((await outcomeOf(operation)).outcome).toEqual({ state: 'not begun' });
    const lost = configured(host, configuration, operation);
    await untilBegun('killed');
    expect(signalSessions(host.sshd.pid, 'SIGKILL')).not.toHaveLength(0);
    await expectFailure(lost, 'SSH_OUTCOME_UNKNOWN');
    expect((await outcomeOf(operation)).outcome).toMatchObject({ state: 'running' });

    const again = configured(host, configuration, operation);
    release(host.path('killed.go'));
    const told = await again;
    expect(told.ran).toEqual(['killed']);
    expect(told.lines).toContain('killed: killed is through');
    expect(host.read('killed.log')).toBe('began\nended\n');
    // And a third time after its end.
    expect((await configured(host, configuration, operation)).ran).toEqual(['killed']);
    expect(host.read('killed.log')).toBe('began\nended\n');
  });

  test('goes on when the peer is frozen or the caller cancels', async () => {
    const configuration = configurationOf(profileOf([{ name: 'frozen', content: waits('frozen') }]));
    const operation = randomUUID();
    const lost = configured(host, configuration, operation);
    await untilBegun('frozen');
    const frozen = signalSessions(host.sshd.pid, 'SIGSTOP');
    expect(frozen).not.toHaveLength(0);
    await expectFailure(lost, 'SSH_OUTCOME_UNKNOWN');
    for (const pid of frozen) signalled(pid, 'SIGKILL');

    const controller = new AbortController();
    const connection = await connect(host.target, { signal: controller.signal });
    const cancelled = configure(connection, configuration, operation, { scrub: noScrub, signal: controller.signal });
    controller.abort(new Error('cancelled by a person'));
    await expect(cancelled).rejects.toThrow('cancelled by a person');
    await connection.closed;

    release(host.path('frozen.go'));
    expect((await configured(host, configuration, operation)).ran).toEqual(['frozen']);
    expect(host.read('frozen.log')).toBe('began\nended\n');
  });

  test('goes on when the network falls silent', async () => {
    const configuration = configurationOf(profileOf([{ name: 'silent', content: waits('silent') }]));
    const operation = randomUUID();
    await throughProxy(host, async (target, fallSilent) => {
      const connection = await connect(target, { keepalive: { intervalMs: 150, count: 2 } });
      const lost = configure(connection, configuration, operation, { scrub: noScrub });
      await untilBegun('silent');
      fallSilent();
      await expectFailure(lost, 'SSH_OUTCOME_UNKNOWN');
    });
    release(host.path('silent.go'));
    expect((await configured(host, configuration, operation)).ran).toEqual(['silent']);
    expect(host.read('silent.log')).toBe('began\nended\n');
  });

  test('is cancelled in the middle of a command: the channel closes, the connection stays for others', async () => {
    const configuration = configurationOf(profileOf([{ name: 'cancelled', content: waits('cancelled') }]));
    const operation = randomUUID();
    await connected(host, async (connection) => {
      const controller = new AbortController();
      const { signal } = controller;
      const running = configure(connection, configuration, operation, { scrub: noScrub, signal });
      await untilBegun('cancelled');
      controller.abort(new Error('cancelled by a person'));
      await expect(running).rejects.toThrow('cancelled by a person');
      expect((await inspect(connection, operation)).outcome.state).toBe('running');
      release(host.path('cancelled.go'));
      expect((await configure(connection, configuration, operation, { scrub: noScrub })).ran).toEqual(['cancelled']);
    });
    expect(host.read('cancelled.log')).toBe('began\nended\n');
  });

  test('begins once where two begin at once, and the other one finds the machine busy', async () => {
    const configuration = configurationOf(profileOf([{ name: 'both', content: waits('both') }]));
    const first = configured(host, configuration);
    await untilBegun('both');
    await expectFailure(configured(host, configuration), 'HOST_BUSY');
    release(host.path('both.go'));
    expect((await first).ran).toEqual(['both']);
    expect((await configured(host, configuration)).unchanged).toEqual(['both']);

    // Two attempts at the same operation, from the start.
    const same = configurationOf(
      profileOf([{ name: 'same', content: 'echo run >>"$GATEWRIGHT_ROOT/same"; sleep 0.3' }]),
    );
    const operation = randomUUID();
    const both = await Promise.all([configured(host, same, operation), configured(host, same, operation)]);
    expect(both.map(({ ran }) => ran)).toEqual([['same'], ['same']]);
    expect(host.read('same')).toBe('run\n');
  });

  test('goes on with the script at which the machine was restarted', async () => {
    const configuration = configurationOf(
      profileOf([
        { name: 'before', content: 'echo before >>"$GATEWRIGHT_ROOT/restart"' },
        { name: 'restarted', content: `echo $$ >"$GATEWRIGHT_ROOT/script.pid"\n${waits('restarted')}` },
      ]),
    );
    const operation = randomUUID();
    const lost = configured(host, configuration, operation);
    await untilBegun('restarted');
    // All at once, as when the power fails: the connection, the runner and its scripts.
    const runner = pidsOf(operation);
    expect(runner.length).toBeGreaterThan(1);
    for (const pid of [...runner, ...signalSessions(host.sshd.pid, 'SIGSTOP')]) signalled(pid, 'SIGKILL');
    await expectFailure(lost, 'SSH_OUTCOME_UNKNOWN');
    expect((await outcomeOf(operation)).outcome).toEqual({ state: 'interrupted' });
    release(host.path('restarted.go'));
    expect(await configured(host, configuration, operation)).toMatchObject({
      ran: ['restarted'],
      unchanged: ['before'],
    });
    expect(host.read('restart')).toBe('before\n');
  });

  test('keeps the outcomes of the last ten operations', async () => {
    const configuration = configurationOf(profileOf([]));
    const ids = Array.from({ length: 12 }, () => randomUUID());
    await connected(host, async (connection) => {
      for (const id of ids) await configure(connection, configuration, id, { scrub: noScrub });
      expect(readdirSync(host.path('operations')).sort()).toEqual(ids.slice(2).sort());
      expect((await inspect(connection, ids[2]!)).outcome).toMatchObject({ state: 'ended', operation: ids[2] });
    });
  });

  test('does not follow a symbolic link that leads away', async () => {
    mkdirSync(host.path('elsewhere'));
    symlinkSync(host.directory, host.path('link'));
    symlinkSync(host.path('elsewhere/victim'), host.path('plain'));
    writeFileSync(host.path('elsewhere/victim'), 'untouched');
    const away = profileOf([], { files: [{ path: 'link/file', mode: '0644', content: 'x' }] });
    const failure = await expectFailure(configured(host, configurationOf(away)), 'SCRIPT_FAILED');
    expect(failure.message).toContain('a symbolic link leads away');
    expect(readdirSync(host.directory)).not.toContain('file');
    const plain = profileOf([], { files: [{ path: 'plain', mode: '0644', content: 'x' }] });
    expect(await configured(host, configurationOf(plain))).toMatchObject({ placed: 1 });
    expect(host.read('elsewhere/victim')).toBe('untouched');
    expect(host.read('plain')).toBe('x');
  });
});

/** The processes whose command line names an operation. */
function pidsOf(operation: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^[0-9]+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => commandLine(pid).includes(operation))
    .map(Number);
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}
