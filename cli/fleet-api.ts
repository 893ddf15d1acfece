import { Client } from './client';
import { connect, environmentRecord } from './connection';
import type { FleetEventJson, FleetEventPage, FleetGatewayJson, FleetReplicaJson } from './fleet-shapes';
import type { Io } from './io';
import { CliProblem, usage } from './problem';
import { uuid, type CommonOptions } from './registration';

/** What every command about an organization's gateways is told. */
export interface FleetOptions extends CommonOptions {
  readonly organization?: string;
}

/** The API's largest page. */
const PAGE = 100;

/** The gateways of one organization, over the API. */
export class FleetApi {
  constructor(
    readonly client: Client,
    readonly organizationId: string,
  ) {}

  /** The path of something of the organization's; every part is escaped. */
  path(...parts: readonly string[]): string {
    return ['/v1/organizations', this.organizationId, ...parts.map(encodeURIComponent)].join('/');
  }

  async gateways(): Promise<readonly FleetGatewayJson[]> {
    return (await this.client.get<{ gateways: FleetGatewayJson[] }>(this.path('gateways'))).gateways;
  }

  /** @throws CliProblem NOT_FOUND, saying what to do. */
  async gateway(name: string): Promise<FleetGatewayJson> {
    return await this.found(`There is no gateway ${name}`, ['gatewright gateway list'], () =>
      this.client.get<FleetGatewayJson>(this.path('gateways', name)),
    );
  }

  /** A gateway, or null when there is none of that name. */
  async gatewayOrNone(name: string): Promise<FleetGatewayJson | null> {
    try {
      return await this.client.get<FleetGatewayJson>(this.path('gateways', name));
    } catch (error) {
      if (isNotFound(error)) return null;
      throw error;
    }
  }

  /** A gateway's replicas, the last one of each number that is over included. @throws CliProblem NOT_FOUND */
  async replicas(gateway: string): Promise<readonly FleetReplicaJson[]> {
    const path = this.path('gateways', gateway, 'replicas');
    return await this.found(`There is no gateway ${gateway}`, ['gatewright gateway list'], async () => {
      return (await this.client.get<{ replicas: FleetReplicaJson[] }>(path)).replicas;
    });
  }

  /**
   * The newest replica of a name as people see it, as in `edge-0`.
   * @throws CliProblem NOT_FOUND, saying what to do; usage for what names no replica.
   */
  async replica(name: string): Promise<{ readonly gateway: string; readonly replica: FleetReplicaJson }> {
    const [, gateway, num] = /^(.+)-(\d{1,4})$/.exec(name) ?? [];
    if (gateway === undefined) throw usage(`not the name of a replica: ${name}`, 'gatewright replica list');
    const replica = (await this.replicas(gateway)).filter((each) => each.num === Number(num)).at(-1);
    if (replica) return { gateway, replica };
    const title = `Gateway ${gateway} has no replica ${num}`;
    throw new CliProblem({ title, code: 'NOT_FOUND' }, [`gatewright replica list ${gateway}`]);
  }

  /** Everything that happened to a gateway and its replicas after an event, also when it is gone. */
  async eventsAfter(gatewayId: string, seq: number): Promise<FleetEventJson[]> {
    const events: FleetEventJson[] = [];
    for (let after: string | null = String(seq); after !== null;) {
      const query = { gateway_id: gatewayId, page_size: String(PAGE), page_token: after };
      const page: FleetEventPage = await this.client.get(this.path('gateway-events'), query);
      events.push(...page.events);
      after = page.next_page_token;
    }
    return events;
  }

  /** The newest events, newest first; of one gateway where it is named. */
  async latestEvents(limit: number, gatewayName?: string): Promise<FleetEventJson[]> {
    const parts = gatewayName === undefined ? ['gateway-events'] : ['gateways', gatewayName, 'events'];
    const events: FleetEventJson[] = [];
    for (let before: string | undefined; events.length < limit;) {
      const page_size = String(Math.min(PAGE, limit - events.length));
      const query = { order: 'newest_first', page_size, page_token: before };
      const page: FleetEventPage = await this.client.get(this.path(...parts), query);
      events.push(...page.events);
      if (page.next_page_token === null) break;
      before = page.next_page_token;
    }
    return events;
  }

  private async found<T>(title: string, hints: readonly string[], ask: () => Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (error) {
      if (!isNotFound(error)) throw error;
      throw new CliProblem({ ...(error as CliProblem).document, title, detail: '' }, hints);
    }
  }
}

/** Whether the API has nothing of that name. */
export function isNotFound(error: unknown): boolean {
  return error instanceof CliProblem && error.document.code === 'NOT_FOUND';
}

/**
 * The API, and whose gateways are meant: --organization, then GATEWRIGHT_ORGANIZATION, then that of the home's demo where
 * the API is the home's own.
 * @param whose what is meant, in a word.
 * @throws CliProblem saying what is missing.
 */
export function fleetApi(io: Io, options: FleetOptions, whose = 'gateways'): FleetApi {
  const connection = connect(io, options);
  const named = options.organization ?? organizationOf(io.env['GATEWRIGHT_ORGANIZATION']);
  const home = environmentRecord(options.home);
  const own = home?.apiUrl === connection.url ? home.organization : undefined;
  const organizationId = named ?? own;
  if (organizationId === undefined) throw usage(`whose ${whose}?`, '--organization ID', 'GATEWRIGHT_ORGANIZATION=ID');
  return new FleetApi(new Client(connection), organizationId);
}

function organizationOf(text: string | undefined): string | undefined {
  if (!text) return undefined;
  try {
    return uuid(text);
  } catch (error) {
    throw usage('GATEWRIGHT_ORGANIZATION is not the id of an organization', (error as Error).message);
  }
}
