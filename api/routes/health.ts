import { Failure } from '../../domain/failures';
import { open } from '../access';
import type { Deps } from '../deps';
import { ok, route, type Route } from '../route';
import { z } from '../zod';

const component = z.object({ name: z.enum(['store', 'temporal', 'workers']), ready: z.boolean(), detail: z.string() });

/** Milliseconds that a component may take to say that it is there. */
const PROBE_MS = 2_000;

/** `/healthz`, `/readyz` and `/metrics`: for supervisors, and open to whoever reaches the port. */
export function healthRoutes(deps: Deps): Route[] {
  let probing: Promise<z.infer<typeof component>[]> | undefined;
  const health = route({
    method: 'get',
    path: '/healthz',
    operationId: 'health',
    tag: 'operation',
    summary: 'Whether this process runs',
    access: open,
    answers: { 200: { description: 'It does.', schema: z.object({ status: z.literal('ok') }) } },
    failures: [],
    handle: () => Promise.resolve(ok({ status: 'ok' })),
  });

  const ready = route({
    method: 'get',
    path: '/readyz',
    operationId: 'readiness',
    tag: 'operation',
    summary: 'Whether everything that a start needs answers, component by component',
    access: open,
    answers: {
      200: {
        description: 'It does.',
        schema: z.object({ status: z.literal('ready'), components: z.array(component) }).openapi('Readiness'),
      },
    },
    failures: ['NOT_READY'],
    async handle() {
      // Probes that come at once share one look.
      probing ??= probe(deps).finally(() => (probing = undefined));
      const components = await probing;
      if (components.every((each) => each.ready)) return ok({ status: 'ready', components });
      throw new Failure('NOT_READY', undefined, { data: { components } });
    },
  });

  const metrics = route({
    method: 'get',
    path: '/metrics',
    operationId: 'metrics',
    tag: 'operation',
    summary: 'Numbers for Prometheus',
    access: open,
    answers: {
      200: { description: 'Prometheus text format.', schema: z.string(), contentType: 'text/plain' },
    },
    failures: [],
    handle: async () => ok(await deps.metrics.text(), { 'Content-Type': deps.metrics.contentType }),
  });
  return [health, ready, metrics];
}

async function probe({ store, engine }: Deps): Promise<z.infer<typeof component>[]> {
  const workers = within(engine.workers());
  const [storeAnswer, workerCount] = await Promise.all([within(store.ping()), workers]);
  const polling = workerCount.ok && workerCount.value > 0;
  return [
    { name: 'store', ready: storeAnswer.ok, detail: storeAnswer.ok ? 'answers' : 'does not answer' },
    { name: 'temporal', ready: workerCount.ok, detail: workerCount.ok ? 'answers' : 'does not answer' },
    {
      name: 'workers',
      ready: polling,
      detail: workerCount.ok ? `${workerCount.value} polling` : 'not known while Temporal does not answer',
    },
  ];
}

async function within<T>(answer: Promise<T>): Promise<{ ok: true; value: T } | { ok: false }> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<{ ok: false }>((resolve) => (timer = setTimeout(() => resolve({ ok: false }), PROBE_MS)));
  const answered = answer.then(
    (value) => ({ ok: true as const, value }),
    () => ({ ok: false as const }),
  );
  return await Promise.race([answered, late]).finally(() => clearTimeout(timer));
}
