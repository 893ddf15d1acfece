import { EC2Client } from '@aws-sdk/client-ec2';
import type { Effect } from './errors';
import { translate } from './errors';
import type { AwsSettings } from './settings';

const CONNECT_MS = 5_000;
const TIMEOUT_MS = 20_000;

/** The EC2 of one region. */
export class RegionApi {
  private readonly client: EC2Client;

  constructor(
    readonly region: string,
    { endpoint, timeoutMs = TIMEOUT_MS }: AwsSettings,
  ) {
    this.client = new EC2Client({
      region,
      ...(endpoint === undefined ? {} : { endpoint }),
      // Temporal tries again, where it is seen and bounded; an answer lost in here could not be told from a late one.
      maxAttempts: 1,
      requestHandler: {
        connectionTimeout: Math.min(CONNECT_MS, timeoutMs),
        requestTimeout: timeoutMs,
        throwOnRequestTimeout: true,
      },
    });
  }

  /**
   * Makes one call.
   * @throws Failure (see errors.ts), or the reason of `signal` when that is aborted.
   */
  async call<T>(
    effect: Effect,
    signal: AbortSignal | undefined,
    send: (client: EC2Client, options: { abortSignal?: AbortSignal }) => Promise<T>,
  ): Promise<T> {
    signal?.throwIfAborted();
    try {
      return await send(this.client, signal === undefined ? {} : { abortSignal: signal });
    } catch (error) {
      signal?.throwIfAborted();
      throw translate(error, effect);
    }
  }

  close(): void {
    this.client.destroy();
  }
}
