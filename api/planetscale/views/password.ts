import type { BranchPassword, BranchRecord, DatabaseRecord } from '../../../domain/deploy/database';
import type { DatabaseServer } from '../../../domain/settings';
import { actorView, regionView, time } from './shared';

/** Where an account is good, and its password at the one moment when it is known. */
export interface PasswordShown {
  readonly database: DatabaseRecord;
  readonly branch: BranchRecord;
  readonly password: BranchPassword;
  readonly server: DatabaseServer | undefined;
  readonly plain: string | null;
  readonly now: Date;
}

/** An account as PlanetScale's clients read it; the last members are ours. */
export function passwordView({ database, branch, password, server, plain, now }: PasswordShown): object {
  const address = server?.address ?? '';
  const { createdAt, expiresAt } = password;
  return {
    id: password.id,
    name: password.name,
    role: password.role,
    cidrs: null,
    created_at: time(createdAt),
    deleted_at: time(password.deletedAt),
    expires_at: time(expiresAt),
    last_used_at: null,
    expired: expiresAt !== null && expiresAt <= now,
    direct_vtgate: false,
    direct_vtgate_addresses: [],
    ttl_seconds: expiresAt && Math.round((expiresAt.getTime() - createdAt.getTime()) / 1000),
    access_host_url: address,
    access_host_regional_url: address,
    access_host_regional_urls: [address],
    actor: actorView(password.createdBy),
    region: regionView,
    username: password.username,
    plain_text: plain,
    replica: false,
    renewable: false,
    database_branch: {
      id: branch.id,
      name: branch.name,
      production: branch.production,
      mysql_edge_address: address,
      private_edge_connectivity: false,
    },
    database: database.kind === 'postgresql' ? (server?.database ?? branch.schema) : branch.schema,
    schema: branch.schema,
    ...(plain !== null && { url: connectionUrl(database, branch, password.username, plain, server) }),
  };
}

/** What a client connects with. */
function connectionUrl(
  { kind }: DatabaseRecord,
  { schema }: BranchRecord,
  username: string,
  plain: string,
  server: DatabaseServer | undefined,
): string {
  const at = `${encodeURIComponent(username)}:${encodeURIComponent(plain)}@${server?.address ?? ''}`;
  if (kind === 'mysql') return `mysql://${at}/${schema}`;
  return `postgresql://${at}/${server?.database ?? schema}?options=${encodeURIComponent(`-csearch_path=${schema}`)}`;
}
