import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { readHistory, replayHistories, type Replayed, type RunHistory } from '../../worker/replay';

const directory = join(__dirname, 'histories');
const kept = readdirSync(directory)
  .filter((name) => name.endsWith('.json'))
  .map((name) => ({ name: basename(name, '.json'), text: readFileSync(join(directory, name), 'utf8') }));

async function replayed(...histories: RunHistory[]): Promise<Replayed[]> {
  const results: Replayed[] = [];
  for await (const result of replayHistories(histories)) results.push(result);
  return results;
}

test('there are histories to replay', () => {
  expect(kept.length).toBeGreaterThan(0);
});

// One worker for all: making one takes longer than replaying.
test('the present code does what every kept history says', async () => {
  const results = await replayed(...kept.map(({ name, text }) => ({ ...readHistory(text, name), workflowId: name })));
  expect(results.map(({ workflowId }) => workflowId)).toEqual(kept.map(({ name }) => name));
  expect(results.filter(({ difference }) => difference !== undefined)).toEqual([]);
  for (const { events } of results) expect(events).toBeGreaterThan(3);
}, 120_000);

test('a history that the present code would not have made is told with its event', async () => {
  const changed = kept.flatMap(({ name, text }) => {
    const document = JSON.parse(text) as { events: Record<string, { activityType?: { name: string } }>[] };
    const scheduled = document.events.find((event) => event['activityTaskScheduledEventAttributes']);
    const attributes = scheduled?.['activityTaskScheduledEventAttributes'];
    if (!attributes?.activityType) return [];
    attributes.activityType.name = 'another';
    const id = Number(scheduled!['eventId']);
    return [{ id, history: { ...readHistory(JSON.stringify(document), name), workflowId: name } }];
  })[0]!;
  const [result] = await replayed(changed.history);
  expect(result!.difference).toEqual({
    eventId: changed.id,
    eventType: 'ActivityTaskScheduled',
    message: expect.stringMatching(/TMPRL1100.*'another'/) as string,
  });
}, 120_000);
