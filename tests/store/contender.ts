import { isFailure } from '../../domain/failures';
import { openDatabase, storeOn } from '../../prisma/open';
import { sandbox } from './sandbox';

/*
 * One of several processes at work on one database: `contender.ts URL NAME ROUNDS`. Each round adds to a shared row,
 * journals an attempt, writes a route, and allocates and releases a replica. Prints what it did as JSON.
 */

async function main(url: string, name: string, rounds: number): Promise<void> {
  const database = openDatabase(url);
  const store = storeOn(database);
  const { rows } = sandbox(database);
  const versions: number[] = [];
  let taken = 0;
  for (let round = 0; round < rounds; round++) {
    const id = `${name}-${round}`;
    versions.push(
      await untilItLands(() =>
        rows.update({ id: 'shared' }, ({ address }) => ({ address: String(Number(address) + 1) })),
      ),
    );
    const entry = {
      at: new Date().toISOString(),
      runId: id,
      organizationId: id,
      kind: 'gateway.start',
      step: 's',
      activity: 'a',
      activityId: 'a',
    };
    await store.journal.append({ ...entry, type: 'attempt.started', phase: 'do', attempt: 1, worker: name });
    await store.routes.write({ allocationId: id, hostname: `${id}.test`, address: '127.0.2.1:80' });
    const hold = { allocationId: id, organizationId: id, hostname: `${id}.test`, runId: id };
    await store.pool.allocate(hold);
    taken++;
    await store.pool.release(hold);
    await store.journal.append({
      ...entry,
      type: 'attempt.ended',
      phase: 'do',
      attempt: 1,
      worker: name,
      outcome: 'succeeded',
    });
  }
  await store.close();
  process.stdout.write(JSON.stringify({ versions, taken }));
}

async function untilItLands(change: () => Promise<{ resourceVersion: number }>): Promise<number> {
  for (;;) {
    try {
      return (await change()).resourceVersion;
    } catch (error) {
      if (!isFailure(error) || error.code !== 'CONFLICT') throw error;
    }
  }
}

void main(process.argv[2]!, process.argv[3]!, Number(process.argv[4]));
