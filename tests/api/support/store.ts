import { join } from 'node:path';
import { migrate } from '../../../prisma/migrate';
import { openStore } from '../../../prisma/open';
import type { Store } from '../../../prisma/store';

/** A store of its own in a directory, with all migrations. */
export async function openTestStore(directory: string): Promise<Store> {
  const url = `file:${join(directory, 'store.db')}`;
  await migrate(url);
  return await openStore(url);
}
