// PlanetScale's TypeScript SDK in a process of its own, as it is published: one call a line, one answer a line.
//   node client.mjs <address of the API> <token id> <token> <organization>
import { createInterface } from 'node:readline';
import * as operations from '@distilled.cloud/planetscale/Operations';
import { Credentials } from '@distilled.cloud/planetscale/Credentials';
import { Effect, Layer, Redacted } from 'effect';
import * as FetchHttpClient from 'effect/unstable/http/FetchHttpClient';

const [apiBaseUrl, tokenId, token, organization] = process.argv.slice(2);
const credentials = { tokenId: Redacted.make(tokenId), token: Redacted.make(token), organization, apiBaseUrl };
const layer = Layer.mergeAll(FetchHttpClient.layer, Layer.succeed(Credentials, Effect.succeed(credentials)));

/** What the SDK hides from logs, in plain. */
function revealed(value) {
  if (Redacted.isRedacted(value)) return Redacted.value(value);
  if (Array.isArray(value)) return value.map(revealed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, revealed(member)]));
}

async function answer({ id, operation, input }) {
  const call = operations[operation];
  if (typeof call !== 'function') return { id, unknown: operation };
  const outcome = await Effect.runPromise(
    call(input).pipe(
      Effect.provide(layer),
      Effect.map((value) => ({ id, value: revealed(value) ?? null })),
      Effect.catchCause((cause) => Effect.succeed({ id, error: errorOf(cause) })),
    ),
  );
  return outcome;
}

/** The SDK's own name of an error, its message, and why an answer could not be read. */
function errorOf(cause) {
  const reason = cause.reasons?.[0] ?? cause;
  const error = reason.error ?? reason.defect ?? reason;
  return {
    tag: error._tag ?? error.name ?? 'Unknown',
    message: String(error.message ?? ''),
    cause: error.cause === undefined ? null : String(error.cause),
  };
}

for await (const line of createInterface({ input: process.stdin }))
  process.stdout.write(`${JSON.stringify(await answer(JSON.parse(line)))}\n`);
