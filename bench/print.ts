import { short, type Row } from './figures';

const heads = ['', 'n', 'p50', 'p95', 'p99', 'unit', 'bar', 'met', 'note'] as const;
const right = new Set([1, 2, 3, 4]);

/** The table of all rows as text, grouped. */
export function renderTable(rows: readonly Row[]): string {
  const cells = rows.map((row) => cellsOf(row));
  const widths = heads.map((head, i) => Math.max(head.length, ...cells.map((line) => line[i]!.length)));
  const line = (values: readonly string[]): string =>
    values
      .map((value, i) => (right.has(i) ? value.padStart(widths[i]!) : value.padEnd(widths[i]!)))
      .join('  ')
      .trimEnd();
  const lines = [line(heads), line(widths.map((width) => '-'.repeat(width)))];
  let group = '';
  rows.forEach((row, i) => {
    if (row.group !== group) lines.push('', row.group);
    group = row.group;
    lines.push(line(cells[i]!));
  });
  return `${lines.join('\n')}\n`;
}

function cellsOf({ name, count, p50, p95, p99, unit, note, bar }: Row): string[] {
  const figure = (value: number | undefined): string => (value === undefined ? '' : short(value));
  return [
    `  ${name}`,
    count === undefined ? '' : String(count),
    ...[p50, p95, p99].map(figure),
    p50 === undefined ? '' : (unit ?? 'ms'),
    bar?.text ?? '',
    bar ? (bar.met ? 'yes' : 'NO') : '',
    note ?? '',
  ];
}
