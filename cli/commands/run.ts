import { Client } from '../client';
import { connect } from '../connection';
import { Exit, exitOf } from '../exit';
import { followRun } from '../follow';
import { follower } from '../follow-view';
import type { Io } from '../io';
import { printJson, type CommonOptions } from '../registration';
import { endText, runText } from '../run-text';
import type { RunDetailJson } from '../shapes';
import { fields, paint, words } from '../text';

export interface RunOptions extends CommonOptions {
  readonly follow?: boolean;
  readonly attempts?: boolean;
}

/** `gatewright run ID` */
export async function show(io: Io, options: RunOptions, id: string): Promise<Exit> {
  const client = new Client(connect(io, options));
  const json = options.output === 'json';
  if (!options.follow) {
    const run = await client.get<RunDetailJson>(`/runs/${id}`);
    if (json) printJson(io, run);
    else io.out(runText(io, run, options));
    return exitOf(run.state);
  }
  const view = await follower(io, client, id, json ? 'json' : 'text');
  if (!json) io.out(`${paint(io, 'dim', id)}\n\n`);
  const run = await followRun(io, client, id, view);
  if (json) printJson(io, { type: 'end', run_id: run.id, state: run.state });
  else io.out(`\n${endText(io, run)}`);
  return exitOf(run.state);
}

/** `gatewright cancel RUN` */
export async function cancel(io: Io, options: CommonOptions, id: string): Promise<Exit> {
  const client = new Client(connect(io, options));
  const { body } = await client.post<Pick<RunDetailJson, 'id' | 'state'>>(`/runs/${id}/cancel`);
  if (options.output === 'json') printJson(io, body);
  else {
    const state = body.state === 'running' ? 'being cancelled' : words(body.state);
    io.out(
      fields(io, [
        ['run', body.id],
        ['state', state, 'yellow'],
        ['follow it', `gatewright run ${body.id} --follow`],
      ]),
    );
  }
  return Exit.ok;
}
