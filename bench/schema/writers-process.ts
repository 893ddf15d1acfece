import { setTimeout as sleep } from 'node:timers/promises';
import { serve } from './child';
import { openTable, type Table } from './table';
import { Writer } from './writer';
import type { Audit, Written, WritersSpec } from './writers';

let spec: WritersSpec;
let reader: Table;
let writers: readonly Writer[] = [];
let writing: Promise<unknown> = Promise.resolve();

async function audit(): Promise<Audit> {
  for (const writer of writers) writer.stop();
  await writing;
  const expected = new Map(writers.flatMap(({ rows }) => [...rows]));
  const wrong = writers.flatMap((writer) => writer.missed);
  const { written, count, untouched, spoilt } = await reader.contents();
  for (const [id, value] of expected)
    if ((written.get(id) ?? null) !== value) wrong.push(`${id} is ${written.get(id)}, not ${value}`);
  for (const [id, value] of written) if (!expected.has(id)) wrong.push(`${id} is ${value}, which nobody wrote`);
  const there = [...expected.values()].filter((value) => value !== null).length;
  const begun = [...expected.keys()].filter((id) => id <= spec.rows).length;
  if (count !== spec.rows - begun + there) wrong.push(`${count} rows, not ${spec.rows - begun + there}`);
  if (spoilt > 0) wrong.push(`${spoilt} of ${untouched} rows that nobody wrote to are not what they were`);
  reader.close();
  return { checked: expected.size + untouched, wrongCount: wrong.length, wrong: wrong.slice(0, 10) };
}

serve({
  start: async (given: WritersSpec) => {
    spec = given;
    reader = await openTable(spec.target);
    const { count } = spec;
    writers = await Promise.all(
      Array.from({ length: count }, async (_, n) => new Writer(await openTable(spec.target), { ...spec, n })),
    );
    writing = Promise.all(writers.map(async (writer) => await writer.run()));
    await Promise.race([writing, sleep(100)]);
  },
  take: async (): Promise<Omit<Written, 'seconds'>> => {
    const taken = writers.map((writer) => writer.take());
    return await Promise.resolve({
      latencies: taken.flatMap(({ latencies }) => latencies),
      refused: taken.reduce((sum, { refused }) => sum + refused, 0),
    });
  },
  audit,
});
