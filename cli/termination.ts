/** Two signals within this many milliseconds are one Ctrl-C, passed on by the terminal and by npm. */
const SAME_MS = 300;

/**
 * Calls `first` when this process is asked to end (SIGINT, SIGTERM, SIGHUP), and `again` when it is asked once more.
 * Without `again` the second request ends the process at once.
 */
export function onTermination(first: (signal: NodeJS.Signals) => unknown, again?: () => unknown): void {
  let asked = 0;
  const handle = (signal: NodeJS.Signals): void => {
    const now = Date.now();
    if (asked === 0) {
      asked = now;
      void first(signal);
    } else if (now - asked > SAME_MS) {
      if (again) void again();
      else process.exit(130);
    }
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, handle);
}
