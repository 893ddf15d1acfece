import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A server that can be ended. */
interface Stoppable {
  stop(): Promise<void>;
}

/**
 * Gives an empty directory the data of a server that was set up once for all tests of this run, because setting one up
 * takes five times what copying it does. Without a place that goes with the run, the server sets itself up.
 * @param kind what tells such servers from others: a name.
 * @param start starts a server in the directory that it is given, and sets it up.
 */
export async function withSetUpData(
  kind: string,
  directory: string,
  start: (directory: string) => Promise<Stoppable>,
): Promise<void> {
  const templates = join(tmpdir(), 'templates'); // environment/setup/jest-setup.js
  if (!existsSync(templates)) return;
  const template = join(templates, kind);
  if (!existsSync(template)) {
    const draft = mkdtempSync(`${template}-`);
    await (await start(draft)).stop();
    try {
      renameSync(draft, template);
    } catch (error) {
      // Another process of the tests was quicker; a directory is only replaced while it is empty.
      if (!['ENOTEMPTY', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
      rmSync(draft, { recursive: true });
    }
  }
  const kept = ['data', 'root-password'].map((name) => join(template, name)).filter((path) => existsSync(path));
  execFileSync('cp', ['-a', '--sparse=always', ...kept, directory]);
}
