import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readDescription } from '../../environment/description';
import { freePort } from '../../environment/ports';
import { startPostgres, type Postgres, type PostgresSpec } from '../../environment/postgres';
import type { Component } from '../../environment/process';
import { startTemporal, type TemporalOptions } from '../../environment/temporal';
import { ensureTemporal } from '../../environment/temporal-binary';

/** A Temporal server and a PostgreSQL that an installation is told of, and that go away and come back. */
export class Outside {
  private constructor(
    private readonly temporalOptions: TemporalOptions,
    private readonly postgresSpec: PostgresSpec,
    private temporal: Component,
    private postgres: Postgres,
    private readonly directories: readonly string[],
  ) {}

  static async start(): Promise<Outside> {
    const directories = ['gw-temporal-', 'gw-postgres-'].map((name) => mkdtempSync(join(tmpdir(), name)));
    const temporalOptions: TemporalOptions = {
      ...{ binary: await ensureTemporal(() => undefined), ip: '127.0.0.1', settings: readDescription().temporal },
      ...{ port: await freePort(), uiPort: await freePort() },
      ...{ database: join(directories[0]!, 'temporal.db'), logFile: join(directories[0]!, 'temporal.log') },
    };
    const postgresSpec = { directory: directories[1]!, port: await freePort() };
    const [temporal, postgres] = await Promise.all([startTemporal(temporalOptions), startPostgres(postgresSpec)]);
    return new Outside(temporalOptions, postgresSpec, temporal, postgres, directories);
  }

  /** How an installation is told of them. */
  get env(): NodeJS.ProcessEnv {
    const { ip, port, settings } = this.temporalOptions;
    return {
      TEMPORAL_ADDRESS: `${ip}:${port}`,
      TEMPORAL_NAMESPACE: settings.namespace,
      DATABASE_URL: this.postgres.url,
    };
  }

  /** kill -9 and a new start on the same data. */
  async killTemporal(): Promise<void> {
    await this.temporal.kill();
    this.temporal = await startTemporal(this.temporalOptions);
  }

  /** A fast shutdown, which ends every session, and a new start on the same data. */
  async restartPostgres(): Promise<void> {
    await this.postgres.stop();
    this.postgres = await startPostgres(this.postgresSpec);
  }

  async close(): Promise<void> {
    await Promise.all([this.temporal.kill(), this.postgres.stop()]);
    for (const directory of this.directories) rmSync(directory, { recursive: true, force: true });
  }
}
