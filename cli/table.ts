import type { Io } from './io';
import { paint, tame, type Colour } from './text';

/** A column of a table. */
export interface Column<Row> {
  readonly head: string;
  readonly cell: (row: Row) => string;
  readonly colour?: (row: Row) => Colour | undefined;
  readonly align?: 'right';
  /** Left out on a terminal that is too narrow; the highest number goes first. */
  readonly spare?: number;
}

const bare = {
  ...{ top: '', 'top-mid': '', 'top-left': '', 'top-right': '' },
  ...{ bottom: '', 'bottom-mid': '', 'bottom-left': '', 'bottom-right': '' },
  ...{ left: '', 'left-mid': '', mid: '', 'mid-mid': '', right: '', 'right-mid': '', middle: '  ' },
};

/** Rows below their heads, without lines; on a narrow terminal without its spare columns. */
export function table<Row>(io: Io, columns: readonly Column<Row>[], rows: readonly Row[]): string {
  const Table = require('cli-table3') as typeof import('cli-table3');
  const shown = fitting(io, columns, rows);
  const drawn = new Table({
    head: shown.map(({ head }) => paint(io, 'dim', head)),
    colAligns: shown.map(({ align }) => align ?? 'left'),
    chars: bare,
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [] },
  });
  for (const row of rows) drawn.push(shown.map(({ cell, colour }) => paint(io, colour?.(row), tame(cell(row)))));
  const lines = drawn.toString().split('\n');
  return lines.map((line) => `${trimEnd(line)}\n`).join('');
}

function fitting<Row>(io: Io, columns: readonly Column<Row>[], rows: readonly Row[]): readonly Column<Row>[] {
  const widths = new Map(
    columns.map((column) => [column, Math.max(column.head.length, ...rows.map((row) => column.cell(row).length))]),
  );
  let shown = columns;
  for (;;) {
    const width = shown.reduce((sum, column) => sum + widths.get(column)! + 2, -2);
    const spare = shown.filter((column) => column.spare !== undefined).sort((a, b) => b.spare! - a.spare!)[0];
    if (width <= (io.columns ?? Infinity) || !spare) return shown;
    shown = shown.filter((column) => column !== spare);
  }
}

/** Without the blanks at the end, which would break the lines of a terminal that was made narrower. */
function trimEnd(line: string): string {
  // eslint-disable-next-line no-control-regex
  return line.replace(/ +((?:\u001b\[\d+m)*)$/, '$1');
}
