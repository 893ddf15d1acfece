import { failures, isFailureCode, type FailureCode } from '../domain/failures';
import { Exit } from './exit';
import type { Io } from './io';
import { fields, paint, tame, wrap, type Field } from './text';

/** What went wrong, in the form of the API's answers (RFC 9457); the CLI's own failures have the same form. */
export interface ProblemDocument {
  readonly title: string;
  readonly detail?: string;
  readonly code?: string;
  readonly status?: number;
  readonly [member: string]: unknown;
}

/** What the words of PlanetScale's API mean that are not ours in lower case. */
const meanings: Readonly<Record<string, FailureCode>> = {
  bad_request: 'INVALID_INPUT',
  invalid_params: 'INVALID_INPUT',
  forbidden: 'APPROVAL_MISSING',
};

/** An error of the calls that PlanetScale's API has as a problem; undefined for what is none. */
export function wordedProblem(document: unknown, status: number): ProblemDocument | undefined {
  const { code, message, errors: _, ...more } = (document ?? {}) as Record<string, unknown>;
  if (typeof code !== 'string' || typeof message !== 'string') return undefined;
  return { ...more, title: message, code: meaningOf(code, status, more), status };
}

function meaningOf(code: string, status: number, { allowed, state }: Readonly<Record<string, unknown>>): string {
  if (code === 'unauthorized') return status === 401 ? 'UNAUTHENTICATED' : 'FORBIDDEN';
  if (code === 'conflict') return allowed === undefined && state === undefined ? 'CONFLICT' : 'STATE_CONFLICT';
  return meanings[code] ?? code.toUpperCase();
}

/** The failure of a command: it is shown in full, without a stack. */
export class CliProblem extends Error {
  override readonly name = 'CliProblem';

  constructor(
    readonly document: ProblemDocument,
    /** What to do about it, a line each. */
    readonly hints: readonly string[] = [],
    readonly exit: Exit = document['needs_attention'] === true ? Exit.needsAttention : Exit.failed,
  ) {
    super(document.title);
  }
}

/** Something wrong with the command line that its parser cannot know. */
export function usage(title: string, ...hints: string[]): CliProblem {
  return new CliProblem({ title, code: 'USAGE' }, hints, Exit.usage);
}

/** What somebody is told who left what goes on by itself. */
export function notFollowed(hints: readonly string[]): CliProblem {
  return new CliProblem({ title: 'Not followed any longer; it goes on', code: 'INTERRUPTED' }, hints, Exit.interrupted);
}

/** A problem as text: its title and code, what is told of it, and what to do. */
export function problemText(io: Io, { document, hints }: CliProblem): string {
  const { title, detail, code } = document;
  const width = Math.max(40, (io.columns ?? Infinity) - 2);
  const told = [text(detail), text(document['details'])].filter((line) => line !== undefined && line !== title);
  // Some speak of members that only some answers have.
  const spokenOf = code === 'INVALID_INPUT' ? 'errors' : code === 'STATE_CONFLICT' ? 'allowed' : undefined;
  const speaks = isFailureCode(code) && (spokenOf === undefined || document[spokenOf] !== undefined);
  const remedy = speaks ? failures[code].remedy : undefined;
  if (remedy !== undefined && !told.includes(remedy)) told.push(remedy);
  const lines = [...new Set(told)].flatMap((line) => wrap(line!, width));
  const named: Field[] = [
    ['run', text(document['run_id'])],
    ['state', text(document['state'])],
    ['allowed', list(document['allowed'])],
    ['components', components(document['components'])],
    // Only this finds a bug in the logs of the API.
    ['instance', code === 'INTERNAL' ? text(document['instance']) : undefined],
    ...inputErrors(document['errors']).filter(([, line]) => line !== detail && !detail?.includes(line)),
    ...hints.map((hint, index): Field => [index === 0 ? 'try' : '', hint]),
  ];
  const head = `${paint(io, 'red', tame(title))}${code ? `  ${paint(io, 'dim', code)}` : ''}\n`;
  return `${head}${lines.map((line) => `  ${line}\n`).join('')}${fields(io, named, 2)}`;
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function list(value: unknown): string | undefined {
  return Array.isArray(value) ? value.map(String).join(', ') || 'nothing' : undefined;
}

function components(value: unknown): string | undefined {
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : undefined;
}

/** What the API says is wrong with each part of the request. */
function inputErrors(value: unknown): (readonly [string, string])[] {
  if (!Array.isArray(value)) return [];
  return (value as Record<string, unknown>[]).map((each) => {
    const where = text(each['pointer']) ?? text(each['parameter']) ?? text(each['header']) ?? 'request';
    return [where, text(each['detail']) ?? ''] as const;
  });
}
