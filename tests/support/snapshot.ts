import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Settings } from '../../domain/settings';
import { ownedNames } from '../../drivers/dns/ownership';
import { PowerDnsZone } from '../../drivers/dns/powerdns';
import { askGeneration } from '../../drivers/nginx/generation-endpoint';
import type { Store } from '../../prisma/store';
import { get } from './http';

/** What the components hold; equal before and after a run that was taken back. */
export interface Snapshot {
  readonly dns: readonly unknown[];
  /** The hosts and addresses that each edge really serves. */
  readonly edges: readonly { readonly edge: string; readonly routes: readonly string[] }[];
  readonly agents: readonly { readonly id: string; readonly serves: string | null }[];
  readonly pool: readonly { readonly id: string; readonly holder: string | null; readonly quarantined: boolean }[];
}

/** Where to look. */
export interface Places {
  readonly settings: Settings;
  readonly store: Store;
  readonly agents: readonly { readonly id: string; readonly address: string }[];
}

/** Asks the components themselves what they hold. */
export async function snapshot({ settings, store, agents }: Places): Promise<Snapshot> {
  const zone = new PowerDnsZone(settings.zone);
  const edges = settings.edges.map(async ({ name, directory }) => {
    const { generation } = await askGeneration(join(directory, 'run/generation.sock'), 1_000);
    const file = readFileSync(join(directory, 'generations', String(generation), 'edge.conf'), 'utf8');
    return { edge: name, routes: [...file.matchAll(/^\s*(org-\S+\s+\S+);$/gm)].map((match) => match[1]!).sort() };
  });
  const served = agents.map(async ({ id, address }) => {
    const health = JSON.parse((await get(address, '/health', 'agent')).body) as { allocation_id: string | null };
    return { id, serves: health.allocation_id };
  });
  const pool = (await store.pool.replicas()).map(({ id, allocationId, quarantinedAt }) => ({
    id,
    holder: allocationId,
    quarantined: quarantinedAt !== null,
  }));
  const dns = ownedNames(await zone.list()).sort((a, b) => a.hostname.localeCompare(b.hostname));
  await zone.close();
  return {
    dns,
    edges: await Promise.all(edges),
    agents: await Promise.all(served),
    pool: pool.sort((a, b) => a.id.localeCompare(b.id)),
  };
}
