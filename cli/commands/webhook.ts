import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Client } from '../client';
import { connect } from '../connection';
import { Exit } from '../exit';
import type { Io } from '../io';
import { CliProblem } from '../problem';
import { printJson, type CommonOptions } from '../registration';
import type { DeliveryJson, WebhookJson } from '../shapes';
import { table } from '../table';
import { ago, fields, type Colour } from '../text';

export interface AddOptions extends CommonOptions {
  readonly secretFile?: string;
  readonly event?: readonly string[];
  readonly organization?: string;
}
export interface DeliveriesOptions extends CommonOptions {
  readonly limit: number;
}

/** `gatewright webhook add URL` */
export async function add(io: Io, options: AddOptions, url: string): Promise<Exit> {
  const secret = options.secretFile === undefined ? randomBytes(32).toString('hex') : readSecret(options.secretFile);
  const client = new Client(connect(io, options));
  const { body } = await client.post<WebhookJson>('/webhooks', {
    body: {
      ...{ url, secret },
      ...(options.event && { events: options.event }),
      ...(options.organization !== undefined && { organization_id: options.organization }),
    },
  });
  const made = options.secretFile === undefined;
  if (options.output === 'json') printJson(io, { ...body, ...(made && { secret }) });
  else {
    io.err(
      fields(io, [
        ['webhook', body.id],
        ['url', body.url],
        ['events', body.events.join(', ')],
        ['organization', body.organization_id ?? 'all'],
        ['secret', made ? 'signs its deliveries; to be seen only this once' : undefined],
      ]),
    );
    if (made) io.out(`${secret}\n`);
  }
  return Exit.ok;
}

function readSecret(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    const detail = `${file}: ${(error as NodeJS.ErrnoException).code}`;
    throw new CliProblem({ title: 'The secret file cannot be read', code: 'NO_SECRET', detail });
  }
}

/** `gatewright webhook list` */
export async function list(io: Io, options: CommonOptions): Promise<Exit> {
  const { webhooks } = await new Client(connect(io, options)).get<{ webhooks: WebhookJson[] }>('/webhooks');
  if (options.output === 'json') printJson(io, { webhooks });
  else if (webhooks.length === 0) io.out('No webhooks.\n');
  else
    io.out(
      table(
        io,
        [
          { head: 'webhook', cell: ({ id }) => id },
          { head: 'url', cell: ({ url }) => url },
          { head: 'events', spare: 1, cell: ({ events }) => events.join(', ') },
          { head: 'organization', spare: 2, cell: (each) => each.organization_id ?? 'all' },
          { head: 'state', cell: (each) => (each.disabled_at === null ? '' : 'disabled'), colour: () => 'yellow' },
        ],
        webhooks,
      ),
    );
  return Exit.ok;
}

/** `gatewright webhook remove ID` */
export async function remove(io: Io, options: CommonOptions, id: string): Promise<Exit> {
  await new Client(connect(io, options)).delete(`/webhooks/${id}`);
  if (options.output === 'json') printJson(io, { id, removed: true });
  else
    io.out(
      fields(io, [
        ['webhook', id],
        ['state', 'removed'],
      ]),
    );
  return Exit.ok;
}

const colours: Readonly<Record<DeliveryJson['state'], Colour | undefined>> = {
  pending: undefined,
  delivered: 'green',
  failed: 'red',
};

/** `gatewright webhook deliveries ID` */
export async function deliveries(io: Io, options: DeliveriesOptions, id: string): Promise<Exit> {
  const client = new Client(connect(io, options));
  const query = { page_size: String(Math.min(100, options.limit)) };
  const { deliveries: all } = await client.get<{ deliveries: DeliveryJson[] }>(`/webhooks/${id}/deliveries`, query);
  const now = io.now();
  const next = ({ next_attempt_at: at, state }: DeliveryJson): string =>
    state === 'pending' && at !== null ? ago(at, now) : '';
  if (options.output === 'json') printJson(io, { deliveries: all });
  else if (all.length === 0) io.out('Nothing has been delivered or waits to be.\n');
  else
    io.out(
      table(
        io,
        [
          { head: 'began', cell: (each) => ago(each.created_at, now) },
          { head: 'event', cell: ({ event }) => event },
          { head: 'state', cell: ({ state }) => state, colour: ({ state }) => colours[state] },
          { head: 'attempts', align: 'right', cell: ({ attempts }) => String(attempts) },
          {
            head: 'status',
            align: 'right',
            cell: (each) => (each.last_status === null ? '' : String(each.last_status)),
          },
          { head: 'next', spare: 1, cell: next },
          { head: 'run', spare: 2, cell: ({ run_id }) => run_id },
          { head: 'error', spare: 3, cell: ({ last_error }) => last_error ?? '' },
        ],
        all,
      ),
    );
  return Exit.ok;
}
