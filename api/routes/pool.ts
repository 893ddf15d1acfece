import { Failure } from '../../domain/failures';
import { unboundToken } from '../access';
import type { Deps } from '../deps';
import { ifMatchHeader, namedVersion, onNamedVersion } from '../if-match';
import { ok, route, type Route } from '../route';
import { edgeName, edgeSchema, replicaSchema, uuid } from '../schemas';
import { edgeView, replicaView } from '../views';
import { z } from '../zod';

/** The pool of replicas and the edges: things of no organization. */
export function poolRoutes({ store }: Deps): Route[] {
  const replicas = route({
    method: 'get',
    path: '/gateways/replicas',
    operationId: 'listReplicas',
    tag: 'replicas',
    summary: 'List the replicas of the pool',
    access: unboundToken('read'),
    answers: {
      200: {
        description: 'All replicas.',
        schema: z.object({ replicas: z.array(replicaSchema) }).openapi('ReplicaList'),
      },
    },
    failures: ['STORE_UNAVAILABLE'],
    handle: async () => ok({ replicas: (await store.pool.replicas()).map(replicaView) }),
  });

  const readmit = route({
    method: 'post',
    path: '/gateways/replicas/{id}/readmit',
    operationId: 'readmitReplica',
    tag: 'replicas',
    summary: 'Put a quarantined replica back into the pool',
    access: unboundToken('admin'),
    params: z.strictObject({ id: uuid }),
    headers: z.object(ifMatchHeader),
    answers: {
      200: { description: 'The replica.', schema: replicaSchema, headers: { ETag: 'Its resource version.' } },
    },
    failures: ['NOT_FOUND', 'STATE_CONFLICT', 'PRECONDITION_FAILED', 'CONFLICT', 'STORE_UNAVAILABLE'],
    async handle({ params, headers }) {
      const version = namedVersion(headers['If-Match']);
      const readmitted = await onNamedVersion(version, () => store.pool.readmit(params.id, version));
      return ok(replicaView(readmitted), { ETag: `"${readmitted.resourceVersion}"` });
    },
  });

  const edges = route({
    method: 'get',
    path: '/edges',
    operationId: 'listEdges',
    tag: 'edges',
    summary: 'List the edges and what each carries',
    access: unboundToken('read'),
    answers: {
      200: { description: 'All edges.', schema: z.object({ edges: z.array(edgeSchema) }).openapi('EdgeList') },
    },
    failures: ['STORE_UNAVAILABLE'],
    handle: async () => ok({ edges: (await store.edges.list()).map(edgeView) }),
  });

  const remove = route({
    method: 'delete',
    path: '/edges/{name}',
    operationId: 'deleteEdge',
    tag: 'edges',
    summary: 'Take out an edge that is gone for good',
    description:
      'No removal of a route waits for it any more. A worker that still serves the edge registers it again within a second: take it out of the workers’ settings first, and make sure that its nginx does not run.',
    access: unboundToken('admin'),
    params: z.strictObject({ name: edgeName }),
    answers: { 204: { description: 'It is gone.' } },
    failures: ['NOT_FOUND', 'STORE_UNAVAILABLE'],
    async handle({ params }) {
      if (await store.edges.remove(params.name)) return { status: 204 };
      throw new Failure('NOT_FOUND', 'There is no such edge.');
    },
  });
  return [replicas, readmit, edges, remove];
}
