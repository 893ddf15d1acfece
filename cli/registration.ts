import { Argument, InvalidArgumentError, Option, type Command } from 'commander';
import { isFailure } from '../domain/failures';
import { isUuid } from '../domain/organization';
import { WebhookEvent } from '../domain/webhook-event';
import type { ConnectionOptions } from './connection';
import type { Exit } from './exit';
import type { Io } from './io';
import { CliProblem, problemText } from './problem';

/** What every command that speaks with an API is told beside its own options. */
export interface CommonOptions extends ConnectionOptions {
  readonly output: 'text' | 'json';
}

/** What a command does; it decides the exit code. */
export type Handler<Options> = (io: Io, options: Options, ...args: string[]) => Promise<Exit>;

/** Adds the options that every command has. */
export function common(command: Command): Command {
  return command
    .addOption(new Option('--output <format>', 'how to print').choices(['text', 'json']).default('text'))
    .addOption(new Option('--json', 'the same as --output json').implies({ output: 'json' }))
    .option('--api <url>', 'address of the API (or GATEWRIGHT_API); that of the home unless told')
    .option('--token-file <file>', 'file of the token (or GATEWRIGHT_TOKEN, GATEWRIGHT_TOKEN_FILE)')
    .option('--home <dir>', 'home of the environment that `gatewright up` runs', '.gatewright');
}

/**
 * Runs a handler for a command, which `load` requires only then. A failure is printed in the form that was asked for; what nobody expected goes on to
 * whoever called the program.
 */
export function act<Options extends { readonly output?: string }>(io: Io, load: () => Handler<Options>) {
  return async (...given: unknown[]): Promise<void> => {
    const command = given.pop() as Command;
    given.pop(); // its own options
    const options: Options = command.optsWithGlobals();
    try {
      io.exit(await load()(io, options, ...(given as string[])));
    } catch (error) {
      const problem = expected(error);
      if (!problem) throw error;
      if (options.output === 'json')
        printJson(io, { ...problem.document, ...(problem.hints.length > 0 && { hints: problem.hints }) });
      else io.err(problemText(io, problem));
      io.exit(problem.exit);
    }
  };
}

/** Prints the one document of a command, or one line of a stream. */
export function printJson(io: Io, document: unknown): void {
  io.out(`${JSON.stringify(document)}\n`);
}

function expected(error: unknown): CliProblem | undefined {
  if (error instanceof CliProblem) return error;
  if (isFailure(error)) return new CliProblem({ title: error.message, code: error.code });
  if (error instanceof Error && error.name === 'ComponentFailed') return new CliProblem({ title: error.message });
  return undefined;
}

/** An organization's id. */
export function organizationArgument(required = true): Argument {
  const name = required ? '<organization>' : '[organization]';
  return new Argument(name, 'its id, a lower-case UUID').argParser(uuid);
}

/** Reads a UUID of the command line. @throws InvalidArgumentError */
export function uuid(value: string): string {
  if (isUuid(value)) return value;
  throw new InvalidArgumentError('It must be a lower-case UUID, as in 0b2c6a5e-8a8f-4c53-9a43-3f0b6b0f4f1d.');
}

/** Reads the id of a run. @throws InvalidArgumentError */
export function runId(value: string): string {
  if (/^[a-z0-9][a-z0-9.-]{0,127}$/.test(value)) return value;
  throw new InvalidArgumentError('It must be the id of a run, as `gatewright runs` shows it.');
}

/** Reads the name of a step. @throws InvalidArgumentError */
export function stepName(value: string): string {
  if (/^[a-z][a-z0-9_-]{0,63}$/.test(value)) return value;
  throw new InvalidArgumentError('It must be the name of a step, as `gatewright attention` shows it.');
}

/** Reads how many of something to show. @throws InvalidArgumentError */
export function limit(value: string): number {
  const read = /^\d{1,6}$/.test(value) ? Number(value) : 0;
  if (read > 0) return read;
  throw new InvalidArgumentError('It must be a number above 0.');
}

/** Gathers the events of a webhook. @throws InvalidArgumentError */
export function events(value: string, before: readonly WebhookEvent[] | undefined): WebhookEvent[] {
  const known = Object.values(WebhookEvent).find((event) => event === value);
  if (!known) throw new InvalidArgumentError(`It must be one of ${Object.values(WebhookEvent).join(', ')}.`);
  return [...(before ?? []), known];
}
