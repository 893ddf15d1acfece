import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Milliseconds that the agent may take to end before it is killed. */
const GRACE_MS = 3_000;

/**
 * Ends the gateway agent that the default profile started on a local ssh host, and its supervisor; does nothing when
 * there is none. An agent outlives the connection that started it, and so its host's sshd.
 * @param root the host's file tree.
 */
export async function stopHostAgent(root: string): Promise<void> {
  const directory = join(root, 'agent');
  const supervisor = pidOf(directory, 'supervisor.pid');
  const agent = pidOf(directory, 'agent.pid');
  if (supervisor !== undefined) process.kill(supervisor, 'SIGTERM');
  const deadline = Date.now() + GRACE_MS;
  const left = (): number[] =>
    [supervisor, agent].filter((pid) => pid !== undefined && existsSync(`/proc/${pid}`)) as number[];
  while (left().length > 0 && Date.now() < deadline) await sleep(20);
  for (const pid of left()) process.kill(pid, 'SIGKILL');
}

/** The process whose id a file of the agent's directory holds, if it works in that directory still. */
function pidOf(directory: string, file: string): number | undefined {
  try {
    const pid = Number(readFileSync(join(directory, file), 'utf8'));
    return realpathSync(`/proc/${pid}/cwd`) === realpathSync(directory) ? pid : undefined;
  } catch {
    return undefined;
  }
}
