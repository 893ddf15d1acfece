import { plainText } from '../../domain/plain-text';

/** Where a command's output goes, line by line, and how much of it. */
export interface OutputOptions {
  /** Takes out what looks like a secret; is given one line, before it is shortened. */
  readonly scrub: (line: string) => string;
  readonly onLine: (line: string) => void;
  /** Characters of a line; 1,000 unless told. */
  readonly maxLine?: number;
  /** Lines that are passed on; 500 unless told. */
  readonly maxLines?: number;
  /** Characters that are passed on altogether; 64,000 unless told. */
  readonly maxTotal?: number;
}

/** Bytes of one line that are looked at; a program that never ends its line costs no more. */
const LINE_BYTES = 16_384;

/**
 * Makes lines fit to be kept and shown of what a machine's programs print: bounded, scrubbed, and without anything that
 * a terminal or a browser would obey. What is over the bounds is counted.
 */
export class OutputLines {
  private pending: Buffer[] = [];
  private size = 0;
  private lines = 0;
  private total = 0;
  private leftOut = 0;

  constructor(private readonly options: OutputOptions) {}

  write(data: Buffer): void {
    let from = 0;
    for (let end = data.indexOf(10); end !== -1; end = data.indexOf(10, from)) {
      this.keep(data.subarray(from, end));
      this.flush();
      from = end + 1;
    }
    if (from < data.length) this.keep(data.subarray(from));
  }

  /** Passes on what is left, and how many lines were not passed on. */
  end(): void {
    if (this.size > 0) this.flush();
    if (this.leftOut > 0) this.options.onLine(`(${this.leftOut} more lines are left out)`);
    this.leftOut = 0;
  }

  private keep(part: Buffer): void {
    const room = Math.max(0, LINE_BYTES - this.size);
    // A copy: the piece would otherwise hold on to the whole packet.
    if (room > 0) this.pending.push(Buffer.from(part.subarray(0, room)));
    this.size += part.length;
  }

  private flush(): void {
    const bytes = Buffer.concat(this.pending);
    const cut = this.size - bytes.length;
    this.pending = [];
    this.size = 0;
    const { maxLine = 1_000, maxLines = 500, maxTotal = 64_000, scrub, onLine } = this.options;
    if (this.lines >= maxLines || this.total >= maxTotal) {
      this.leftOut++;
      return;
    }
    const clean = scrub(escapeOutput(bytes));
    const over = clean.length - maxLine;
    const line = over > 0 || cut > 0 ? `${clean.slice(0, maxLine)} (${Math.max(0, over) + cut} more)` : clean;
    this.lines++;
    this.total += line.length;
    onLine(line);
  }
}

/** The text of bytes of unknown origin, with control characters and bytes that are no UTF-8 written as `\x1b`. */
export function escapeOutput(bytes: Buffer): string {
  const text = bytes.toString('utf8');
  const valid = text.includes('\ufffd') ? latin(bytes) : text;
  return plainText(valid.replace(/\r$/, ''));
}

/** Reads what is UTF-8 as such and writes every other byte as `\xff`. */
function latin(bytes: Buffer): string {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let text = '';
  for (let at = 0; at < bytes.length;) {
    const first = bytes[at]!;
    const length = first < 0x80 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc2 ? 2 : 0;
    const piece = bytes.subarray(at, at + length);
    const decoded = length === 0 || piece.length < length ? undefined : decode(decoder, piece);
    text += decoded ?? `\\x${first.toString(16).padStart(2, '0')}`;
    at += decoded === undefined ? 1 : length;
  }
  return text;
}

function decode(decoder: TextDecoder, piece: Uint8Array): string | undefined {
  try {
    return decoder.decode(piece);
  } catch {
    return undefined;
  }
}
