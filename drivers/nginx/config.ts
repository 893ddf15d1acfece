import { address, formatAddress, type Network } from '../../domain/address';
import { Failure } from '../../domain/failures';
import { hostname, printable } from '../../domain/hostname';

declare const checked: unique symbol;

/** One checked line of the map from host to gateway; only {@link routeLine} makes it. */
export type RouteLine = string & { readonly [checked]: true };

/**
 * Renders one route. Nothing but a host name of lower-case LDH labels and a literal address inside `networks` gets
 * through: `nginx -t` accepts `x.test; return 200 pwned` and is no defence.
 * @throws Failure INVALID_INPUT for the host name, ADDRESS_REFUSED for the address.
 */
export function routeLine(
  route: { readonly hostname: unknown; readonly address: unknown },
  networks: readonly Network[],
): RouteLine {
  return `  ${hostname(route.hostname)} ${formatAddress(address(route.address, networks))};\n` as RouteLine;
}

/**
 * Renders the one file that varies: the generation's number and every route. They are one file, so that no reload can
 * ever mix the number of one generation with the routes of another.
 */
export function renderGeneration(generation: number, lines: Iterable<RouteLine>): string {
  return (
    `map "" $generation {\n  default ${generationNumber(generation)};\n}\n` +
    `map $host $gateway {\n  default "";\n${[...lines].join('')}}\n`
  );
}

/**
 * Reads a generation's number, the only thing that paths below an edge's directory are made of.
 * @throws Failure INVALID_INPUT unless it is a non-negative safe integer.
 */
export function generationNumber(value: unknown): number {
  if (Number.isSafeInteger(value) && (value as number) >= 0 && !Object.is(value, -0)) return value as number;
  throw new Failure('INVALID_INPUT', `not a generation number: ${printable(value)}`);
}

/** Which of the two main files: the one nginx runs on, or the one a generation is tested with beforehand. */
export type MainVariant = 'live' | 'candidate';

/**
 * Renders the constant main file. Relative paths are nginx's prefix (`-p`), that of the socket its working directory.
 *
 * The candidate differs in what a test must not touch: it includes the generation beside it, writes no log and leaves
 * the pid file alone.
 * @param httpAddress - `ip:port` that tenants reach.
 * @throws Failure ADDRESS_REFUSED unless it is a literal IPv4 address and a port.
 */
export function renderMain(httpAddress: string, variant: MainVariant): string {
  const listen = formatAddress(address(httpAddress, [{ base: 0, bits: 0 }]));
  const live = variant === 'live';
  return `# Made by Gatewright and written anew when it differs. What varies is in live/edge.conf.
daemon off;
worker_processes auto;
worker_rlimit_nofile 16384;
# How long a WebSocket outlives the next reload. Until then it keeps its old worker, and reloads come several a second.
worker_shutdown_timeout 30s;
pid ${live ? 'run/nginx.pid' : 'run/candidate.pid'};
lock_file run/nginx.lock;
error_log ${live ? 'logs/error.log' : 'stderr'} warn;

events {
  worker_connections 8192;
}

http {
  access_log off;
  server_tokens off;
  default_type text/plain;
  client_body_temp_path tmp/body;
  proxy_temp_path tmp/proxy;
  fastcgi_temp_path tmp/fastcgi;
  uwsgi_temp_path tmp/uwsgi;
  scgi_temp_path tmp/scgi;
  # Room for names of 253 characters and for more than 100,000 hosts; above 10,000 buckets nginx finds a size at once.
  map_hash_bucket_size 2048;
  map_hash_max_size 65536;

  map $http_upgrade $connection_upgrade {
    default upgrade;
    '' close;
  }
  include ${live ? 'live/edge.conf' : 'edge.conf'};

  server {
    listen unix:run/generation.sock;
    server_name _;
    location = /generation {
      return 200 "$generation $pid\\n";
    }
    location / {
      return 404;
    }
  }

  server {
    listen ${listen} default_server;
    server_name _;
    client_header_timeout 10s;
    client_max_body_size 0;

    # A host that nobody has is never answered by a tenant.
    if ($gateway = "") {
      return 421;
    }
    # What Gatewright says to a gateway's agent is not for tenants, in whatever case an agent's router reads it.
    location ~* ^/_gatewright(/|$) {
      return 404;
    }
    location / {
      proxy_pass http://$gateway;
      proxy_http_version 1.1;
      proxy_set_header Host $host;
      # Overwritten, never appended to: what a client claims about itself ends here.
      proxy_set_header X-Real-IP $remote_addr;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Forwarded-Host $host;
      proxy_set_header X-Forwarded-Port $server_port;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header Forwarded "";
      proxy_set_header Proxy "";
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upgrade;
      proxy_connect_timeout 2s;
      proxy_send_timeout 60s;
      proxy_read_timeout 3600s;
      proxy_next_upstream off;
      # Streaming both ways keeps workers off the disk, where as another user they could not write anyway.
      proxy_buffering off;
      proxy_request_buffering off;
    }
  }
}
`;
}
