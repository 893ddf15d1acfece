import { clientKeyOf } from '../activities/fleet/keys';
import { plainText } from '../domain/plain-text';
import { DerivedSecrets } from '../drivers/secrets/derived';
import type { Description } from './description';
import { findEngine } from './engine';
import type { Home } from './home';
import type { Identities } from './identities';
import { startLocalBackend, type LocalBackend, type LocalBackendOptions } from './local-backend';
import { ComponentFailed } from './process';
import type { Supervisor } from './supervisor';

/** What the machines of an environment are brought up with. */
export interface MachinesOptions {
  readonly home: Home;
  readonly description: Description;
  readonly identities: Identities;
  readonly supervisor: Supervisor;
  readonly say: (text: string) => void;
  /** The id of the installation, as soon as the store is there. */
  readonly installation: Promise<string>;
}

/**
 * Brings up what the machines of an environment are made of: containers where an engine is found that runs them, else
 * local sshd processes.
 * @returns undefined where the description wants none.
 * @throws ComponentFailed
 */
export async function startMachines({
  home,
  description,
  identities,
  supervisor,
  say,
  installation,
}: MachinesOptions): Promise<LocalBackend | undefined> {
  const { machines, hosts } = description.fleet;
  if (machines === 'none') return undefined;
  const authorizedKey = clientKeyOf(new DerivedSecrets(identities.installationKey)).publicKey;
  const options: Omit<LocalBackendOptions, 'engine'> = {
    ...{ home, supervisor, say, owner: installation, authorizedKey, hosts },
  };
  const engine = machines === 'auto' ? await findEngine(say) : undefined;
  if (engine !== undefined) {
    try {
      const backend = await startLocalBackend({ ...options, engine });
      say(`machines: containers of ${engine === 'podman' ? 'a podman of our own' : 'the engine that is here'}`);
      return backend;
    } catch (error) {
      if (!(error instanceof ComponentFailed)) throw error;
      say(`no containers can be run here: ${plainText(error.message.split('\n')[0]!).slice(0, 300)}`);
    }
  }
  const backend = await startLocalBackend({ ...options, engine: undefined });
  say(`machines: ${hosts} local sshd processes`);
  return backend;
}
