import { setTimeout as sleep } from 'node:timers/promises';
import { Failure } from '../../domain/failures';
import { printable } from '../../domain/hostname';
import type { SshConnection } from './connection';
import { inspect, type EndedOutcome, type HostView } from './inspect';
import { escapeOutput, OutputLines } from './output';
import { operationFiles, type Configuration } from './stage';
import { upload } from './upload';

/** Who hears of an operation, and who ends waiting for it. */
export interface ConfigureOptions {
  /** Takes out of a line what looks like a secret. */
  readonly scrub: (line: string) => string;
  /** Gets the output line by line, each as `script: text` or `gatewright: text`; bounded (see output.ts). */
  readonly onOutput?: (line: string) => void;
  /** Closes the channel; what has begun on the machine goes on, and the same operation id finds it again. */
  readonly signal?: AbortSignal;
}

/** What configuring a machine came to. */
export interface Configured {
  /** Scripts that were run. */
  readonly ran: readonly string[];
  /** Scripts that had been run at this revision before. */
  readonly unchanged: readonly string[];
  /** Files that were not as they are to be, and are now. */
  readonly placed: number;
}

/** The exit code of the runner that finds the machine's lock taken. */
const BUSY = 75;
/** Milliseconds between two looks at an operation that an earlier attempt began. */
const LOOK_MS = 200;
/** Characters of output in a failure's message. */
const TAIL = 600;

/**
 * Makes a machine as a profile says. The operation's id makes it repeatable: whatever became of an earlier attempt with
 * the same id is read from the machine's own file; one that ended is not run again, one that still runs is waited for,
 * one that the machine's restart ended goes on with the script it was at.
 * @param operationId a UUID; another one for whatever shall happen anew.
 * @throws Failure SCRIPT_FAILED (the end of its output in the message), HOST_BUSY (another operation has the machine),
 * SSH_OUTCOME_UNKNOWN (call again with the same id), SSH_UNREACHABLE, SSH_LIMIT, PROFILE_INVALID, SECRET_UNAVAILABLE,
 * FORBIDDEN. Throws the reason of an aborted `signal`.
 */
export async function configure(
  connection: SshConnection,
  configuration: Configuration,
  operationId: string,
  options: ConfigureOptions,
): Promise<Configured> {
  const { signal } = options;
  const before = await inspect(connection, operationId, signal);
  const { state } = before.outcome;
  const begins = state === 'not begun' || state === 'interrupted';
  if (begins && (await begin(connection, configuration, before.root, operationId, options)) === BUSY) {
    const { outcome, holder } = await inspect(connection, operationId, signal);
    if (outcome.state === 'not begun' || outcome.state === 'interrupted')
      throw new Failure('HOST_BUSY', `operation ${printable(holder)} is configuring ${connection.who}`);
  }
  const view = await untilEnded(connection, operationId, signal);
  // What was printed while nobody listened.
  if (!begins) passOn(view.output, options);
  return conclude(view, connection.who, options.scrub);
}

async function begin(
  connection: SshConnection,
  configuration: Configuration,
  root: string,
  operationId: string,
  options: ConfigureOptions,
): Promise<number | null> {
  const { signal, scrub, onOutput } = options;
  const directory = `${root}/operations/${operationId}`;
  await upload(connection, directory, await operationFiles(directory, configuration), signal);
  const lines = new OutputLines({ scrub, onLine: (line) => onOutput?.(line) });
  const complaints: Buffer[] = [];
  const { code } = await connection.run('operation', {
    stdin: `${directory}\n`,
    onStdout: (data) => lines.write(data),
    onStderr: (data) => complaints.length < 16 && complaints.push(data),
    ...(signal && { signal }),
  });
  lines.end();
  // A runner that was ended is found out by what it wrote down.
  if (code === null || code === 0 || code === BUSY || code > 128) return code;
  const said = scrub(escapeOutput(Buffer.concat(complaints).subarray(0, TAIL)));
  throw new Failure('SCRIPT_FAILED', `the runner on ${connection.who} ended with ${code}: ${said}`);
}

async function untilEnded(
  connection: SshConnection,
  operationId: string,
  signal?: AbortSignal,
): Promise<HostView & { readonly outcome: EndedOutcome }> {
  for (;;) {
    const view = await inspect(connection, operationId, signal);
    const { outcome } = view;
    if (outcome.state === 'ended') return { ...view, outcome };
    if (outcome.state !== 'running')
      throw new Failure('SSH_OUTCOME_UNKNOWN', `the runner on ${connection.who} was ended before its operation was`);
    await sleep(LOOK_MS, undefined, { signal }).catch(() => signal?.throwIfAborted());
  }
}

function conclude({ outcome, output }: HostView & { outcome: EndedOutcome }, who: string, scrub: Scrub): Configured {
  const { exit, script, ran, unchanged, placed } = outcome;
  if (exit === 0) return { ran, unchanged, placed };
  const tail = linesOf(output, scrub).join('\n').slice(-TAIL);
  const what = script === '' ? 'configuring' : `script ${script}`;
  const how = exit === 124 ? 'did not end in time' : `ended with ${exit}`;
  throw new Failure('SCRIPT_FAILED', `${what} ${how} on ${who}:\n${tail}`, { data: { exit, script } });
}

type Scrub = ConfigureOptions['scrub'];

function passOn(output: Buffer, { scrub, onOutput }: ConfigureOptions): void {
  for (const line of linesOf(output, scrub)) onOutput?.(line);
}

function linesOf(output: Buffer, scrub: Scrub): string[] {
  const lines: string[] = [];
  const reader = new OutputLines({ scrub, onLine: (line) => lines.push(line) });
  reader.write(output);
  reader.end();
  return lines;
}
