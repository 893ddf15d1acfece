import { abortWith } from '../api/signals';
import type { DeploymentState } from '../domain/deploy/states';
import { isTerminal } from '../domain/deploy/states';
import type { DeployApi } from './deploy-api';
import type { Awaited } from './deploy-outcome';
import { wanted } from './deploy-outcome';
import type { DeployRequestJson } from './deploy-shapes';
import type { RequestView } from './deploy-view';
import { followStream } from './event-stream';
import type { Io } from './io';
import { notFollowed } from './problem';

/** What is followed, and until when. */
export interface Following {
  readonly api: DeployApi;
  readonly database: string;
  readonly number: number;
  readonly command: Awaited;
  readonly view: RequestView;
  /** What it was when it was asked for; undefined where nothing was. */
  readonly from?: DeploymentState | undefined;
}

/**
 * Follows a deploy request until what the command was for has come, or something that it does not come after.
 * @returns the request as it then is.
 * @throws CliProblem; {@link notFollowed} after Ctrl-C, which leaves everything alone.
 */
export async function followRequest(io: Io, following: Following): Promise<DeployRequestJson> {
  const { api, database, number, command, view, from } = following;
  const left = new AbortController();
  const forget = abortWith(left, io.interrupted());
  let last = from;
  try {
    const stream = followStream(api.client, api.request(database, number, 'events'), {
      signal: left.signal,
      onConnection: (up) => view.connection(up),
    });
    for await (const { event, data } of stream) {
      if (event !== 'deploy_request') continue;
      const request = JSON.parse(data) as DeployRequestJson;
      view.show(request);
      if (isOver(command, request, last)) return request;
      last = request.deployment_state;
    }
  } finally {
    forget();
    left.abort();
    view.close();
  }
  throw notFollowed([`gatewright deploy watch ${database} ${number}`, `gatewright deploy get ${database} ${number}`]);
}

/** Whether a command has what it waited for, or waits in vain. */
function isOver(
  command: Awaited,
  { deployment_state: state, deployment }: DeployRequestJson,
  last: DeploymentState | undefined,
): boolean {
  if (isTerminal(state)) return true;
  // Held up: the locks were not to be had, or it would lose something. Over several deployments it comes by here, too,
  // but after the copy of the next.
  if (command === 'apply' && state === 'pending_cutover') return last === 'in_progress_cutover';
  if (command === 'revert' && state === 'complete_pending_revert') return last === 'in_progress_revert';
  // One that applies itself tries again by itself.
  if (command === 'start' && state === 'pending_cutover') return !deployment.auto_cutover;
  return (wanted[command] as readonly DeploymentState[]).includes(state);
}
