import { Router, type ErrorRequestHandler, type RequestHandler } from 'express';
import { failures, type Failure } from '../../domain/failures';
import { isUuid } from '../../domain/organization';
import type { Caller } from '../access';
import type { Deps } from '../deps';
import { problemHeaders, toFailure } from '../problem';
import type { RateLimiter } from '../rate-limit';
import type { bodyReader } from '../request';
import { accountCalls } from './accounts';
import type { Call } from './call';
import { answerTo, bare, malformed, unreadable, type ErrorAnswer } from './errors';
import { eventCalls } from './events';
import { gatewayCalls } from './gateways';
import { clientVersion } from './version';

/** Every call of dstack's API that is served. */
export function dstackCalls(deps: Deps): Call[] {
  return [...gatewayCalls(() => deps.fleet), ...eventCalls(() => deps.store), ...accountCalls(deps)];
}

/** dstack's API below `/api`: its unmodified clients work with our tokens, a project being an organization. */
export function dstackRouter(deps: Deps, limiter: RateLimiter, readBody: ReturnType<typeof bodyReader>): Router {
  const router = Router({ caseSensitive: true });
  for (const call of dstackCalls(deps)) {
    router.post(call.path, serve(call, deps, limiter, readBody));
    router.all(call.path, (_req, res) => send(res.set('Allow', 'POST'), bare(405, 'Method Not Allowed')));
  }
  router.use((_req, res) => send(res, bare(404, 'Not found')));
  router.use(answerError(deps));
  return router;
}

function serve(call: Call, deps: Deps, limiter: RateLimiter, readBody: ReturnType<typeof bodyReader>): RequestHandler {
  return async (req, res) => {
    res.locals['route'] = `/api${call.path.replace(':project', '{project}')}`;
    const version = clientVersion(req.get('x-api-version'));
    const caller = await call.access.admit(req, deps).catch(async (error: unknown) => {
      if (toFailure(error).code === 'UNAUTHENTICATED') await limiter.countRefused(req, res);
      throw error;
    });
    await limiter.count(req, res, `token:${caller.id}`);
    const project = req.params['project'] as string | undefined;
    if (project !== undefined && !isProject(project, caller)) return send(res, bare(404, 'Not found'));
    const broken = await readBody(req, res).then(() => undefined, toFailure);
    if (broken) return send(res, broken.code === 'INVALID_INPUT' ? unreadable(broken.message) : answerTo(broken));
    const body = call.body.safeParse(req.body);
    if (!body.success) return send(res, malformed(body.error));
    const organizationId = project ?? caller.boundTo ?? '';
    const token = req.get('authorization')!.replace(/^\S+\s+/, '');
    const called = { caller, version, organizationId, project: organizationId, body: body.data, token };
    const answer = await call.handle(called);
    const told = { by: caller.label, command: `dstack ${call.path}`, path: req.originalUrl, status: 200 };
    if (call.writes) deps.log.info({ ...told, requestId: id(res) }, 'command');
    res.status(200).json(answer);
  };
}

/** A project is an organization under its id; others' are not there. */
function isProject(project: string, caller: Caller): boolean {
  return isUuid(project) && caller.sees(project);
}

function answerError({ log }: Deps): ErrorRequestHandler {
  return (error: unknown, _req, res, _next) => {
    const failure: Failure = toFailure(error);
    if (failures[failure.code].status >= 500)
      log.error({ err: failure.cause ?? failure, requestId: id(res) }, 'request failed');
    if (res.headersSent) return void res.destroy();
    if (!res.hasHeader('Retry-After')) res.set(problemHeaders(failure));
    send(res, answerTo(failure));
  };
}

function send(res: Parameters<RequestHandler>[1], { status, body }: ErrorAnswer): void {
  res.status(status).json(body);
}

function id(res: Parameters<RequestHandler>[1]): string {
  return res.locals['requestId'] as string;
}
