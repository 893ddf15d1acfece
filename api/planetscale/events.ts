import { setTimeout as sleep } from 'node:timers/promises';
import { holdsPlace, isTerminal } from '../../domain/deploy/states';
import type { Deps } from '../deps';
import { isUsable } from '../access';
import { abortWith } from '../signals';
import { EventStream } from '../sse';
import { reads, streamed, type Call } from './call';
import { Lookup } from './lookup';
import { requestView } from './views/request';
import { LOOK_EVERY_MS } from './waiting';

const path = '/organizations/{organization}/databases/{database}/deploy-requests/{number}/events';

/** Milliseconds between looks whether the token of a listener is still good. */
const TOKEN_MS = 5_000;

/** Ours: a request as server-sent events, each time that something of it has changed, until it has ended. */
export function eventsCall(deps: Deps): Call {
  const lookup = new Lookup(deps);
  return reads('get', path, {}, async (called) => {
    const { caller, res, base } = called;
    let { database, request } = await lookup.request(called);
    const give = deps.streams.take(caller.id);
    const stop = new AbortController();
    const leave = abortWith(stop, called.gone, deps.closing);
    const stream = new EventStream(res, deps.limits.heartbeatMs);
    try {
      let [last, looked] = ['', Date.now()];
      while (!stop.signal.aborted) {
        const [shown] = await lookup.shown(database, [request]);
        const view = requestView(shown!, base);
        const text = JSON.stringify(view);
        if (text !== last) await stream.send('deploy_request', view);
        last = text;
        const { state } = request.deployment;
        if (isTerminal(state) && !holdsPlace(state)) break;
        await sleep(LOOK_EVERY_MS, undefined, { signal: stop.signal }).catch(() => undefined);
        if (Date.now() - looked > TOKEN_MS) {
          const token = await deps.store.tokens.find(caller.id);
          if (!token || !isUsable(token, deps.now())) break;
          looked = Date.now();
        }
        ({ database, request } = await lookup.request(called));
      }
    } catch (error) {
      // The answer has begun: who listens sees it end, and asks again.
      deps.log.debug({ err: error }, 'a stream of a deploy request has ended');
    } finally {
      leave();
      give();
      stream.end();
    }
    return streamed;
  });
}
