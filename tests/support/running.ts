import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  readDescription,
  withAutoPorts,
  withoutDatabases,
  withoutMachines,
  type Description,
} from '../../environment/description';
import { Environment, type EnvironmentOptions } from '../../environment/environment';
import { openStore } from '../../prisma/open';
import type { Store } from '../../prisma/store';
import { callApi, type ApiAnswer } from './api-call';
import { BreakPointFiles } from './break-points';
import { eventually } from './eventually';
import { removeHome } from './home-data';
import { snapshot, type Snapshot } from './snapshot';

/** A run as `GET /runs/{id}` shows it, as far as tests look at it. */
export interface RunAnswer {
  readonly id: string;
  readonly state: string;
}

/** A whole environment of processes, on free ports in a directory of its own, with a worker that stops at break points. */
export class RunningEnvironment {
  private constructor(
    readonly environment: Environment,
    readonly directory: string,
    readonly store: Store,
    readonly breakPoints: BreakPointFiles,
  ) {}

  /** @param change what of the description of the local environment is different here. */
  static async start(
    change: (description: Description) => Description = (description) => description,
    options: Partial<EnvironmentOptions> = {},
  ): Promise<RunningEnvironment> {
    const directory = mkdtempSync(join(tmpdir(), 'gw-env-'));
    const description = change(withoutDatabases(withoutMachines(withAutoPorts(readDescription()))));
    const environment = await Environment.start({
      directory,
      description,
      workerEntry: 'tests/support/breaking-worker',
      ...options,
    });
    const store = await openStore(environment.settings.databaseUrl);
    return new RunningEnvironment(environment, directory, store, new BreakPointFiles(environment.settingsFile));
  }

  get token(): string {
    return this.environment.identities.adminToken;
  }

  /** Calls the API with the admin token. */
  async call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<ApiAnswer> {
    return await callApi({ method, url: this.environment.apiUrl + path, token: this.token, body, headers });
  }

  /** Begins a start and returns the id of its run at once. */
  async begin(path: '/gateway/start' | '/gateway/stop', organizationId: string): Promise<string> {
    const { status, body } = await this.call(
      'POST',
      path,
      { organization_id: organizationId },
      { prefer: 'respond-async' },
    );
    if (status !== 202) throw new Error(`${path} answered ${status}: ${JSON.stringify(body)}`);
    return String(body['run_id']);
  }

  /** Waits until a run has ended, over any restarts of the API. */
  async ended(runId: string, deadlineMs = 60_000): Promise<RunAnswer> {
    return await eventually(async () => {
      const { status, body } = await this.call('GET', `/runs/${runId}`);
      if (status !== 200) throw new Error(`GET /runs/${runId} answered ${status}: ${JSON.stringify(body)}`);
      const run = body as unknown as RunAnswer;
      if (!['succeeded', 'rolled_back', 'abandoned'].includes(run.state))
        throw new Error(`run ${runId} is ${run.state}: ${JSON.stringify(body)}`);
      return run;
    }, deadlineMs);
  }

  /** What the components hold, asked of the components. */
  snapshot(): Promise<Snapshot> {
    const { settings, agents } = this.environment;
    return snapshot({ settings, store: this.store, agents });
  }

  log(name: string): string {
    return readFileSync(this.environment.home.logFile(name), 'utf8');
  }

  async close(): Promise<void> {
    this.breakPoints.clear();
    await this.store.close();
    await this.environment.stop();
    removeHome(this.directory);
  }
}
