import type { Row } from '../figures';
import { writes, type Rig } from './rig';
import type { Peer } from './server';

/** What else there is for the same change, on the same rows, without and with the same writers. */
export async function benchPeers(rig: Rig): Promise<Row[]> {
  const { server, plan } = rig;
  const group = `${server.name}: the same by other means, ${plan.rows} rows`;
  const rows: Row[] = [];
  for (const { name, run } of server.peers) {
    rig.say(`${server.name}: ${name}`);
    try {
      rows.push(...(await besideWriters(rig, group, name, run)));
    } catch (error) {
      // A tool that does not manage is told, and the others still are.
      rows.push({ group, name, note: `came to nothing: ${(error as Error).message}` });
    }
  }
  return rows;
}

async function besideWriters(rig: Rig, group: string, name: string, run: Peer['run']): Promise<Row[]> {
  const rows: Row[] = [];
  await rig.refill();
  const alone = rig.rate(await run());
  rows.push({ group, name, p50: alone, unit: 'rows/s', note: 'without writers' });
  await rig.refill();
  await rig.writing(async (writers) => {
    const { result, written } = await writers.during(run, 1_000);
    rows.push({ group, name: '', p50: rig.rate(result), unit: 'rows/s', note: `beside 2,000 writes a second` });
    rows.push({ group, name: '  its writers', ...writes(written) });
  });
  return rows;
}
