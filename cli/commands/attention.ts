import { Client } from '../client';
import { connect } from '../connection';
import { Exit } from '../exit';
import type { Io } from '../io';
import { printJson, type CommonOptions } from '../registration';
import { stateColour } from '../run-text';
import type { AttentionJson, LiveRunJson } from '../shapes';
import { age, fields, moment, paint, words } from '../text';

export interface AttentionOptions extends CommonOptions {
  readonly organization?: string;
  readonly limit: number;
}

/** `gatewright attention` */
export async function attention(io: Io, options: AttentionOptions): Promise<Exit> {
  const client = new Client(connect(io, options));
  const query = { organization: options.organization, page_size: String(Math.min(100, options.limit)) };
  const { items } = await client.get<{ items: AttentionJson[] }>('/attention', query);
  if (options.output === 'json') printJson(io, { items });
  else if (items.length === 0) io.out('Nothing waits for a person.\n');
  else io.out(items.map((item) => itemText(io, item)).join('\n'));
  return items.length === 0 ? Exit.ok : Exit.needsAttention;
}

function itemText(io: Io, item: AttentionJson): string {
  const critical = item.severity === 'critical';
  const decide = (action: string): string => `gatewright resolve ${item.run_id} ${item.step} ${action} --reason "..."`;
  const since = `stuck for ${age(item.since, io.now())}${critical ? ', critical' : ''}`;
  const head = `${paint(io, 'bold', item.step)} of ${item.kind}  ${paint(io, critical ? 'red' : 'yellow', since)}\n`;
  return `${head}${fields(
    io,
    [
      ['run', item.run_id],
      ['organization', item.organization_id],
      ['since', moment(item.since)],
      ['why', `${item.why.code}  ${item.why.message}`, 'yellow'],
      ['do', item.what_to_do],
      ['skip leaves', item.skip_leaves ?? undefined],
      ...item.allowed.map((action) => [action, decide(action)] as const),
    ],
    2,
  )}`;
}

export interface ResolveOptions extends CommonOptions {
  readonly reason: string;
}

/** `gatewright resolve RUN STEP retry|skip --reason "..."` */
export async function resolve(
  io: Io,
  options: ResolveOptions,
  id: string,
  step: string,
  action: string,
): Promise<Exit> {
  const client = new Client(connect(io, options));
  const path = `/runs/${id}/steps/${step}/resolve`;
  const { body } = await client.post<LiveRunJson>(path, { body: { action, reason: options.reason } });
  if (options.output === 'json') printJson(io, body);
  else {
    const decided = body.steps.find(({ name }) => name === step)?.resolutions.at(-1);
    io.out(
      fields(io, [
        ['step', `${step}: ${action === 'retry' ? 'its undo is tried again' : 'skipped'}`],
        ['by', decided?.by],
        ['run', body.id],
        ['state', words(body.state), stateColour(body.state)],
        ['follow it', `gatewright run ${body.id} --follow`],
      ]),
    );
  }
  return Exit.ok;
}
