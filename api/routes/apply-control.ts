import { randomUUID } from 'node:crypto';
import type { FailureCode } from '../../domain/failures';
import { token, type Caller } from '../access';
import type { Deps } from '../deps';
import { answerOnce, idempotencyHeader } from '../idempotency';
import { ApplyControl } from '../rollout/control';
import { RolloutLookup, type ApplyFound } from '../rollout/lookup';
import { applyKey, databaseName, verbBodies } from '../rollout/bodies';
import { applySchema, releasedSchema, startedSchema, stoppedSchema } from '../rollout/schemas';
import { ApplyVerb } from '../rollout/verbs';
import { ok, route, type Route } from '../route';
import { uuid } from '../schemas';
import { z } from '../zod';

const params = z.strictObject({ org: uuid, db: databaseName, id: applyKey });
const usual: readonly FailureCode[] = [
  'STATE_CONFLICT',
  'IDEMPOTENCY_KEY_REUSED',
  'IDEMPOTENCY_KEY_IN_FLIGHT',
  'ENGINE_UNAVAILABLE',
  'STORE_UNAVAILABLE',
];

/** What a verb's route is made of. */
interface Verb<B extends z.ZodType> {
  readonly verb: ApplyVerb;
  readonly operationId: string;
  readonly summary: string;
  readonly description?: string;
  readonly body: B;
  readonly scope?: 'operate' | 'admin';
  readonly schema?: z.ZodType;
  readonly failures?: readonly FailureCode[];
  readonly work: (found: ApplyFound, body: z.infer<B>, caller: Caller) => Promise<object>;
}

/** What people do with rollouts. */
export function applyControlRoutes(deps: Deps): Route[] {
  const lookup = new RolloutLookup(deps);
  const control = (): ApplyControl => new ApplyControl(deps);

  const does = <B extends z.ZodType>({ verb, work, ...spec }: Verb<B>): Route =>
    route({
      method: 'post',
      path: `/v1/organizations/{org}/databases/{db}/applies/{id}/${verb}`,
      operationId: spec.operationId,
      tag: 'rollouts',
      summary: spec.summary,
      ...(spec.description !== undefined && { description: spec.description }),
      access: token(spec.scope ?? 'operate'),
      params,
      headers: z.object(idempotencyHeader),
      body: spec.body,
      answers: {
        200: {
          description: 'It was taken in; the rollout as it is then.',
          schema: spec.schema ?? applySchema,
          headers: { ETag: 'Its resource version.' },
        },
      },
      failures: [...usual, ...(spec.failures ?? [])],
      async handle({ caller, params: { id, ...at }, headers, body }) {
        const found = await lookup.apply(caller, at, id);
        const { organizationId } = found.apply;
        const asked = { apply: found.apply.id, verb, body: body ?? {} };
        const keyed = { caller, key: headers['Idempotency-Key'], route: `POST applies/${verb}`, organizationId };
        return await answerOnce(deps, { ...keyed, body: asked, subject: randomUUID() }, async () => {
          const view = await work(found, body, caller);
          return ok(view, { ETag: `"${(view as { resource_version: number }).resource_version}"` });
        });
      },
    });
  const by = ({ label }: Caller): { readonly by: string } => ({ by: label });

  return [
    does({
      verb: ApplyVerb.stop,
      operationId: 'stopApply',
      summary: 'Let what is not live rest as it is, until somebody starts it again',
      body: verbBodies.stop,
      schema: stoppedSchema,
      work: (found, _, caller) => control().stop(found, by(caller)),
    }),
    does({
      verb: ApplyVerb.start,
      operationId: 'startApply',
      summary: 'Let what was stopped go on from where it was',
      body: verbBodies.start,
      schema: startedSchema,
      work: (found, _, caller) => control().start(found, by(caller)),
    }),
    does({
      verb: ApplyVerb.pause,
      operationId: 'pauseApply',
      summary: 'Let nothing else begin; what has begun goes on',
      body: verbBodies.pause,
      work: (found, _, caller) => control().pause(found, by(caller)),
    }),
    does({
      verb: ApplyVerb.release,
      operationId: 'releaseApply',
      summary: 'End a pause, and let those behind a failure go on that wait for somebody',
      body: verbBodies.release,
      schema: releasedSchema,
      work: (found, _, caller) => control().release(found, by(caller)),
    }),
    does({
      verb: ApplyVerb.cutover,
      operationId: 'cutOverApply',
      summary: 'Say that it may cut over; deployments still do so in their order',
      body: verbBodies.cutover,
      work: (found, body, caller) => control().cutOver(found, by(caller), body?.force ?? false),
    }),
    does({
      verb: ApplyVerb.cancel,
      operationId: 'cancelApply',
      summary: 'Take back whatever is not live; what is live stays',
      body: verbBodies.cancel,
      work: (found, _, caller) => control().cancel(found, by(caller)),
    }),
    does({
      verb: ApplyVerb.revert,
      operationId: 'revertApply',
      summary: 'Take back what is live, too, the last deployment first, with everything written since',
      body: verbBodies.revert,
      failures: ['REVERT_LOSES'],
      work: (found, body, caller) =>
        control().revert(found, { ...by(caller), acceptLosses: body?.accept_losses ?? false }),
    }),
    does({
      verb: ApplyVerb.skipRevert,
      operationId: 'skipRevertOfApply',
      summary: 'End the time for a revert now',
      body: verbBodies['skip-revert'],
      work: (found, _, caller) => control().skipRevert(found, by(caller)),
    }),
    does({
      verb: ApplyVerb.volume,
      operationId: 'setVolumeOfApply',
      summary: 'Set how fast it copies',
      body: verbBodies.volume,
      work: (found, { volume }, caller) => control().volume(found, volume, caller.label),
    }),
    does({
      verb: ApplyVerb.override,
      operationId: 'overrideGateOfApply',
      summary: 'Open the gate of an environment in spite of its reason',
      body: verbBodies.override,
      scope: 'admin',
      work: (found, body, caller) => control().override(found, { ...by(caller), ...body }),
    }),
    does({
      verb: ApplyVerb.retry,
      operationId: 'retryApply',
      summary: 'Give what failed a fresh budget of attempts',
      body: verbBodies.retry,
      work: (found, body, caller) => {
        const operationId = body?.operation_id;
        return control().retry(found, { ...by(caller), ...(operationId !== undefined && { operationId }) });
      },
    }),
  ];
}
