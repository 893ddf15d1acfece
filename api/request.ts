import express, { type Request, type Response } from 'express';
import type { core } from 'zod';
import { Failure } from '../domain/failures';
import { printable } from '../domain/hostname';
import type { InputError } from './problem';
import type { z } from './zod';

/** Where a value of a request stands. */
type Place = 'path' | 'query' | 'header' | 'body';

/** Names through which a parsed object could reach its prototype. No request needs them. */
const POISON: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

/** The deepest nesting of a body that is read; the API's own bodies have two levels. */
const MAX_DEPTH = 16;

/** Reads JSON bodies of at most `limit` bytes, counted after inflating. */
export function bodyReader(limit: number): (req: Request, res: Response) => Promise<void> {
  const parse = express.json({ limit, strict: true });
  return async (req, res) => {
    if (!hasBody(req)) return;
    if (!req.is('application/json')) throw new Failure('UNSUPPORTED_MEDIA_TYPE');
    await new Promise<void>((resolve, reject) =>
      parse(req, res, (error?: unknown) => (error ? reject(error as Error) : resolve())),
    );
    refusePoison(req.body, '#', 0);
  };
}

/** Whether a request carries a body, empty ones not counted. */
export function hasBody(req: Request): boolean {
  return req.headers['transfer-encoding'] !== undefined || Number(req.headers['content-length'] ?? 0) > 0;
}

/**
 * Reads one place of a request by its schema.
 * @throws Failure INVALID_INPUT (data: errors), NOT_FOUND for a path that cannot name anything.
 */
export function read<S extends z.ZodType>(schema: S, value: unknown, place: Place): z.infer<S> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const errors = result.error.issues.flatMap((issue) => inputErrors(issue, place));
  if (place === 'path')
    throw new Failure('NOT_FOUND', 'There is nothing at an address of this form.', { data: { errors } });
  throw new Failure('INVALID_INPUT', errors.map((error) => error.detail).join(' '), { data: { errors } });
}

function inputErrors(issue: core.$ZodIssue, place: Place): InputError[] {
  if (issue.code !== 'unrecognized_keys') return [at(place, issue.path, sentence(place, issue.path, issue.message))];
  return issue.keys.map((key) => at(place, [...issue.path, key], `There is no ${noun[place]} ${printable(key)}.`));
}

const noun: Readonly<Record<Place, string>> = {
  path: 'path parameter',
  query: 'query parameter',
  header: 'header',
  body: 'member',
};

function sentence(place: Place, path: readonly PropertyKey[], message: string): string {
  return path.length === 0 ? `The ${place}: ${message}.` : `${path.map(String).join('.')}: ${message}.`;
}

function at(place: Place, path: readonly PropertyKey[], detail: string): InputError {
  if (place === 'body') return { detail, pointer: pointer(path) };
  const name = path.map(String).join('.');
  return place === 'header' ? { detail, header: name } : { detail, parameter: name };
}

function pointer(path: readonly PropertyKey[]): string {
  return `#${path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')}`;
}

function refusePoison(value: unknown, where: string, depth: number): void {
  if (typeof value !== 'object' || value === null) return;
  if (depth > MAX_DEPTH) throw new Failure('INVALID_INPUT', 'The body is nested too deeply.');
  for (const [key, member] of Object.entries(value)) {
    if (POISON.has(key)) {
      const errors: InputError[] = [{ detail: `There is no member ${key}.`, pointer: `${where}/${key}` }];
      throw new Failure('INVALID_INPUT', errors[0]!.detail, { data: { errors } });
    }
    refusePoison(member, `${where}/${key}`, depth + 1);
  }
}
