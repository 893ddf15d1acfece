import { randomBytes, randomUUID } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { replicaSecretName } from '../domain/gateway/agent-protocol';
import { hashSecret, mintToken, parseToken } from '../prisma/token-secret';
import type { Store } from '../prisma/store';
import { readJson, writeJson, type Home } from './home';
import { dnsKeyFile, installationKeyFile } from './settings';

/** A replica of the environment's pool. */
export interface ReplicaIdentity {
  readonly id: string;
  /** `agent-1`, ... */
  readonly name: string;
  readonly secretFile: string;
}

/** What is minted once for a home and stays. */
export interface Identities {
  readonly replicas: readonly ReplicaIdentity[];
  /** Ids of replicas that an earlier, larger pool of this home had. */
  readonly retired: readonly string[];
  /** `gw_<id>_<secret>` */
  readonly adminToken: string;
  readonly dnsApiKey: string;
  /** The secrets of its machines follow from it; hexadecimal. */
  readonly installationKey: string;
}

/** The identities of a home, made where they are missing; every secret in a file of its own, `0600`. */
export function ensureIdentities(home: Home, replicaCount: number): Identities {
  const file = home.path('replicas.json');
  const known = readJson<{ id: string; name: string }[]>(file) ?? [];
  const ids = Array.from({ length: replicaCount }, (_, index) => {
    const name = `agent-${index + 1}`;
    return known.find((replica) => replica.name === name) ?? { id: randomUUID(), name };
  });
  // Those that the pool has no longer keep their identity for when it grows again.
  const retired = known.filter(({ name }) => !ids.some((replica) => replica.name === name));
  writeJson(file, [...ids, ...retired]);
  return {
    retired: retired.map(({ id }) => id),
    replicas: ids.map(({ id, name }) => {
      const secretFile = home.path('secrets', replicaSecretName(id));
      ensureSecret(secretFile, randomSecret);
      return { id, name, secretFile };
    }),
    adminToken: ensureSecret(home.tokenFile, () => mintToken().text),
    dnsApiKey: ensureSecret(dnsKeyFile(home), randomSecret),
    installationKey: ensureSecret(installationKeyFile(home), randomSecret),
  };
}

/** Makes the store know the identities; repeating it changes nothing. */
export async function registerIdentities(store: Store, identities: Identities): Promise<void> {
  const { replicas, retired, adminToken } = identities;
  const token = parseToken(`Bearer ${adminToken}`);
  if (!token) throw new Error('the admin token of this home is not one; remove its file to get another');
  if (!(await store.tokens.find(token.id))) {
    const secretHash = hashSecret(token.secret);
    const name = 'gatewright up';
    await store.tokens.create({
      id: token.id,
      name,
      secretHash,
      scope: 'admin',
      organizationId: null,
      expiresAt: null,
    });
  }
  for (const { id, name, secretFile } of replicas)
    await store.pool.register({ id, name, secretHash: hashSecret(readFileSync(secretFile, 'utf8').trim()) });
  // Nothing serves at their address any more; announcing itself ends a quarantine.
  for (const replica of await store.pool.replicas())
    if (retired.includes(replica.id) && !replica.quarantinedAt)
      await store.pool.quarantine(replica.id, 'the environment does not run this replica');
}

function randomSecret(): string {
  return randomBytes(32).toString('hex');
}

function ensureSecret(file: string, mint: () => string): string {
  if (!existsSync(file)) {
    const draft = `${file}.new`;
    writeFileSync(draft, `${mint()}\n`, { mode: 0o600 });
    renameSync(draft, file);
  }
  return readFileSync(file, 'utf8').trim();
}
