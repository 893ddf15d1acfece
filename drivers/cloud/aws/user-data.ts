import { Failure } from '../../../domain/failures';
import type { MachineSpec } from '../../../domain/fleet/machine';

/**
 * The cloud-config that a machine boots with: the host key that it identifies itself with and the key that may log in.
 *
 * The private host key may stand here because it opens nothing: it only lets the machine prove that it is the one that
 * was asked for, and the machine must hold it in any case. Whoever reads it could impersonate this one machine, so its
 * readers are kept few: the metadata service wants a session token (IMDSv2) whose answer crosses one hop only, which
 * leaves out containers and requests that the machine forwards for others; and `ec2:DescribeInstanceAttribute`, which
 * shows user data, is not in our policy. The key is of this replica alone and is not used again. Nothing else secret is
 * here: the secret of the pool and the profile's files come over SSH, once the machine has proven itself.
 *
 * cloud-config is YAML and JSON is YAML: no value can end its string and begin a key.
 */
export function userData({ hostKey, authorizedKey }: Pick<MachineSpec, 'hostKey' | 'authorizedKey'>): string {
  if (!/^[\x20-\x7e]+$/.test(authorizedKey) || !/^[\x20-\x7e]+$/.test(hostKey.publicKey.trim()))
    throw new Failure('CLOUD_SPEC_REFUSED', 'a public key is one line of ASCII');
  const config = {
    // Keys that were baked into the image are somebody else's, too.
    ssh_deletekeys: true,
    // cloud-init writes them as they are, and sshd takes no private key whose last line does not end.
    ssh_keys: { ed25519_private: `${hostKey.privateKey.trimEnd()}\n`, ed25519_public: `${hostKey.publicKey.trim()}\n` },
    ssh_authorized_keys: [authorizedKey],
    ssh_pwauth: false,
    disable_root: true,
  };
  return `#cloud-config\n${JSON.stringify(config, null, 2)}\n`;
}
