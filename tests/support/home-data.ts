import { lstatSync, readlinkSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** Where the data of databases is that a home only links to: servers that refuse root cannot enter a home of root's. */
export function linkedData(home: string): string | undefined {
  const link = join(home, 'databases');
  return lstatSync(link, { throwIfNoEntry: false })?.isSymbolicLink() ? readlinkSync(link) : undefined;
}

/** Removes a home with everything that is its own. */
export function removeHome(home: string): void {
  const data = linkedData(home);
  if (data !== undefined) rmSync(data, { recursive: true, force: true });
  rmSync(home, { recursive: true, force: true });
}
