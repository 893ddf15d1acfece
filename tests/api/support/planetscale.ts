import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { createClient } from '@libsql/client';
import type { DatabaseKind, DatabaseRecord } from '../../../domain/deploy/database';
import type { DeployRequest } from '../../../domain/deploy/request';
import type { DeploymentMoveName, DeploymentState } from '../../../domain/deploy/states';
import { hashSecret, mintToken } from '../../../prisma/token-secret';
import type { Scope } from '../../../prisma/store';
import type { Reply, TestApi } from './api';

/** One organization of an API, as PlanetScale's clients talk to it: by `<id>:<token>` without a scheme word. */
export class Planetscale {
  private constructor(
    readonly api: TestApi,
    readonly organizationId: string,
    /** Headers of the organization's own tokens. */
    readonly tokens: Readonly<Record<Scope, string>>,
  ) {}

  static async of(api: TestApi, organizationId: string = randomUUID()): Promise<Planetscale> {
    const [read, operate, admin] = await Promise.all(
      (['read', 'operate', 'admin'] as const).map((scope) => serviceToken(api, scope, organizationId)),
    );
    return new Planetscale(api, organizationId, { read: read!, operate: operate!, admin: admin! });
  }

  /** A call below `/v1`; as `admin` unless told. */
  call(method: string, path: string, body?: unknown, authorization: string = this.tokens.admin): Promise<Reply> {
    return this.api.call(method, `/v1${path}`, { body, token: null, headers: { authorization } });
  }

  /** The path of a database. */
  at(path = '', database = 'shop'): string {
    return `/organizations/${this.organizationId}/databases/${database}${path}`;
  }

  get(path: string, database?: string): Promise<Reply> {
    return this.call('GET', this.at(path, database));
  }

  post(path: string, body?: unknown, database?: string): Promise<Reply> {
    return this.call('POST', this.at(path, database), body);
  }

  /** Makes a database with a branch. */
  async database(name = 'shop', kind: DatabaseKind = 'mysql'): Promise<DatabaseRecord> {
    const made = await this.call('POST', `/organizations/${this.organizationId}/databases`, {
      ...{ name, kind, cluster_size: 'PS_10' },
    });
    expect(made.status).toBe(201);
    expect((await this.post('/branches', { name: 'dev', parent_branch: 'main' }, name)).status).toBe(201);
    return (await this.api.store.deploys.databases.named(this.organizationId, name))!;
  }

  /** Opens a request of `dev` into `main`, and moves it on until it is in a state. */
  async request(state: DeploymentState = 'ready', body: object = {}, database = 'shop'): Promise<DeployRequest> {
    const opened = await this.post('/deploy-requests', { branch: 'dev', into_branch: 'main', ...body }, database);
    expect([opened.status, opened.text]).toEqual([201, expect.any(String)]);
    return await this.moved(opened.json.id as string, state);
  }

  /** Moves a request that is ready until it is in a state; one that no request enters is written into its row. */
  async moved(requestId: string, state: DeploymentState): Promise<DeployRequest> {
    const { requests } = this.api.store.deploys;
    for (const move of waysTo[state] ?? [])
      if (move === 'deploy') await requests.deployed(this.organizationId, requestId, false);
      else await requests.move(this.organizationId, requestId, move);
    if (waysTo[state] === null) {
      await requests.deployed(this.organizationId, requestId, false);
      await this.forced(requestId, state);
    }
    return (await requests.byId(this.organizationId, requestId))!;
  }

  /** Writes a state into a request's row. */
  async forced(requestId: string, state: DeploymentState): Promise<void> {
    const client = createClient({ url: `file:${join(this.api.directory, 'store.db')}` });
    await client.execute({ sql: 'UPDATE deploy_request SET state = ? WHERE id = ?', args: [state, requestId] });
    client.close();
  }
}

const running = ['deploy', 'submit', 'begin'] as const;
const live = [...running, 'gate', 'cutOver', 'open'] as const;

/** How a request that is ready comes into each state; null for those that no request enters. */
const waysTo: Readonly<Record<DeploymentState, readonly DeploymentMoveName[] | null>> = {
  pending: ['check'],
  ready: [],
  no_changes: ['check', 'passEmpty'],
  error: ['check', 'refuse'],
  queued: ['deploy'],
  submitting: ['deploy', 'submit'],
  in_progress: running,
  pending_cutover: [...running, 'gate'],
  in_progress_cutover: [...running, 'gate', 'cutOver'],
  in_progress_vschema: null,
  complete_pending_revert: live,
  complete: [...live, 'finish'],
  complete_error: [...running, 'fail'],
  in_progress_cancel: [...running, 'cancel'],
  complete_cancel: [...running, 'cancel', 'cancelled'],
  cancelled: null,
  in_progress_revert: [...live, 'revert'],
  in_progress_revert_vschema: null,
  complete_revert: [...live, 'revert', 'reverted'],
  complete_revert_error: [...live, 'revert', 'failRevert'],
};

async function serviceToken({ store }: TestApi, scope: Scope, organizationId: string): Promise<string> {
  const { id, secret } = mintToken();
  const secretHash = hashSecret(secret);
  await store.tokens.create({ id, name: `test ${scope}`, secretHash, scope, organizationId, expiresAt: null });
  return `${id}:${secret}`;
}

/** Fails unless an answer is an error in the shape that PlanetScale's clients read. */
export function expectError(reply: Reply, status: number, code?: string): void {
  expect([reply.status, reply.headers.get('content-type'), reply.json]).toEqual([
    status,
    expect.stringMatching(/^application\/json/),
    expect.objectContaining({ code: code ?? expect.stringMatching(/^[a-z_]+$/), message: expect.stringMatching(/./) }),
  ]);
}
