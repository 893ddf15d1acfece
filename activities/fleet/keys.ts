import { replicaSecretName } from '../../domain/gateway/agent-protocol';
import type { DerivedSecrets } from '../../drivers/secrets/derived';
import type { SshKeyPair } from '../../drivers/secrets/ssh-keys';

type Secrets = Pick<DerivedSecrets, 'secret' | 'keyPair'>;

/** The key that a replica's sshd identifies itself with. */
export function hostKeyOf(secrets: Secrets, replicaId: string): SshKeyPair {
  return secrets.keyPair(`host-key-${replicaId}`, 'gatewright-host');
}

/** The key that lets us into every machine of the installation. */
export function clientKeyOf(secrets: Secrets): SshKeyPair {
  return secrets.keyPair('ssh-client', 'gatewright');
}

/** What a replica proves its answers with. */
export function replicaSecretOf(secrets: Secrets, replicaId: string): string {
  return secrets.secret(replicaSecretName(replicaId));
}
