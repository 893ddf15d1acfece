import { createHash, createHmac, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Account, type DoubleBehaviour } from './account';
import { Ec2Error } from './errors';
import { describeInstances, end, terminateInstances } from './instances';
import { authorizeIngress, createGroup, describeGroups, describeSubnets, revokeIngress } from './networks';
import { Parameters } from './parameters';
import { runInstances } from './run-instances';
import { stateAt, type Catalogue, type DoubleInstance } from './state';
import { answer, errorAnswer, type Xml } from './xml';

/** What goes wrong with one call. `after`: its effect has happened by then. */
export type DoubleFault =
  | { readonly kind: 'error'; readonly code: string; readonly status?: number }
  | { readonly kind: 'html'; readonly status: number; readonly after: boolean }
  | { readonly kind: 'drop'; readonly after: boolean }
  | { readonly kind: 'silent'; readonly after: boolean }
  | { readonly kind: 'truncated' };

/** A call that was made, whatever came of it. */
export interface DoubleCall {
  readonly action: string;
  readonly region: string;
}

type Handler = (account: Account, region: string, parameters: Parameters) => Record<string, Xml>;

const handlers: Readonly<Record<string, Handler>> = {
  RunInstances: runInstances,
  DescribeInstances: describeInstances,
  TerminateInstances: terminateInstances,
  DescribeSubnets: describeSubnets,
  DescribeSecurityGroups: describeGroups,
  CreateSecurityGroup: createGroup,
  AuthorizeSecurityGroupIngress: authorizeIngress,
  RevokeSecurityGroupIngress: revokeIngress,
};

/** The credentials that the double knows. */
export const doubleCredentials = { accessKeyId: 'AKIADOUBLE', secretAccessKey: 'canary-aws-secret' } as const;

/**
 * A double of EC2 that keeps to AWS's documented rules: the query protocol and its signatures, client tokens, reads
 * that lag, states that take time, quotas, capacity, throttling, tag filters, pages and security groups. It knows the
 * actions and parameters that Gatewright uses and refuses all others.
 */
export class Ec2Double {
  readonly calls: DoubleCall[] = [];
  private readonly faults: { readonly action: string; readonly fault: DoubleFault; left: number }[] = [];

  private constructor(
    readonly account: Account,
    private readonly server: Server,
  ) {}

  static async start(
    catalogues: Readonly<Record<string, Catalogue>>,
    behaviour: Partial<DoubleBehaviour> = {},
  ): Promise<Ec2Double> {
    const server = createServer();
    const double = new Ec2Double(new Account(catalogues, behaviour), server);
    server.on('request', (request, response) => void double.serve(request, response));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return double;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  get behaviour(): DoubleBehaviour {
    return this.account.behaviour;
  }

  /** Lets the next calls of an action fail. */
  fail(action: string, fault: DoubleFault, times = 1): void {
    this.faults.push({ action, fault, left: times });
  }

  /** How many of the faults that were asked for have not happened yet. */
  get faultsLeft(): number {
    return this.faults.reduce((sum, { left }) => sum + left, 0);
  }

  /** What is there and not terminated, in truth. */
  present(): DoubleInstance[] {
    return this.account.all().filter((instance) => {
      const state = stateAt(instance, this.account.now);
      return state !== undefined && state !== 'terminated' && state !== 'shutting-down';
    });
  }

  /** Ends an instance as AWS does for a reason of its own, as in `Server.SpotInstanceTermination`. */
  takeBack(instance: DoubleInstance, code: string): void {
    end(this.account, instance, { code, message: `${code}: taken back by the double` });
  }

  /** @throws what went wrong behind the double. */
  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
    for (const problem of this.account.problems) throw problem;
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const body = Buffer.concat(chunks).toString('utf8');
    const action = new URLSearchParams(body).get('Action') ?? '';
    const waiting = this.faults.find((planned) => planned.left > 0 && planned.action === action);
    const fault = waiting?.fault;
    if (waiting) waiting.left--;
    let reply: { status: number; text: string } | undefined;
    if (!fault || fault.kind === 'truncated' || (fault.kind !== 'error' && fault.after))
      reply = this.reply(request, body, action);
    if (fault?.kind === 'error') reply = refusal(new Ec2Error(fault.code, `asked for: ${fault.code}`, fault.status));
    if (fault?.kind === 'silent') return;
    if (fault?.kind === 'drop') return void request.socket.destroy();
    if (fault?.kind === 'html') {
      response.writeHead(fault.status, { 'content-type': 'text/html' });
      return void response.end(`<html><body><h1>${fault.status} Service Temporarily Unavailable</h1></body></html>`);
    }
    const { status, text } = reply!;
    response.writeHead(status, { 'content-type': 'text/xml;charset=UTF-8', 'content-length': Buffer.byteLength(text) });
    if (fault?.kind === 'truncated') {
      response.write(text.slice(0, text.length / 2), () => request.socket.destroy());
      return;
    }
    response.end(text);
  }

  private reply(request: IncomingMessage, body: string, action: string): { status: number; text: string } {
    try {
      const region = signedFor(request, body);
      this.calls.push({ action, region });
      const { throttleEvery } = this.behaviour;
      if (throttleEvery > 0 && this.calls.length % throttleEvery === 0)
        throw new Ec2Error('RequestLimitExceeded', 'Request limit exceeded.', 503);
      const parameters = Parameters.read(body);
      return { status: 200, text: answer(action, randomUUID(), handlers[action]!(this.account, region, parameters)) };
    } catch (error) {
      if (error instanceof Ec2Error) return refusal(error);
      return refusal(new Ec2Error('InternalError', `the double is broken: ${(error as Error).stack}`, 500));
    }
  }
}

function refusal({ code, message, status }: Ec2Error): { status: number; text: string } {
  return { status, text: errorAnswer(code, message, randomUUID()) };
}

/**
 * Checks a request's signature (version 4).
 * @returns the region that it is for.
 * @throws Ec2Error AuthFailure
 */
function signedFor(request: IncomingMessage, body: string): string {
  const { accessKeyId, secretAccessKey } = doubleCredentials;
  const match = /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([a-z0-9-]+)\/ec2\/aws4_request, SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})$/.exec(
    request.headers.authorization ?? '',
  ); // prettier-ignore
  const failure = new Ec2Error('AuthFailure', 'AWS was not able to validate the provided access credentials', 401);
  if (!match || match[1] !== accessKeyId) throw failure;
  const [, , day, region, signed, signature] = match;
  const headers = signed!.split(';').map((name) => `${name}:${String(request.headers[name] ?? '').trim()}\n`);
  const sha = (text: string): string => createHash('sha256').update(text).digest('hex');
  const canonical = [request.method, '/', '', headers.join(''), signed, sha(body)].join('\n');
  const scope = `${day}/${region}/ec2/aws4_request`;
  const toSign = ['AWS4-HMAC-SHA256', request.headers['x-amz-date'], scope, sha(canonical)].join('\n');
  const key = [day!, region!, 'ec2', 'aws4_request'].reduce<Buffer>(
    (secret, part) => createHmac('sha256', secret).update(part).digest(),
    Buffer.from(`AWS4${secretAccessKey}`),
  );
  if (createHmac('sha256', key).update(toSign).digest('hex') !== signature) throw failure;
  return region!;
}
