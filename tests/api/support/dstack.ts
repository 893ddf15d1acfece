import { randomUUID } from 'node:crypto';
import type { FleetGateway } from '../../../domain/fleet/gateway';
import type { Reply, TestApi } from './api';

/** One organization of an API, as dstack's clients talk to it. */
export class DstackProject {
  readonly organizationId = randomUUID();

  constructor(
    readonly api: TestApi,
    readonly version: string | null = '0.22.5',
  ) {}

  /** A call below `/api`; as `admin` unless told. */
  call(path: string, body?: unknown, token: string | null = this.api.tokens.admin): Promise<Reply> {
    const headers: Record<string, string> = this.version === null ? {} : { 'x-api-version': this.version };
    return this.api.call('POST', `/api${path}`, { body, token, headers });
  }

  /** A call on the project's gateways. */
  gateways(call: string, body?: unknown, token?: string): Promise<Reply> {
    return this.call(`/project/${this.organizationId}/gateways/${call}`, body, token);
  }

  plan(changes: object = {}): Promise<Reply> {
    return this.gateways('get_plan', { spec: spec(changes) });
  }

  /** Applies as a client does that was shown `current`. */
  apply(changes: object = {}, current: unknown = null, force = false): Promise<Reply> {
    return this.gateways('apply', { plan: { spec: spec(changes), current_resource: current }, force });
  }

  /** The stored gateway. */
  async stored(name = 'edge'): Promise<FleetGateway> {
    return (await this.api.store.fleet.gateways.named(this.organizationId, name))!;
  }
}

/** A specification as the newest client sends it. */
export function spec(changes: object = {}): object {
  return {
    configuration: {
      type: 'gateway',
      name: 'edge',
      backend: 'aws',
      region: 'eu-west-1',
      instance_type: null,
      domain: 'example.com',
      public_ip: true,
      certificate: { type: 'lets-encrypt' },
      replicas: 1,
      tags: null,
      ...changes,
    },
    configuration_path: 'gw.dstack.yml',
  };
}

/** What a client gives back of a gateway that it was shown: the members its model knows, times cut to microseconds. */
export function echoed(gateway: Record<string, unknown>): Record<string, unknown> {
  return { ...gateway, created_at: String(gateway['created_at']).replace(/\.\d+/, '') };
}

/** The one message that a client shows of an answer. */
export function shownMessage({ status, json }: Reply): { status: number; code: unknown; message: unknown } {
  const detail = (json as { detail?: unknown }).detail;
  const [item, ...more] = Array.isArray(detail) ? (detail as Record<string, unknown>[]) : [];
  if (status !== 400 || !item || more.length > 0 || Object.keys(item).sort().join() !== 'code,msg')
    throw new Error(`a client would not show ${status} ${JSON.stringify(json)}`);
  return { status, code: item['code'], message: item['msg'] };
}
