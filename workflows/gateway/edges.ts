import { ApplicationFailure, isCancellation, type TemporalFailure } from '@temporalio/workflow';
import type { Published } from '../../activities/gateway/activities';
import type { FailureCode } from '../../domain/failures';
import { failureView, isRunFailure } from '../saga/failure';
import type { GatewayProxies } from './activities';

/** Which edges have to carry the route changes up to a revision. */
export interface Publication {
  readonly edges: readonly string[];
  readonly revision: number;
}

/**
 * Makes a new route live on the edges. An edge that cannot be reached or does not come round in its time is noted as
 * behind and made right later by its own worker; the start fails only when no edge carries the route.
 * @returns the edges that are behind.
 * @throws the first edge's failure, when every edge failed.
 */
export async function publishRoute(act: GatewayProxies, { edges, revision }: Publication): Promise<string[]> {
  const results = await Promise.all(edges.map((edge) => settle(act.edge(edge).publish({ edge, revision }))));
  if (results.some((result) => 'published' in result && result.published.state === 'live')) {
    const behind = results.flatMap((result, i) =>
      'error' in result ? [{ edge: edges[i]!, error: result.error }] : [],
    );
    await Promise.all(
      behind.map(({ edge, error }) => act.store.noteEdgeBehind({ edge, reason: failureView(error).message })),
    );
    return behind.map(({ edge }) => edge);
  }
  throw failed(results) ?? notLive('no edge is up', edges);
}

/**
 * Makes a removal live. Every edge has to prove it: that it serves a generation without the route, or that it is down
 * and will come up with one. What cannot be proven fails, since the replica must not be given to anybody else.
 */
export async function publishRemoval(act: GatewayProxies, { edges, revision }: Publication): Promise<void> {
  const results = await Promise.all(edges.map((edge) => settle(act.edgeUndo(edge).publish({ edge, revision }))));
  const error = failed(results);
  if (error) throw error;
}

type Settled = { readonly published: Published } | { readonly error: TemporalFailure };

/** All edges are waited for, so that no publication of this run is under way any more when it goes on. */
async function settle(publication: Promise<Published>): Promise<Settled> {
  try {
    return { published: await publication };
  } catch (error) {
    if (!isRunFailure(error)) throw error;
    return { error };
  }
}

function failed(results: readonly Settled[]): TemporalFailure | undefined {
  const errors = results.flatMap((result) => ('error' in result ? [result.error] : []));
  return errors.find(isCancellation) ?? errors[0];
}

function notLive(reason: string, edges: readonly string[]): ApplicationFailure {
  const code: FailureCode = 'EDGE_NOT_LIVE';
  return ApplicationFailure.nonRetryable(`${reason}: ${edges.join(', ') || 'none is registered'}`, code);
}
