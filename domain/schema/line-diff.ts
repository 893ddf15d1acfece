/** Lines around a difference that show where it is. */
const CONTEXT = 3;

interface Line {
  readonly mark: ' ' | '-' | '+';
  readonly text: string;
}

/** The hunks of a unified diff of two texts, as `diff -u` writes them; none when they are the same. */
export function hunks(from: readonly string[], to: readonly string[]): string[] {
  const lines = compared(from, to);
  const changed = lines.flatMap(({ mark }, i) => (mark === ' ' ? [] : [i]));
  const ranges: { start: number; end: number }[] = [];
  for (const i of changed) {
    const last = ranges.at(-1);
    if (last && i - CONTEXT <= last.end) last.end = i + CONTEXT + 1;
    else ranges.push({ start: Math.max(i - CONTEXT, 0), end: i + CONTEXT + 1 });
  }
  return ranges.flatMap(({ start, end }) => {
    const shown = lines.slice(start, end);
    const header = `@@ -${place(lines, shown, start, '+')} +${place(lines, shown, start, '-')} @@`;
    return [header, ...shown.map(({ mark, text }) => `${mark}${text}`)];
  });
}

/** Where a hunk stands on the side that has no lines of the other's mark: `first,count`, by the convention of `diff`. */
function place(lines: readonly Line[], shown: readonly Line[], start: number, others: '-' | '+'): string {
  const before = lines.slice(0, start).filter(({ mark }) => mark !== others).length;
  const count = shown.filter(({ mark }) => mark !== others).length;
  const first = count === 0 ? before : before + 1;
  return count === 1 ? String(first) : `${first},${count}`;
}

/** Every line of both texts once, those that they share in common where the most of them can be. */
function compared(from: readonly string[], to: readonly string[]): Line[] {
  const head = from.findIndex((text, i) => text !== to[i]);
  const start = head === -1 ? Math.min(from.length, to.length) : head;
  const [a, b] = [from.slice(start), to.slice(start)];
  const common = lengths(a, b);
  const lines: Line[] = from.slice(0, start).map((text) => ({ mark: ' ', text }));
  for (let i = 0, j = 0; i < a.length || j < b.length;) {
    if (i < a.length && a[i] === b[j]) {
      lines.push({ mark: ' ', text: a[i]! });
      i++;
      j++;
    } else if (j >= b.length || (i < a.length && common[i + 1]![j]! >= common[i]![j + 1]!)) {
      lines.push({ mark: '-', text: a[i++]! });
    } else {
      lines.push({ mark: '+', text: b[j++]! });
    }
  }
  return lines;
}

/** For each pair of ends, the length of the longest sequence of lines that both have. */
function lengths(a: readonly string[], b: readonly string[]): readonly Uint32Array[] {
  const table = Array.from({ length: a.length + 1 }, () => new Uint32Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      table[i]![j] = a[i] === b[j] ? table[i + 1]![j + 1]! + 1 : Math.max(table[i + 1]![j]!, table[i]![j + 1]!);
  return table;
}
