import { Agent } from 'undici';
import { formatAddress, address, type Network } from '../../domain/address';
import { Failure, isFailure } from '../../domain/failures';
import type { HealthCheck, Profile } from '../../domain/fleet/profile';
import { fillTemplate } from '../../domain/fleet/template';
import type { ProfileValues } from '../../domain/fleet/values';
import { exchange } from '../http';
import type { SshConnection } from './connection';
import { hostScript } from './host-script';
import { escapeOutput } from './output';

/** A replica whose health is asked for. */
export interface HealthSubject {
  readonly profile: Profile;
  readonly values: ProfileValues;
  /** The literal IP address that the replica serves at. */
  readonly serves: string;
  /** Networks that replicas may live in. */
  readonly networks: readonly Network[];
  /** Needed by a check that is a script. */
  readonly connection?: SshConnection;
}

/** Bytes of an answer that are read. */
const LIMIT = 16_384;

type ScriptCheck = Extract<HealthCheck, { readonly kind: 'script' }>;
type HttpCheck = Extract<HealthCheck, { readonly kind: 'http' }>;

/** Asks replicas for their health. */
export class HealthChecker {
  // A connection of its own for each request: one that is kept open says nothing about whether a new one could be made.
  private readonly dispatcher = new Agent({ pipelining: 0 });

  /**
   * Asks once.
   * @param timeoutMs milliseconds for the whole check.
   * @throws Failure REPLICA_UNHEALTHY saying why; ADDRESS_REFUSED; of a script SSH_LIMIT, SSH_UNREACHABLE and
   * SSH_OUTCOME_UNKNOWN, too. Throws the reason of an aborted `signal`.
   */
  async check(subject: HealthSubject, timeoutMs: number, signal?: AbortSignal): Promise<void> {
    const { health } = subject.profile;
    if (health.kind === 'http') return await this.http(health, subject, timeoutMs, signal);
    if (!subject.connection) throw new Failure('REPLICA_UNHEALTHY', 'its check is a script and needs a connection');
    await script(subject.connection, health, timeoutMs, signal);
  }

  async close(): Promise<void> {
    await this.dispatcher.destroy();
  }

  private async http(check: HttpCheck, subject: HealthSubject, timeoutMs: number, signal?: AbortSignal): Promise<void> {
    const fill = (text: string): string =>
      fillTemplate(text, 'the health check', subject.profile.values, subject.values, {});
    const port = typeof check.port === 'number' ? check.port : Number(fill(check.port));
    const where = formatAddress(address(`${subject.serves}:${port}`, subject.networks));
    const answer = await exchange({
      ...{ dispatcher: this.dispatcher, url: `http://${where}${check.path}`, method: 'GET', timeoutMs, limit: LIMIT },
      ...(signal && { signal }),
    });
    if (answer.kind !== 'answered') throw new Failure('REPLICA_UNHEALTHY', `${where}: ${answer.message}`);
    if (answer.status !== check.expect.status)
      throw new Failure('REPLICA_UNHEALTHY', `${where} answers ${answer.status}, not ${check.expect.status}`);
    const members = memberOf(answer.text);
    for (const [name, expected] of Object.entries(check.expect.json ?? {})) {
      const wanted = typeof expected === 'string' ? fill(expected) : expected;
      if (!Object.hasOwn(members, name) || members[name] !== wanted)
        throw new Failure('REPLICA_UNHEALTHY', `${where} does not answer the expected ${name}`);
    }
  }
}

async function script(
  connection: SshConnection,
  check: ScriptCheck,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<void> {
  let said = Buffer.alloc(0);
  const hear = (data: Buffer): void => {
    said = Buffer.concat([said, data]).subarray(-400);
  };
  const patience = Math.min(timeoutMs, check.timeoutMs);
  try {
    const { code } = await connection.run('check', {
      stdin: `${hostScript('root.sh')}\n${check.content}`,
      onStdout: hear,
      onStderr: hear,
      timeoutMs: patience,
      ...(signal && { signal }),
    });
    if (code !== 0) throw new Failure('REPLICA_UNHEALTHY', `its check ended with ${code}: ${escapeOutput(said)}`);
  } catch (error) {
    // The machine is there, the check has no end.
    if (isFailure(error) && error.code === 'SSH_OUTCOME_UNKNOWN' && connection.isOpen)
      throw new Failure('REPLICA_UNHEALTHY', `its check did not end within ${patience} ms`);
    throw error;
  }
}

function memberOf(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
