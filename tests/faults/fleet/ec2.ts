import { userInfo } from 'node:os';
import type { BackendSettings } from '../../../domain/settings';
import { AwsCloud } from '../../../drivers/cloud/aws/ec2';
import type { AwsSettings } from '../../../drivers/cloud/aws/settings';
import { tagKeys } from '../../../drivers/cloud/aws/machines';
import { startMoto } from '../../../environment/moto';
import { freePort } from '../../../environment/ports';
import { awsSettings, catalogues, region, useCredentials } from '../../cloud/aws-support';
import { DoubleMachines } from '../../cloud/double-machines';
import type { DoubleBehaviour } from '../../cloud/ec2-double/account';
import { doubleCredentials, Ec2Double } from '../../cloud/ec2-double/server';
import { placeIn } from '../../cloud/moto-cloud';
import { Made, type CrashCloud } from './cloud';
import type { Gate } from './gate';
import { Relay, type Behind, type Call, type Effect } from './relay';

/** Calls that change something on the way to a machine, in their order. */
const calls = ['CreateSecurityGroup', 'AuthorizeSecurityGroupIngress', 'RunInstances'];
const changing = [...calls, 'TerminateInstances'];

/** What stands between workers and a machine's sshd. @returns where workers reach it, on the same port. */
export type Door = (sshd: { host: string; port: number }) => Promise<string>;

/**
 * The strict double of EC2, behind a relay, with a real sshd behind each instance.
 * @param lagMs by how much its reads may lag.
 */
export async function strictDouble(gate: Gate, lagMs: number, door?: Door): Promise<CrashCloud> {
  useCredentials(doubleCredentials);
  const machines = await DoubleMachines.open('127.0.6');
  const addresses: DoubleBehaviour['addresses'] = async (instance) => {
    const host = await machines.start(instance);
    const ip = door ? await door({ host, port: machines.port }) : host;
    return { privateIp: ip, publicIp: ip };
  };
  const times = { lagMs, bootMs: 100, shutdownMs: 100 };
  const double = await Ec2Double.start(catalogues, { ...times, ...machines.hooks, addresses });
  const settings = { ...awsSettings(double.endpoint), readLagMs: lagMs };
  return await ec2({ name: 'EC2 (strict double)', gate, machines, settings }, () => double.stop());
}

/** moto, which ignores client tokens, behind a relay that gives its instances the addresses of real sshds. */
export async function moto(gate: Gate, logFile: string): Promise<CrashCloud> {
  useCredentials(doubleCredentials);
  const machines = await DoubleMachines.open('127.0.7');
  const port = await freePort();
  const server = await startMoto({ port, logFile });
  const endpoint = `http://127.0.0.1:${port}`;
  const regions = { [region]: await placeIn(endpoint) };
  const settings = { ...awsSettings(endpoint, { regions, clientToken: false }), readLagMs: 0 };
  return await ec2({ name: 'EC2 (moto)', gate, machines, settings, addresses: new Map() }, () => server.kill());
}

interface Parts {
  readonly name: string;
  readonly gate: Gate;
  readonly machines: DoubleMachines;
  /** Of the cloud itself. */
  readonly settings: AwsSettings;
  /** Where the relay itself starts machines: the addresses that it shows, by instance. */
  readonly addresses?: Map<string, string>;
}

async function ec2(
  { name, gate, machines, addresses, ...parts }: Parts,
  stop: () => Promise<void>,
): Promise<CrashCloud> {
  const login = { sshUser: userInfo().username, sshPort: machines.port };
  const direct = new AwsCloud({ ...parts.settings, ...login });
  const upstream = new URL(parts.settings.endpoint!);
  const behind = new Ec2Behind(upstream, addresses && { machines, addresses });
  const relay = await Relay.open(behind, gate);
  const options = { ...parts.settings, ...login, timeoutMs: 60_000, endpoint: `http://127.0.0.1:${relay.port}` };
  const settings: BackendSettings = { backend: 'aws', regions: [region], options: { ...options } };
  return {
    ...{ name, settings, calls, makes: 'RunInstances', region, relay, made: behind.made },
    machines: (owner) => direct.list(owner),
    close: async () => {
      await relay.close();
      await direct.close();
      await stop();
      await machines.close();
    },
  };
}

/** What is read of EC2's calls: form fields in, XML out. */
class Ec2Behind implements Behind {
  readonly made = new Made();
  readonly upstream: { readonly host: string; readonly port: number };
  private readonly owners = new Map<string, string>();

  constructor(
    { hostname, port }: URL,
    private readonly own: { machines: DoubleMachines; addresses: Map<string, string> } | undefined,
  ) {
    this.upstream = { host: hostname, port: Number(port) };
  }

  effectOf({ body }: Call): Effect | undefined {
    const form = new URLSearchParams(body);
    const name = form.get('Action')!;
    if (!changing.includes(name)) return undefined;
    const id = form.get('GroupId') ?? form.get('InstanceId.1');
    const key = id === null ? organizationOf(form) : this.owners.get(id);
    return key === undefined ? undefined : { name, key };
  }

  async answered(
    { body: asked }: Call,
    effect: Effect | undefined,
    { status, body }: { status: number; body: string },
  ): Promise<string> {
    if (status !== 200) return body;
    const form = new URLSearchParams(asked);
    const tag = effect?.name === 'CreateSecurityGroup' ? 'groupId' : 'instanceId';
    const [, id] = new RegExp(`<${tag}>([^<]+)<`).exec(body) ?? [];
    if (effect && id !== undefined) this.owners.set(id, effect.key);
    if (effect?.name === 'RunInstances') {
      const isNew = this.made.add(effect.key, id!);
      const userData = Buffer.from(form.get('UserData') ?? '', 'base64').toString();
      if (isNew && this.own) this.own.addresses.set(id!, await this.own.machines.start({ instanceId: id!, userData }));
    }
    if (effect?.name === 'TerminateInstances') this.own?.machines.end(form.get('InstanceId.1')!);
    return this.own ? this.withAddresses(body) : body;
  }

  /** An answer with the addresses of the machines in place of made-up ones. */
  private withAddresses(body: string): string {
    return body
      .split(/(?=<instanceId>)/)
      .map((part) => {
        const address = this.own!.addresses.get(/^<instanceId>([^<]+)</.exec(part)?.[1] ?? '');
        if (address === undefined) return part;
        return part.replace(/<(ipAddress|privateIpAddress)>[^<]*</g, (_, name) => `<${name}>${address}<`);
      })
      .join('');
  }
}

/** The organization in the tags of a call that makes something. */
function organizationOf(form: URLSearchParams): string | undefined {
  const [key] = [...form].find(([, value]) => value === tagKeys.organizationId) ?? [];
  return key === undefined ? undefined : (form.get(key.replace(/Key$/, 'Value')) ?? undefined);
}
