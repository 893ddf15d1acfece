import { Client } from '../client';
import { connect } from '../connection';
import { Exit } from '../exit';
import type { Io } from '../io';
import { CliProblem } from '../problem';
import { printJson, type CommonOptions } from '../registration';
import type { AllocationJson, Page, ReplicaJson } from '../shapes';
import { table } from '../table';
import { age, count, fields, type Colour } from '../text';

const colours: Readonly<Record<ReplicaJson['state'], Colour | undefined>> = {
  new: 'dim',
  free: 'green',
  allocated: undefined,
  quarantined: 'yellow',
  withdrawn: 'dim',
};

/** `gatewright pool` */
export async function pool(io: Io, options: CommonOptions): Promise<Exit> {
  const client = new Client(connect(io, options));
  const replicas = await list(client);
  const holders = await openAllocations(client);
  const holder = ({ allocation_id }: ReplicaJson): AllocationJson | undefined =>
    allocation_id === null ? undefined : holders.get(allocation_id);
  if (options.output === 'json') {
    printJson(io, { replicas: replicas.map((each) => ({ ...each, allocation: holder(each) ?? null })) });
    return Exit.ok;
  }
  if (replicas.length === 0) io.out('No replicas are registered.\n');
  else {
    io.out(
      table(
        io,
        [
          { head: 'replica', cell: ({ name }) => name },
          { head: 'state', cell: ({ state }) => state, colour: ({ state }) => colours[state] },
          { head: 'address', cell: ({ address }) => address ?? '' },
          { head: 'epoch', align: 'right', cell: ({ epoch }) => String(epoch) },
          { head: 'held by organization', cell: (each) => holder(each)?.organization_id ?? each.allocation_id ?? '' },
          { head: 'since', spare: 1, cell: (each) => (holder(each) ? age(holder(each)!.created_at, io.now()) : '') },
          { head: 'id', spare: 2, cell: ({ id }) => id },
        ],
        replicas,
      ),
    );
    io.out(`\n${summary(replicas)}\n${quarantines(io, replicas)}`);
  }
  return Exit.ok;
}

function summary(replicas: readonly ReplicaJson[]): string {
  const of = (state: ReplicaJson['state']): number => replicas.filter((each) => each.state === state).length;
  const parts = (Object.keys(colours) as ReplicaJson['state'][]).filter((state) => of(state) > 0);
  return `${count(replicas.length, 'replica')}: ${parts.map((state) => `${of(state)} ${state}`).join(', ')}`;
}

function quarantines(io: Io, replicas: readonly ReplicaJson[]): string {
  return replicas
    .filter(({ state }) => state === 'quarantined')
    .map(({ name, quarantined_at, quarantine_reason, allocation_id }) => {
      const since = quarantined_at === null ? '' : ` for ${age(quarantined_at, io.now())}`;
      const back = allocation_id === null ? `gatewright pool readmit ${name}` : undefined;
      const all = [[name, `quarantined${since}: ${quarantine_reason ?? 'no reason was kept'}`, 'yellow'] as const];
      return `\n${fields(io, [...all, ['put it back', back]])}`;
    })
    .join('');
}

/** `gatewright pool readmit ID` */
export async function readmit(io: Io, options: CommonOptions, named: string): Promise<Exit> {
  const client = new Client(connect(io, options));
  const found = (await list(client)).find(({ id, name }) => id === named || name === named);
  if (!found) throw new CliProblem({ title: `There is no replica ${named}`, code: 'NOT_FOUND' }, ['gatewright pool']);
  const { body } = await client.post<ReplicaJson>(`/gateways/replicas/${found.id}/readmit`);
  if (options.output === 'json') printJson(io, body);
  else
    io.out(
      fields(io, [
        ['replica', body.name],
        ['state', body.state, colours[body.state]],
      ]),
    );
  return Exit.ok;
}

async function list(client: Client): Promise<ReplicaJson[]> {
  const { replicas } = await client.get<{ replicas: ReplicaJson[] }>('/gateways/replicas');
  return replicas.sort((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }));
}

async function openAllocations(client: Client): Promise<ReadonlyMap<string, AllocationJson>> {
  const held = new Map<string, AllocationJson>();
  let token: string | undefined;
  do {
    const query = { open: 'true', page_size: '100', page_token: token };
    const page = await client.get<Page & { allocations: AllocationJson[] }>('/gateways/allocations', query);
    for (const each of page.allocations) held.set(each.id, each);
    token = page.next_page_token ?? undefined;
  } while (token !== undefined);
  return held;
}
