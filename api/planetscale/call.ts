import type { Request, Response } from 'express';
import type { Access, Caller } from '../access';
import { token } from '../access';
import { z } from '../zod';

/** A call whose caller was let in and whose parameters are of the right shape. */
export interface Called<Q, B> {
  readonly caller: Caller;
  /** The organization in the address; empty for calls outside one. */
  readonly organizationId: string;
  /** A part of the address that is not the organization, as it was sent. */
  path(name: string): string;
  readonly query: Q;
  readonly body: B;
  /** What addresses in answers begin with, as in `http://127.0.0.1:7400`. */
  readonly base: string;
  readonly req: Request;
  readonly res: Response;
  /** Aborted when the caller goes away. */
  readonly gone: AbortSignal;
}

/** What a call answers with; null for an empty body. */
export interface Answered {
  readonly status: number;
  readonly body: unknown;
}

/** The answer of a call that has written to the response itself. */
export const streamed = Symbol('streamed');

/** One call of PlanetScale's API. */
export interface Call {
  readonly method: 'get' | 'post' | 'put' | 'patch' | 'delete';
  /** Below `/v1`, with names in braces. */
  readonly path: string;
  readonly access: Access<Caller>;
  readonly query: z.ZodType;
  readonly body: z.ZodType;
  handle(called: Called<unknown, unknown>): Promise<Answered | typeof streamed>;
}

interface Shapes<Q extends z.ZodType, B extends z.ZodType> {
  readonly query?: Q;
  readonly body?: B;
}

type Handler<Q, B> = (called: Called<Q, B>) => Promise<Answered | typeof streamed>;

/** Parameters that clients send and nobody reads: these clients are many, and of all ages. */
const ignored = z.unknown();

/** Makes calls for tokens of one scope. */
function callsFor(scope: 'read' | 'operate' | 'admin') {
  return <Q extends z.ZodType = z.ZodUnknown, B extends z.ZodType = z.ZodUnknown>(
    method: Call['method'],
    path: string,
    shapes: Shapes<Q, B>,
    handle: Handler<z.infer<Q>, z.infer<B>>,
  ): Call => ({
    ...{ method, path, access: token(scope) },
    query: shapes.query ?? ignored,
    body: shapes.body ?? ignored,
    handle: handle as Call['handle'],
  });
}

/** A call for whoever may read. */
export const reads = callsFor('read');
/** A call for whoever may change branches and deploy requests. */
export const operates = callsFor('operate');
/** A call for whoever may make and remove databases. */
export const administers = callsFor('admin');

export function ok(body: unknown): Answered {
  return { status: 200, body };
}

export function created(body: unknown): Answered {
  return { status: 201, body };
}

/** The answer to a removal. */
export const gone: Answered = { status: 204, body: null };
