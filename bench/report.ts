import { writeFileSync } from 'node:fs';
import { cpus, loadavg, release } from 'node:os';
import type { Row } from './figures';
import { renderTable } from './print';

/** What a bench of rows is reported with. */
export interface ReportOptions {
  /** Where the same is written for programs. */
  readonly json?: string | undefined;
  /** What there is to say beside the machine, as the versions of servers. */
  readonly about?: () => string;
}

/** Measures, and prints one table with what it was measured on and how many bars were met. */
export async function report(measure: () => Promise<readonly Row[]>, { json, about }: ReportOptions): Promise<void> {
  const began = Date.now();
  const load = loadavg()[0]!.toFixed(1);
  const rows = await measure();
  const minutes = ((Date.now() - began) / 60_000).toFixed(1);
  const machine = `${cpus().length} x ${cpus()[0]?.model ?? 'CPU'}, Linux ${release()}, Node ${process.version}`;
  const on = about === undefined ? machine : `${machine}; ${about()}`;
  const line = `${on}; ${minutes} minutes, load before ${load}, after ${loadavg()[0]!.toFixed(1)}`;
  process.stdout.write(`${line}\n\n${renderTable(rows)}`);
  const missed = rows.filter(({ bar }) => bar && !bar.met).length;
  process.stdout.write(`\n${rows.filter(({ bar }) => bar).length - missed} bars met, ${missed} missed\n`);
  if (json) writeFileSync(json, `${JSON.stringify({ about: line, rows }, null, 2)}\n`);
}

/** Tells whoever waits what is being done. */
export function say(text: string): void {
  process.stderr.write(`bench: ${text}\n`);
}

/** Runs a bench as a program: it ends with 0 when it could measure, whatever the figures are. */
export function runProgram(main: () => Promise<void>): void {
  main().then(
    () => process.exit(0),
    (error: Error) => {
      process.stderr.write(`bench: ${error.stack ?? error.message}\n`);
      process.exit(1);
    },
  );
}
