import type { DatabaseKind } from './deploy/database';
import type { DeployPolicy } from './deploy/states';
import type { FleetPolicy } from './fleet/policy';
import type { Placements } from './gateway/contract';
import type { RunPolicy } from './run-policy';

/** An edge that a worker on this host publishes to. */
export interface EdgeSettings {
  readonly name: string;
  /** The edge's own directory: main file, generations, `live` link, sockets, logs. */
  readonly directory: string;
  /** `ip:port` that tenants reach. */
  readonly httpAddress: string;
  /** The nginx binary. */
  readonly nginx: string;
}

export interface ZoneSettings {
  /** The zone's name without a trailing dot. */
  readonly name: string;
  /** Base URL of the PowerDNS API, as in `http://127.0.0.1:18054`. */
  readonly apiUrl: string;
  /** File that holds the API key. */
  readonly apiKeyFile: string;
  /** `ip:port` of the authoritative server. */
  readonly dnsAddress: string;
  /** Seconds. */
  readonly ttl: number;
}

/** A place that machines come from. */
export interface BackendSettings {
  readonly backend: 'static' | 'docker' | 'aws';
  /** The regions that gateways may name. */
  readonly regions: readonly string[];
  /** What the backend's driver is told; only workers read it. */
  readonly options?: Readonly<Record<string, unknown>>;
}

/** Where gateways' replicas may be made, and within which bounds. */
export interface FleetSettings {
  /** File that holds the installation's key, from which the secrets of machines follow; only workers read it. */
  readonly keyFile: string;
  /** The port that the agents on machines serve on. */
  readonly agentPort: number;
  /** Base URL of the API as machines reach it, for agents to announce themselves; empty where they cannot. */
  readonly apiUrl: string;
  readonly backends: readonly BackendSettings[];
  readonly policy: FleetPolicy;
}

/** A database server on which databases are made. */
export interface DatabaseServer {
  readonly kind: DatabaseKind;
  /** Name of the secret that holds the URL of an account with the engine's rights. */
  readonly secret: string;
  /** `host:port` as clients of the databases reach it. */
  readonly address: string;
  /** PostgreSQL: the database in which schemas are made. */
  readonly database?: string;
  /** A directory on the disk that holds its data, where that is the workers' own; they look how much is free there. */
  readonly directory?: string;
}

/** Where databases are made, and how long their changes may take. */
export interface DatabasesSettings {
  readonly policy: DeployPolicy;
  /** The first of a kind gets the databases that clients make. */
  readonly servers: readonly DatabaseServer[];
}

/** What an API or worker process is told; made by environment/settings.ts from the environment's description. */
export interface Settings {
  /** `file:/path/to.db` or `postgresql://...`. */
  readonly databaseUrl: string;
  readonly temporal: { readonly address: string; readonly namespace: string };
  readonly api: {
    readonly host: string;
    readonly port: number;
    /** Requests a minute per token. */
    readonly rateLimit: number;
    /** Milliseconds that a request may wait for its run's result before it is answered 202. */
    readonly waitMs: number;
  };
  readonly zone: ZoneSettings;
  /** The address that tenants' host names get: that of the edge in front. */
  readonly edgeIp: string;
  /** The edges that a worker with these settings publishes to. */
  readonly edges: readonly EdgeSettings[];
  /** CIDR networks that gateway replicas may live in. */
  readonly networks: readonly string[];
  /** CIDR networks that webhooks may go to beside public ones. */
  readonly webhookNetworks: readonly string[];
  /** Directory of secret files, each `0600`; secrets are passed by the name of their file. */
  readonly secretsDirectory: string;
  readonly placements: Placements;
  readonly policy: RunPolicy;
  /** Absent where no replicas are made: then no backend is configured. */
  readonly fleet?: FleetSettings;
  /** Absent where there are no databases. */
  readonly databases?: DatabasesSettings;
}
