import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeJson } from '../../../environment/home';
import { freePort } from '../../../environment/ports';
import { Component } from '../../../environment/process';
import { scriptCommand } from '../../../environment/script';
import { hashSecret, mintToken } from '../../../prisma/token-secret';
import { BreakPointFiles } from '../../support/break-points';
import { eventually } from '../../support/eventually';
import type { Target } from './targets';
import { DeployWorld, SERVER, testDeployPolicy } from './world';

/** An answer; undefined where the API was killed before it gave one. */
export type Answer = { readonly status: number; readonly body: Readonly<Record<string, unknown>> } | undefined;

/** A world whose API is a process of its own, which can be killed in the middle of a call. */
export class ApiRig {
  private readonly breakPoints: BreakPointFiles;
  private api: Component | undefined;

  private constructor(
    readonly world: DeployWorld,
    private readonly directory: string,
    private readonly settingsFile: string,
    private readonly url: string,
    private readonly token: string,
  ) {
    this.breakPoints = new BreakPointFiles(settingsFile);
  }

  static async start(target: Target): Promise<ApiRig> {
    const world = await DeployWorld.start(target);
    await world.startWorker();
    const directory = mkdtempSync(join(tmpdir(), 'gw-api-kills-'));
    const settingsFile = join(directory, 'settings.json');
    const port = await freePort('127.0.0.1');
    const server = { kind: target.kind, secret: SERVER, address: new URL(target.url).host };
    const databases = { policy: testDeployPolicy, servers: [server] };
    writeJson(settingsFile, { ...world.settings, databases, api: { ...world.settings.api, port } });
    const { id, secret } = mintToken();
    const { organizationId } = world;
    const token = { id, name: 'kills', secretHash: hashSecret(secret), organizationId, expiresAt: null };
    await world.store.tokens.create({ ...token, scope: 'admin' });
    const url = `http://127.0.0.1:${port}`;
    const rig = new ApiRig(world, directory, settingsFile, url, `${id}:${secret}`);
    await rig.restart();
    return rig;
  }

  /** @param path below the organization's databases. */
  async call(method: string, path: string, body?: object): Promise<Answer> {
    const answer = await fetch(`${this.url}/v1/organizations/${this.world.organizationId}/databases${path}`, {
      method,
      headers: { authorization: this.token, 'content-type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
    }).catch(() => undefined);
    if (!answer) return undefined;
    const text = await answer.text();
    return { status: answer.status, body: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>) };
  }

  /** Makes a call and kills the API when it has come to something that it tells Temporal. It stays away. */
  async killAt(step: string, when: 'before' | 'after', ...call: Parameters<ApiRig['call']>): Promise<void> {
    this.breakPoints.set({ step, phase: 'do', when });
    const answering = this.call(...call);
    await eventually(() => expect(this.breakPoints.wasReached).toBe(true));
    await this.api!.kill();
    this.breakPoints.clear();
    expect(await answering).toBeUndefined();
  }

  async restart(): Promise<void> {
    const { command, args } = scriptCommand('tests/deploy/support/killed-api');
    this.api = await Component.start({
      ...{ name: 'api', command, args, logFile: join(this.directory, 'api.log'), readyTimeoutMs: 60_000 },
      env: { ...process.env, GATEWRIGHT_SETTINGS: this.settingsFile },
      probe: async () => await (await fetch(`${this.url}/healthz`)).arrayBuffer().then(() => undefined),
    });
  }

  async close(): Promise<void> {
    this.breakPoints.clear();
    await this.api?.kill();
    await this.world.close();
    rmSync(this.directory, { recursive: true, force: true });
  }
}
