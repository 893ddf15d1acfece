import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { freePort } from '../../environment/ports';
import type { Component } from '../../environment/process';
import { startSshHost } from '../../environment/ssh-hosts';
import type { DoubleBehaviour } from './ec2-double/account';
import type { DoubleInstance } from './ec2-double/state';

/** What of a cloud-config a machine of ours boots with. */
interface CloudConfig {
  readonly ssh_keys: { readonly ed25519_private: string; readonly ed25519_public: string };
  readonly ssh_authorized_keys: readonly string[];
}

/** What of an instance its machine boots with. */
type Booting = Pick<DoubleInstance, 'instanceId' | 'userData'>;

/** Real sshds on loopback addresses behind the instances of a double, each with the keys of its user data. */
export class DoubleMachines {
  private readonly directory = mkdtempSync(join(tmpdir(), 'gatewright-machines-'));
  private readonly running = new Map<string, Promise<Component>>();
  private made = 0;

  private constructor(
    private readonly network: string,
    /** Where all of them listen, each on an address of its own. */
    readonly port: number,
  ) {}

  /** @param network the first three numbers of their addresses, as in `127.0.4`. */
  static async open(network: string): Promise<DoubleMachines> {
    return new DoubleMachines(network, await freePort(`${network}.1`));
  }

  /** What the double is told. */
  get hooks(): Pick<DoubleBehaviour, 'addresses' | 'ended'> {
    return {
      addresses: async (instance) => {
        const ip = await this.start(instance);
        return { privateIp: ip, publicIp: ip };
      },
      ended: ({ instanceId }) => this.end(instanceId),
    };
  }

  /** Starts the machine of an instance. @returns where its sshd listens. */
  async start(instance: Booting): Promise<string> {
    const ip = `${this.network}.${++this.made}`;
    const starting = this.boot(instance, ip);
    this.running.set(instance.instanceId, starting);
    await starting;
    return ip;
  }

  /** Ends the machine of an instance. */
  end(instanceId: string): void {
    void this.running.get(instanceId)?.then(async (component) => await component.kill());
  }

  async close(): Promise<void> {
    for (const starting of this.running.values()) await (await starting).kill();
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** Does what cloud-init does with the keys. */
  private async boot({ instanceId, userData }: Booting, ip: string): Promise<Component> {
    const config = parse(userData) as CloudConfig;
    const directory = join(this.directory, instanceId);
    mkdirSync(directory);
    writeFileSync(join(directory, 'host_ed25519'), config.ssh_keys.ed25519_private, { mode: 0o600 });
    writeFileSync(join(directory, 'host_ed25519.pub'), config.ssh_keys.ed25519_public);
    return await startSshHost({
      ...{ name: instanceId, directory, ip, port: this.port },
      authorizedKey: config.ssh_authorized_keys.join('\n'),
      logFile: join(directory, 'sshd.log'),
    });
  }
}
