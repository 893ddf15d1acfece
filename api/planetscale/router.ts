import { Router, type ErrorRequestHandler, type Request, type RequestHandler, type Response } from 'express';
import { Failure, failures } from '../../domain/failures';
import { isUuid } from '../../domain/organization';
import type { Deps } from '../deps';
import { problemHeaders, toFailure } from '../problem';
import type { RateLimiter } from '../rate-limit';
import type { bodyReader } from '../request';
import { branchCalls } from './branches';
import { streamed, type Call, type Called } from './call';
import { databaseCalls } from './databases';
import { answerTo, errorAnswer, malformed, unreadable, type ErrorAnswer } from './errors';
import { organizationCalls } from './organizations';
import { requestCalls } from './requests';

/** Every call of PlanetScale's API that is served. */
export function planetscaleCalls(deps: Deps): Call[] {
  return [...organizationCalls(deps), ...databaseCalls(deps), ...branchCalls(deps), ...requestCalls(deps)];
}

/** PlanetScale's API below `/v1`, beside our own: its unmodified clients work with our tokens. */
export function planetscaleRouter(deps: Deps, limiter: RateLimiter, readBody: ReturnType<typeof bodyReader>): Router {
  const router = Router({ caseSensitive: true });
  const calls = planetscaleCalls(deps);
  for (const call of calls) router[call.method](expressPath(call), serve(call, deps, limiter, readBody));
  for (const path of new Set(calls.map(expressPath))) router.all(path, otherMethod(calls, path));
  // What these clients ask for and is not here, they are told in their own words; everything else below /v1 is ours.
  router.all('/organizations/:organization/databases/*rest', (_req, res) =>
    send(res, errorAnswer(404, 'not_found', 'Not Found')),
  );
  router.use(answerError(deps));
  return router;
}

function serve(call: Call, deps: Deps, limiter: RateLimiter, readBody: ReturnType<typeof bodyReader>): RequestHandler {
  return async (req, res) => {
    res.locals['route'] = `/v1${call.path}`;
    const gone = new AbortController();
    res.once('close', () => gone.abort());
    const caller = await call.access.admit(req, deps).catch(async (error: unknown) => {
      if (toFailure(error).code === 'UNAUTHENTICATED') await limiter.countRefused(req, res);
      throw error;
    });
    await limiter.count(req, res, `token:${caller.id}`);
    const organizationId = (req.params['organization'] as string | undefined) ?? '';
    if (call.path.includes('{organization}') && !(isUuid(organizationId) && caller.sees(organizationId)))
      throw new Failure('NOT_FOUND');
    const broken = await readBody(req, res).then(() => undefined, toFailure);
    if (broken) return send(res, broken.code === 'INVALID_INPUT' ? unreadable(broken.message) : answerTo(broken));
    const query = call.query.safeParse({ ...req.query });
    if (!query.success) return send(res, malformed(query.error));
    // Clients send `{}`, nothing, or null where they have nothing to say.
    const body = call.body.safeParse((req.body as unknown) ?? {});
    if (!body.success) return send(res, malformed(body.error));
    const answer = await call.handle({
      ...{ caller, organizationId, req, res },
      ...{ query: query.data, body: body.data, base: baseOf(req), gone: gone.signal },
      path: (name) => req.params[name] as string,
    } satisfies Called<unknown, unknown>);
    if (answer === streamed) return;
    const told = { by: caller.label, command: `planetscale ${call.method} ${call.path}`, path: req.path };
    if (call.method !== 'get') deps.log.info({ ...told, status: answer.status, requestId: id(res) }, 'command');
    res.status(answer.status);
    if (answer.body === null) res.end();
    else res.json(answer.body);
  };
}

/** The address under which the client reached the API, for those in answers. */
function baseOf(req: Request): string {
  const host = req.get('host') ?? '';
  return `http://${/^[A-Za-z0-9.:[\]-]{1,255}$/.test(host) ? host : 'localhost'}`;
}

function otherMethod(calls: readonly Call[], path: string): RequestHandler {
  const methods = calls.filter((each) => expressPath(each) === path).map((each) => each.method.toUpperCase());
  return (_req, res) => send(res.set('Allow', methods.join(', ')), answerTo(new Failure('METHOD_NOT_ALLOWED')));
}

function expressPath({ path }: Call): string {
  return path.replace(/\{([a-z_]+)\}/g, ':$1');
}

function answerError({ log }: Deps): ErrorRequestHandler {
  return (error: unknown, req, res, next) => {
    // What is about nothing of theirs is answered by whoever comes after.
    const theirs = res.locals['route'] !== undefined || /^\/organizations\/[^/]*\/databases(\/|$)/.test(req.path);
    if (!theirs) return next(error);
    const failure = toFailure(error);
    if (failures[failure.code].status >= 500)
      log.error({ err: failure.cause ?? failure, requestId: id(res) }, 'request failed');
    if (res.headersSent) return void res.destroy();
    if (failure.code === 'UNAUTHENTICATED') res.set('WWW-Authenticate', 'Bearer realm="gatewright"');
    if (!res.hasHeader('Retry-After')) res.set(problemHeaders(failure));
    send(res, answerTo(failure));
  };
}

function send(res: Response, { status, body }: ErrorAnswer): void {
  res.status(status).json(body);
}

function id(res: Response): string {
  return res.locals['requestId'] as string;
}
