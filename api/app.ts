import { randomUUID } from 'node:crypto';
import express, { type ErrorRequestHandler, type Express, type RequestHandler } from 'express';
import helmet from 'helmet';
import type { Logger } from 'pino';
import { pinoHttp } from 'pino-http';
import { Failure, failures } from '../domain/failures';
import { Caller } from './access';
import type { Deps } from './deps';
import { dstackRouter } from './dstack/router';
import { planetscaleRouter } from './planetscale/router';
import { problem, problemHeaders, sendProblem, toFailure } from './problem';
import { RateLimiter } from './rate-limit';
import { bodyReader } from './request';
import { streamed, type Route } from './route';
import { routes } from './routes';

/** The HTTP API as an express application: it listens nowhere and starts nothing. */
export function createApp(deps: Deps): Express {
  const app = express();
  app.disable('x-powered-by');
  app.set('etag', false); // an ETag is a resource version, never a hash of the answer
  app.set('query parser', 'simple');
  app.set('case sensitive routing', true);
  app.use(identify, accessLog(deps.log), measure(deps), protect());
  const limiter = new RateLimiter(deps.settings.api.rateLimit);
  const readBody = bodyReader(deps.limits.bodyBytes);
  const all = routes(deps);
  for (const each of all) app[each.declaration.method](expressPath(each), serve(each, deps, limiter, readBody));
  for (const path of new Set(all.map(expressPath))) app.all(path, methodNotAllowed(all, path));
  app.use('/api', dstackRouter(deps, limiter, readBody));
  app.use('/v1', planetscaleRouter(deps, limiter, readBody));
  app.use((_req, _res, next) => next(new Failure('NOT_FOUND', 'There is nothing at this address.')));
  app.use(answerError(deps.log));
  return app;
}

function serve(
  route: Route,
  deps: Deps,
  limiter: RateLimiter,
  readUsual: ReturnType<typeof bodyReader>,
): RequestHandler {
  const { access, path, bodyBytes } = route.declaration;
  const readBody = bodyBytes === undefined ? readUsual : bodyReader(bodyBytes);
  return async (req, res) => {
    res.locals['route'] = path;
    const gone = new AbortController();
    res.once('close', () => gone.abort());
    try {
      const caller = await access.admit(req, deps);
      if (caller instanceof Caller) await limiter.count(req, res, `token:${caller.id}`);
      await readBody(req, res);
      const answer = await route.answer(caller, req, res, gone.signal);
      if (answer === streamed) return;
      if (req.method !== 'GET' && req.method !== 'HEAD') audit(deps.log, route, caller, req, answer.status);
      res.status(answer.status).set(answer.headers ?? {});
      if (answer.body === undefined) res.end();
      else if (typeof answer.body === 'string') res.send(answer.body);
      else res.json(answer.body);
    } catch (error) {
      const { code } = toFailure(error);
      const refused = code === 'UNAUTHENTICATED' || (code === 'FORBIDDEN' && access.kind === 'replica');
      if (refused) await limiter.countRefused(req, res);
      throw error;
    }
  };
}

/** Who had what done: a line for every request that may have changed something. */
function audit(log: Logger, { declaration }: Route, caller: unknown, req: express.Request, status: number): void {
  const by = caller instanceof Caller ? caller.label : declaration.access.kind;
  log.info(
    { by, command: declaration.operationId, path: req.path, status, requestId: req.res!.locals['requestId'] as string },
    'command',
  );
}

function methodNotAllowed(all: readonly Route[], path: string): RequestHandler {
  const methods = all.filter((each) => expressPath(each) === path).map((each) => each.declaration.method.toUpperCase());
  const allowed = methods.includes('GET') ? [...methods, 'HEAD'] : methods;
  return (_req, res, next) => {
    res.set('Allow', allowed.join(', '));
    next(new Failure('METHOD_NOT_ALLOWED', undefined, { data: { allowed } }));
  };
}

function expressPath({ declaration }: Route): string {
  return declaration.path.replace(/\{([a-z_]+)\}/g, ':$1');
}

const identify: RequestHandler = (_req, res, next) => {
  const id = randomUUID();
  res.locals['requestId'] = id;
  res.set('X-Request-Id', id).set('Cache-Control', 'no-store');
  next();
};

function accessLog(logger: Logger): RequestHandler {
  return pinoHttp({
    logger,
    genReqId: (_req, res) => (res as express.Response).locals['requestId'] as string,
    serializers: {
      // Only these: headers carry secrets, and bodies are nobody's business.
      req: (req: { id: string; method: string; url: string; remoteAddress: string }) => ({
        id: req.id,
        method: req.method,
        url: req.url,
        from: req.remoteAddress,
      }),
      res: (res: { statusCode: number }) => ({ status: res.statusCode }),
    },
    customLogLevel: (_req, res, error) => (error || res.statusCode >= 500 ? 'warn' : 'debug'),
  });
}

function measure({ metrics }: Deps): RequestHandler {
  return (req, res, next) => {
    const end = metrics.startRequest();
    res.once('close', () => end(req.method, (res.locals['route'] as string | undefined) ?? 'none', res.statusCode));
    next();
  };
}

function protect(): RequestHandler {
  return helmet({
    contentSecurityPolicy: {
      useDefaults: true,
      // Served over plain HTTP on a loopback address, the documentation’s own files must not be asked for over HTTPS.
      directives: { upgradeInsecureRequests: null },
    },
  });
}

function answerError(log: Logger): ErrorRequestHandler {
  // express takes a handler for an error handler by its four parameters.
  return (error: unknown, _req, res, _next) => {
    const failure = toFailure(error);
    const requestId = res.locals['requestId'] as string;
    if (failures[failure.code].status >= 500) log.error({ err: failure.cause ?? failure, requestId }, 'request failed');
    if (res.headersSent) {
      res.destroy();
      return;
    }
    if (failure.code === 'UNAUTHENTICATED') res.set('WWW-Authenticate', 'Bearer realm="gatewright"');
    // The rate limiter has said more exactly how long to wait.
    const headers = res.hasHeader('Retry-After') ? {} : problemHeaders(failure);
    sendProblem(res, problem(failure, requestId), headers);
  };
}
