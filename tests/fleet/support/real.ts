import Docker from 'dockerode';
import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { parse, stringify } from 'yaml';
import type { FleetReplica } from '../../../domain/fleet/gateway';
import { isLive } from '../../../domain/fleet/lifecycle';
import { label } from '../../../drivers/cloud/docker/labels';
import { readDockerSettings } from '../../../drivers/cloud/docker/settings';
import { resolveA } from '../../../drivers/dns/resolve';
import { scriptCommand } from '../../../environment/script';
import { get } from '../../support/http';
import { RunningEnvironment } from '../../support/running';

/** A container as the engine itself tells it. */
export interface Container {
  readonly id: string;
  readonly state: string;
  readonly replicaId: string;
}

/** What `gatewright up` brings up, with containers of a real engine, and the command line against it. */
export class RealFleet {
  readonly organizationId = randomUUID();
  private readonly directory = mkdtempSync(join(tmpdir(), 'gw-real-'));

  private constructor(
    readonly running: RunningEnvironment,
    private readonly owner: string,
    private readonly engine: Docker,
  ) {}

  static async start(): Promise<RealFleet> {
    const running = await RunningEnvironment.start((description) => ({
      ...description,
      agents: { ...description.agents, count: 0 },
      fleet: {
        ...description.fleet,
        machines: 'auto',
        policy: {
          ...description.fleet.policy,
          healthIntervalMs: 500,
          heldLookMs: 200,
          drainMs: 1_000,
          rolloutRevertMs: 0,
          // What no workflow puts right by itself would be noticed.
          sweepIntervalMs: 3_600_000,
        },
      },
    }));
    const { backends } = running.environment.settings.fleet!;
    const { engine } = readDockerSettings(backends[0]!.options);
    const owner = await running.store.fleet.installation(randomUUID());
    return new RealFleet(running, owner, new Docker({ ...engine }));
  }

  /** Runs `gatewright ARGS` for the organization. @throws Error with what it said when it does not end well. */
  async cli(...args: string[]): Promise<void> {
    const { apiUrl, home } = this.running.environment;
    const where = ['--api', apiUrl, '--token-file', home.tokenFile, '--organization', this.organizationId];
    const program = scriptCommand('cli/main');
    await promisify(execFile)(program.command, [...program.args, ...args, ...where], { timeout: 120_000 }).catch(
      (error: Error & { stdout: string; stderr: string }) => {
        throw new Error(`gatewright ${args.join(' ')}: ${error.message}\n${error.stdout}\n${error.stderr}`);
      },
    );
  }

  /** `gatewright apply -f`, with a file that holds this. */
  async apply(configuration: object, ...options: string[]): Promise<void> {
    const file = join(this.directory, 'gateway.yaml');
    writeFileSync(file, stringify({ type: 'gateway', backend: 'docker', region: 'local', ...configuration }));
    await this.cli('apply', '-f', file, '-y', ...options);
  }

  /**
   * `gatewright profile push`, of the shipped profile with a file `motto` in addition.
   * @param script one that is run after the others; it finds the machine's files in `GATEWRIGHT_ROOT`.
   */
  async pushProfile(profileName: string, motto: string, script = ':'): Promise<void> {
    const directory = join(this.directory, 'profile');
    cpSync(join(__dirname, '../../../profiles/default'), directory, { recursive: true });
    const file = join(directory, 'profile.yaml');
    const shipped = parse(readFileSync(file, 'utf8')) as { files: object[]; scripts: object[] };
    const files = [...shipped.files, { path: 'motto', mode: '0644', content: motto }];
    const scripts = [...shipped.scripts, { name: 'last', content: script, timeoutMs: 10_000, runs: 'always' }];
    writeFileSync(file, stringify({ ...shipped, files, scripts }));
    await this.cli('profile', 'push', directory, '--name', profileName);
  }

  /** A file below a container's `/var/lib/gatewright`, as the engine has it; null where there is none. */
  async file(containerId: string, path: string): Promise<string | null> {
    const from = { path: `/var/lib/gatewright/${path}` };
    try {
      const tar = await buffer(await this.engine.getContainer(containerId).getArchive(from));
      const size = parseInt(tar.toString('latin1', 124, 136), 8);
      return tar.toString('utf8', 512, 512 + size);
    } catch (error) {
      if ((error as { statusCode?: number }).statusCode === 404) return null;
      throw error;
    }
  }

  /** Every container of this installation, whatever its state, as the engine lists them. */
  async containers(): Promise<Container[]> {
    const filters = { label: [`${label.owner}=${this.owner}`] };
    const found = await this.engine.listContainers({ all: true, filters });
    return found.map(({ Id: id, State: state, Labels }) => ({ id, state, replicaId: Labels[label.replicaId]! }));
  }

  /** kill -9 of a container's first process, from outside the engine. */
  async kill(containerId: string): Promise<void> {
    const { State } = await this.engine.getContainer(containerId).inspect();
    process.kill(State.Pid, 'SIGKILL');
  }

  /** The replicas of a gateway that are not over. */
  async live(name: string): Promise<FleetReplica[]> {
    const { fleet } = this.running.store;
    const gateway = await fleet.gateways.named(this.organizationId, name);
    return gateway ? (await fleet.replicas.list(this.organizationId, gateway.id)).filter(isLive) : [];
  }

  /** Which replica answers an organization's host name, through every edge. */
  async answering(organizationId: string): Promise<string[]> {
    const { settings } = this.running.environment;
    const host = this.hostOf(organizationId);
    return await Promise.all(
      settings.edges.map(async ({ httpAddress }) => {
        const { status, body } = await get(httpAddress, '/', host);
        return status === 200 ? (JSON.parse(body) as { replica_id: string }).replica_id : `status ${status}`;
      }),
    );
  }

  /** What DNS has for an organization's host name. */
  async addresses(organizationId: string): Promise<string[]> {
    return await resolveA(this.running.environment.settings.zone.dnsAddress, this.hostOf(organizationId));
  }

  async close(): Promise<void> {
    await this.running.close();
    rmSync(this.directory, { recursive: true, force: true });
  }

  private hostOf(organizationId: string): string {
    return `org-${organizationId}.${this.running.environment.settings.zone.name}`;
  }
}
