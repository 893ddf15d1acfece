import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync } from 'node:fs';

/**
 * Makes a directory, and tells how to run a command as somebody who may write there and is not root: as `account` when
 * this process is root, because database servers refuse root, and as oneself otherwise. The account must be able to
 * enter the directory's parents.
 */
export function unprivileged(account: string, directory: string): (command: readonly string[]) => string[] {
  mkdirSync(directory, { recursive: true });
  if (process.getuid?.() !== 0) return (command) => [...command];
  const [uid, gid] = [idOf(account, '-u'), idOf(account, '-g')];
  chownSync(directory, uid, gid);
  chmodSync(directory, 0o755);
  return (command) => ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups', ...command];
}

function idOf(account: string, flag: '-u' | '-g'): number {
  return Number(execFileSync('id', [flag, account], { encoding: 'utf8' }));
}
