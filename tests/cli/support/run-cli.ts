import { Command, CommanderError } from 'commander';
import { addAdminCommands } from '../../../cli/admin-commands';
import { addDeployCommands } from '../../../cli/deploy-commands';
import { addFleetCommands } from '../../../cli/fleet-commands';
import type { Io } from '../../../cli/io';
import { addRolloutCommands } from '../../../cli/rollout-commands';
import { addRunCommands } from '../../../cli/run-commands';

/** What a command line has led to. */
export interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Surroundings of a test: no terminal, no colours, a clock that stands still. */
export function testIo(over: Partial<Io> = {}): Io & { readonly written: { out: string; err: string; code: number } } {
  const written = { out: '', err: '', code: 0 };
  const never = new AbortController();
  return {
    written,
    out: (text) => void (written.out += text),
    err: (text) => void (written.err += text),
    exit: (code) => void (written.code = code),
    terminal: false,
    columns: undefined,
    rows: undefined,
    colours: false,
    env: {},
    ask: () => Promise.resolve(null),
    input: () => Promise.resolve(''),
    now: () => new Date('2026-11-21T12:00:00.000Z'),
    interrupted: () => never.signal,
    ...over,
  };
}

/** Runs a command line in this process, with the commands that speak with an API. */
export async function runCli(args: readonly string[], over: Partial<Io> = {}): Promise<Ended> {
  const io = testIo(over);
  const program = new Command('gatewright').exitOverride().configureOutput({
    writeOut: (text) => io.out(text),
    writeErr: (text) => io.err(text),
  });
  addRunCommands(program, io);
  addFleetCommands(program, io);
  addDeployCommands(program, io);
  addRolloutCommands(program, io);
  addAdminCommands(program, io);
  try {
    await program.parseAsync([...args], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // As cli/main.ts decides it.
    io.exit(error.exitCode === 0 ? 0 : 2);
  }
  const { out, err, code } = io.written;
  return { code, out, err };
}
