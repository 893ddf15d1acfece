import type { Request, Response } from 'express';
import type { FailureCode } from '../domain/failures';
import type { Access } from './access';
import { read } from './request';
import { z } from './zod';

/** The methods that the API uses. */
export type Method = 'get' | 'post' | 'put' | 'patch' | 'delete';

/** What a handler answers with. */
export interface Answer {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The answer of a handler that has written to the response itself. */
export const streamed = Symbol('streamed');

/** One answer as the OpenAPI document tells it. */
export interface AnswerDeclaration {
  readonly description: string;
  readonly schema?: z.ZodType;
  /** `application/json` unless told. */
  readonly contentType?: string;
  /** Header names with what they say. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** What the OpenAPI document and the authorization matrix know of a route. */
export interface RouteDeclaration {
  readonly method: Method;
  /** As OpenAPI writes it: `/runs/{id}`. */
  readonly path: string;
  readonly operationId: string;
  readonly tag: string;
  readonly summary: string;
  readonly description?: string;
  readonly access: Access<unknown>;
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  readonly headers?: z.ZodObject;
  readonly body?: z.ZodType;
  /** Bytes that the body may have after inflating; those of api/limits.ts unless told. */
  readonly bodyBytes?: number;
  readonly answers: Readonly<Record<number, AnswerDeclaration>>;
  /** The failures that are particular to this route; those of every route are added. */
  readonly failures: readonly FailureCode[];
}

/** A request that was let in and is valid. */
export interface Input<C, P, Q, H, B> {
  readonly caller: C;
  readonly params: P;
  readonly query: Q;
  readonly headers: H;
  readonly body: B;
  readonly req: Request;
  readonly res: Response;
  /** Aborted when the caller goes away. */
  readonly gone: AbortSignal;
}

/** A route: its declaration, and what answers it. */
export interface Route {
  readonly declaration: RouteDeclaration;
  /** Answers a request whose caller was let in and whose body was read. @throws Failure */
  answer(caller: unknown, req: Request, res: Response, gone: AbortSignal): Promise<Answer | typeof streamed>;
}

const nothing = z.strictObject({});
type Nothing = typeof nothing;

/**
 * Makes a route. Whatever its schemas do not name is refused, and its declaration is what `/openapi.json` shows: there
 * is no other way to serve a request.
 */
export function route<
  C,
  P extends z.ZodObject = Nothing,
  Q extends z.ZodObject = Nothing,
  H extends z.ZodObject = Nothing,
  B extends z.ZodType = z.ZodUndefined,
>(
  spec: Omit<RouteDeclaration, 'access' | 'params' | 'query' | 'headers' | 'body'> & {
    readonly access: Access<C>;
    readonly params?: P;
    readonly query?: Q;
    readonly headers?: H;
    readonly body?: B;
    handle(input: Input<C, z.infer<P>, z.infer<Q>, z.infer<H>, z.infer<B>>): Promise<Answer | typeof streamed>;
  },
): Route {
  const { handle, ...declaration } = spec;
  return {
    declaration,
    async answer(caller, req, res, gone) {
      return await spec.handle({
        caller: caller as C,
        params: read(spec.params ?? nothing, { ...req.params }, 'path') as z.infer<P>,
        query: read(spec.query ?? nothing, { ...req.query }, 'query') as z.infer<Q>,
        headers: (spec.headers ? read(spec.headers, declared(spec.headers, req), 'header') : {}) as z.infer<H>,
        body: read(spec.body ?? z.undefined('this request takes no body'), req.body as unknown, 'body') as z.infer<B>,
        req,
        res,
        gone,
      });
    },
  };
}

/** The declared headers of a request; the others are none of the route's business. */
function declared(schema: z.ZodObject, req: Request): Record<string, string> {
  const entries = Object.keys(schema.shape).map((name) => [name, req.get(name)] as const);
  return Object.fromEntries(entries.filter((entry): entry is [string, string] => entry[1] !== undefined));
}

/** 200 with a body. */
export function ok(body: unknown, headers: Readonly<Record<string, string>> = {}): Answer {
  return { status: 200, body, headers };
}
