import { z } from 'zod';
import { Failure } from '../../domain/failures';
import { printable } from '../../domain/hostname';
import { isUuid } from '../../domain/organization';
import type { SshConnection } from './connection';
import { hostScript } from './host-script';
import { isDirectoryPath } from './upload';

const name = z.string().regex(/^[a-z0-9-]{0,64}$/);

const outcomeSchema = z.discriminatedUnion('state', [
  z.strictObject({ state: z.literal('not begun') }),
  /** Its runner holds the machine's lock. */
  z.strictObject({ state: z.literal('running'), operation: z.string().optional() }),
  /** It began and its runner is gone without a word: the machine was restarted, or the runner killed. */
  z.strictObject({ state: z.literal('interrupted') }),
  z.strictObject({
    state: z.literal('ended'),
    operation: z.string(),
    /** 0, or the exit code of the script that failed. */
    exit: z.number().int().min(0).max(255),
    /** The script that failed; empty when none did, or something else. */
    script: name,
    /** Scripts that were run to their good end. */
    ran: z.array(name),
    /** Scripts that had been run at this revision before. */
    unchanged: z.array(name),
    /** Files that were not as they are to be, and are now. */
    placed: z.number().int().nonnegative(),
  }),
]);

/** What came of an operation, as the machine's own file tells it. */
export type Outcome = z.infer<typeof outcomeSchema>;
export type EndedOutcome = Extract<Outcome, { readonly state: 'ended' }>;

/** What a machine says of itself and of an operation. */
export interface HostView {
  /** The directory on the machine that is Gatewright's. */
  readonly root: string;
  readonly outcome: Outcome;
  /** The last operation that held the machine's lock; it may be over. */
  readonly holder: string;
  /** The last bytes that the operation's scripts printed, as they are. */
  readonly output: Buffer;
}

/** Bytes of a machine's answer that are read. */
const LIMIT = 16_384;
/** Milliseconds that looking may take; the script does next to nothing. */
const LOOK_MS = 20_000;

/**
 * Asks a machine what came of an operation; changes nothing there but to make Gatewright's directory.
 * @throws Failure SSH_UNREACHABLE, SSH_LIMIT; SSH_OUTCOME_UNKNOWN when the connection is lost meanwhile; SCRIPT_FAILED
 * when the machine lacks what is needed or does not answer sensibly. Throws the reason of an aborted `signal`.
 */
export async function inspect(connection: SshConnection, operationId: string, signal?: AbortSignal): Promise<HostView> {
  if (!isUuid(operationId)) throw new Failure('INVALID_INPUT', `not an operation: ${printable(operationId)}`);
  const chunks: Buffer[] = [];
  let size = 0;
  await connection.run('scriptWithArgument', {
    stdin: `${operationId}\n${hostScript('root.sh')}${hostScript('inspect.sh')}`,
    onStdout: (data) => {
      if ((size += data.length) <= LIMIT) chunks.push(data);
    },
    timeoutMs: LOOK_MS,
    ...(signal && { signal }),
  });
  return read(Buffer.concat(chunks), connection.who);
}

function read(answer: Buffer, who: string): HostView {
  const end = answer.indexOf('\noutput\n');
  const words = new Map(
    answer
      .toString('utf8', 0, end === -1 ? answer.length : end)
      .split('\n')
      .map((line) => {
        const space = line.indexOf(' ');
        return [line.slice(0, space), line.slice(space + 1)] as const;
      }),
  );
  const refuse = (why: string): never => {
    throw new Failure('SCRIPT_FAILED', `${who} ${why}`);
  };
  if (words.has('missing')) return refuse(`lacks the program ${printable(words.get('missing'))}`);
  if (words.has('unwritable')) return refuse(`lets us not write to ${printable(words.get('unwritable'))}`);
  const root = words.get('root') ?? '';
  if (end === -1 || !isDirectoryPath(root)) return refuse('does not answer as a machine of ours');
  let outcome: Outcome;
  try {
    outcome = outcomeSchema.parse(JSON.parse(words.get('outcome') ?? ''));
  } catch {
    return refuse('has an unreadable outcome file');
  }
  return { root, outcome, holder: words.get('holder') ?? '', output: answer.subarray(end + '\noutput\n'.length) };
}
