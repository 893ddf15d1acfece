import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { declarations } from '../../../api/openapi';
import type { RouteDeclaration } from '../../../api/route';
import { problemSchema } from '../../../api/schemas';

/** A request as the fake saw it. */
export interface Seen {
  readonly operation: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: IncomingMessage['headers'];
  readonly body: unknown;
}

/** What is answered: a status and a body, or whatever a function writes. */
export type Canned =
  | { readonly status: number; readonly body?: unknown; readonly headers?: Readonly<Record<string, string>> }
  | ((seen: Seen, res: ServerResponse) => void);

/**
 * An API whose answers a test gives. Requests and answers must be those that the real routes declare: what is not so is
 * kept in `wrong`.
 */
export class FakeApi {
  readonly seen: Seen[] = [];
  readonly wrong: string[] = [];
  private readonly canned = new Map<string, Canned[]>();
  private readonly routes = declarations().map((declaration) => ({
    declaration,
    pattern: patternOf(declaration.path),
  }));

  readonly url: string;

  private constructor(private readonly server: Server) {
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on('request', (req: IncomingMessage, res: ServerResponse) => {
      this.serve(req, res).catch((error: Error) => {
        this.wrong.push(error.message);
        res.destroy();
      });
    });
  }

  static async start(): Promise<FakeApi> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new FakeApi(server);
  }

  /** The next answers of an operation; the last one stays. */
  answer(operation: string, ...answers: Canned[]): void {
    this.canned.set(operation, answers);
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private async serve(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const url = new URL(req.url!, 'http://api');
    const found = this.routes.find(
      ({ declaration, pattern }) => declaration.method === req.method!.toLowerCase() && pattern.test(url.pathname),
    );
    if (!found) throw new Error(`no route declares ${req.method} ${url.pathname}`);
    const { declaration, pattern } = found;
    const seen: Seen = {
      operation: declaration.operationId,
      path: url.pathname,
      query: Object.fromEntries(url.searchParams),
      headers: req.headers,
      body: await bodyOf(req),
    };
    this.seen.push(seen);
    checkRequest(declaration, seen, pattern.exec(url.pathname)!.groups ?? {});
    const answers = this.canned.get(seen.operation);
    const answer = answers && (answers.length > 1 ? answers.shift()! : answers[0]);
    if (!answer) throw new Error(`the test gives no answer to ${seen.operation}`);
    if (typeof answer === 'function') return answer(seen, res);
    checkAnswer(declaration, answer);
    const type = answer.status < 400 ? 'application/json' : 'application/problem+json';
    res.writeHead(answer.status, { 'content-type': type, ...answer.headers });
    res.end(answer.body === undefined ? undefined : JSON.stringify(answer.body));
  }
}

function patternOf(path: string): RegExp {
  return new RegExp(`^${path.replaceAll('.', '\\.').replace(/\{(\w+)\}/g, '(?<$1>[^/]+)')}$`);
}

async function bodyOf(req: IncomingMessage): Promise<unknown> {
  let text = '';
  for await (const chunk of req) text += String(chunk);
  return text === '' ? undefined : JSON.parse(text);
}

function checkRequest(declaration: RouteDeclaration, seen: Seen, params: Record<string, string>): void {
  const declared = Object.keys(declaration.headers?.shape ?? {});
  const headers = declared.map((name) => [name, seen.headers[name.toLowerCase()]] as const);
  declaration.params?.parse({ ...params });
  if (declaration.query) declaration.query.parse(seen.query);
  else if (Object.keys(seen.query).length > 0) throw new Error(`${seen.operation} takes no query`);
  declaration.headers?.parse(Object.fromEntries(headers.filter(([, value]) => value !== undefined)));
  if (declaration.body) declaration.body.parse(seen.body);
  else if (seen.body !== undefined) throw new Error(`${seen.operation} takes no body`);
}

function checkAnswer(declaration: RouteDeclaration, answer: Exclude<Canned, (...args: never[]) => unknown>): void {
  if (answer.status >= 400) {
    problemSchema.parse(answer.body);
    return;
  }
  const declared = declaration.answers[answer.status];
  if (!declared) throw new Error(`${declaration.operationId} declares no answer ${answer.status}`);
  if (declared.schema) declared.schema.parse(answer.body);
  else if (answer.body !== undefined) throw new Error(`${declaration.operationId} ${answer.status} has no body`);
}
