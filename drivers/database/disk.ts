import { statfs } from 'node:fs/promises';

/** Bytes that are free for others than root on the disk of a directory; null where there is no such directory here. */
export async function freeBytesAt(directory: string): Promise<number | null> {
  try {
    const { bavail, bsize } = await statfs(directory);
    return bavail * bsize;
  } catch {
    return null;
  }
}
