import { Client } from '../client';
import { connect } from '../connection';
import { Exit } from '../exit';
import type { Io } from '../io';
import { printJson, type CommonOptions } from '../registration';
import type { EdgeJson } from '../shapes';
import { table } from '../table';
import { age, fields } from '../text';

/** `gatewright edges` */
export async function edges(io: Io, options: CommonOptions): Promise<Exit> {
  const client = new Client(connect(io, options));
  const { edges: all } = await client.get<{ edges: EdgeJson[] }>('/edges');
  if (options.output === 'json') printJson(io, { edges: all });
  else if (all.length === 0) io.out('No edges are registered.\n');
  else io.out(edgesTable(io, all));
  return Exit.ok;
}

/** `gatewright edges remove NAME` */
export async function remove(io: Io, options: CommonOptions, name: string): Promise<Exit> {
  await new Client(connect(io, options)).delete(`/edges/${encodeURIComponent(name)}`);
  if (options.output === 'json') printJson(io, { name, removed: true });
  else
    io.out(
      fields(io, [
        ['edge', name],
        ['state', 'removed'],
        ['note', 'a worker that still serves it registers it again'],
      ]),
    );
  return Exit.ok;
}

function edgesTable(io: Io, all: readonly EdgeJson[]): string {
  const now = io.now();
  const shown = table(
    io,
    [
      { head: 'edge', cell: ({ name }) => name },
      {
        head: 'state',
        cell: ({ behind_since: since }) => (since === null ? 'current' : `behind for ${age(since, now)}`),
        colour: ({ behind_since: since }) => (since === null ? 'green' : 'yellow'),
      },
      { head: 'live generation', align: 'right', cell: (edge) => String(edge.live_generation) },
      { head: 'route revision', align: 'right', cell: (edge) => String(edge.live_revision) },
      { head: 'reloads', align: 'right', cell: (edge) => String(edge.reloads) },
      { head: 'routes published', align: 'right', cell: (edge) => String(edge.routes_published) },
    ],
    all,
  );
  const behind = all.filter(({ behind_reason }) => behind_reason !== null);
  const why = fields(
    io,
    behind.map(({ name, behind_reason }) => [name, behind_reason!, 'yellow'] as const),
  );
  return why === '' ? shown : `${shown}\n${why}`;
}
