import { spawn } from 'node:child_process';
import { join } from 'node:path';

/** Where a call's process, or the server, is killed. */
export interface Kill {
  /** `*` for any. */
  readonly point: string;
  /** The how many-eth time. */
  readonly nth: number;
  /** Whether the server goes, and not the process. */
  readonly server?: boolean;
  /** Whether it may be that there is nothing to be done any more: who was killed before may have done it. */
  readonly done?: boolean;
}

/** One call of an engine. */
export interface EngineCall {
  readonly kind: 'mysql' | 'postgresql';
  /** What the engine is made with. */
  readonly engine: Readonly<Record<string, string>>;
  readonly verb: string;
  /** The file that holds the planned change. */
  readonly change: string;
  readonly forMs?: number;
  /** The server is told by its process's id. */
  readonly kill?: { readonly point: string; readonly nth: number; readonly server?: number };
}

/** How the process of a call ended, and what it printed. */
export interface CallEnd {
  readonly code: number | null;
  readonly signal: string | null;
  readonly output: string;
  readonly errors: string;
}

/** Makes a call in a process of its own (engine-process.js), which may be killed. */
export async function callEngine(call: EngineCall): Promise<CallEnd> {
  const child = spawn(process.execPath, [join(__dirname, 'engine-process.js'), JSON.stringify(call)]);
  let [output, errors] = ['', ''];
  child.stdout.on('data', (data) => (output += String(data)));
  child.stderr.on('data', (data) => (errors += String(data)));
  return await new Promise((resolve) =>
    child.once('close', (code, signal) => resolve({ code, signal, output, errors })),
  );
}
