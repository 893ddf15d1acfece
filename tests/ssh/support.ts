import { randomUUID } from 'node:crypto';
import { Failure, type FailureCode } from '../../domain/failures';
import { readProfile, type Profile, type ProfileScript } from '../../domain/fleet/profile';
import { profileValues } from '../../domain/fleet/values';
import { configure, type Configured } from '../../drivers/ssh/configure';
import { connect } from '../../drivers/ssh/connect';
import type { SshConnection } from '../../drivers/ssh/connection';
import type { Configuration } from '../../drivers/ssh/stage';
import type { TestHost } from './fixture';

/** The failure that `act` ends with; fails the test when it ends well or otherwise. */
export async function failureOf(act: Promise<unknown>): Promise<Failure> {
  const error: unknown = await act.then(
    (value) => new Error(`it did not fail but gave ${JSON.stringify(value)}`),
    (reason: unknown) => reason,
  );
  if (error instanceof Failure) return error;
  throw error;
}

/** Expects a failure of a code. */
export async function expectFailure(act: Promise<unknown>, code: FailureCode): Promise<Failure> {
  const failure = await failureOf(act);
  expect(`${failure.code}: ${failure.message}`).toMatch(new RegExp(`^${code}:`));
  return failure;
}

/** Connects with short times, uses the connection and closes it. */
export async function connected<T>(host: TestHost, use: (connection: SshConnection) => Promise<T>): Promise<T> {
  const connection = await connect(host.target, { keepalive: { intervalMs: 150, count: 2 } });
  try {
    return await use(connection);
  } finally {
    connection.destroy();
    await connection.closed;
  }
}

/** A profile of scripts alone, and of files where a test needs them. */
export function profileOf(scripts: readonly Partial<ProfileScript>[], more: Partial<Profile> = {}): Profile {
  return readProfile({
    ...{ name: 'tested', values: {}, files: [] },
    scripts: scripts.map((one, index) => ({
      ...{ name: `script-${index}`, content: ':', timeoutMs: 20_000, runs: 'once per revision' },
      ...one,
    })),
    health: { kind: 'script', content: 'true', timeoutMs: 5_000 },
    ...more,
  });
}

export function configurationOf(profile: Profile, values = {}, secrets = {}): Configuration {
  return { profile, values: profileValues(profile.values, values), secrets };
}

/** What a configuration came to, and what it said. */
export interface Told extends Configured {
  readonly lines: string[];
}

/** Configures over a connection of its own. */
export async function configured(
  host: TestHost,
  configuration: Configuration,
  operationId: string = randomUUID(),
): Promise<Told> {
  const lines: string[] = [];
  const result = await connected(
    host,
    async (connection) =>
      await configure(connection, configuration, operationId, {
        scrub: (line) => line.replaceAll('hunter2', '***'),
        onOutput: (line) => lines.push(line),
      }),
  );
  return { ...result, lines };
}
