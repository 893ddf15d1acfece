/** A file of an archive. */
export interface ArchiveFile {
  /** Path from the root, without a leading slash; at most 100 ASCII characters. */
  readonly path: string;
  readonly content: string;
  readonly mode: number;
}

const BLOCK = 512;

/** A tar archive (ustar) of files that belong to root; directories are left to whoever unpacks it. */
export function archive(files: readonly ArchiveFile[]): Buffer {
  const blocks = files.flatMap(({ path, content, mode }) => {
    const bytes = Buffer.from(content, 'utf8');
    return [header(path, bytes.length, mode), bytes, Buffer.alloc((BLOCK - (bytes.length % BLOCK)) % BLOCK)];
  });
  return Buffer.concat([...blocks, Buffer.alloc(2 * BLOCK)]);
}

function header(path: string, size: number, mode: number): Buffer {
  const block = Buffer.alloc(BLOCK);
  const octal = (value: number, offset: number, length: number): void => {
    block.write(value.toString(8).padStart(length - 1, '0'), offset, 'latin1');
  };
  block.write(path, 0, 100, 'latin1');
  octal(mode, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(size, 124, 12);
  octal(Math.floor(Date.now() / 1000), 136, 12);
  block.fill(' ', 148, 156); // what the sum is made over
  block.write('0', 156, 'latin1');
  block.write('ustar\x0000', 257, 'latin1');
  octal(
    block.reduce((sum, byte) => sum + byte, 0),
    148,
    7,
  );
  return block;
}
