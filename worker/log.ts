import { pino, type Logger } from 'pino';
import { DefaultLogger, Runtime } from '@temporalio/worker';

/** The log of a worker process: JSON lines on stderr. */
export function workerLog(identity: string): Logger {
  return pino(
    {
      level: process.env['LOG_LEVEL'] ?? 'info',
      base: { worker: identity },
      redact: ['*.secret', '*.token', '*.authorization'],
    },
    pino.destination({ dest: 2, sync: true }),
  );
}

/** Sends what the Temporal SDK says into our log. Once per process. */
export function installRuntime(log: Logger): void {
  const levels = { TRACE: 'trace', DEBUG: 'debug', INFO: 'info', WARN: 'warn', ERROR: 'error' } as const;
  Runtime.install({
    logger: new DefaultLogger('WARN', ({ level, message, meta }) => {
      log[levels[level]]({ ...meta, error: errorText(meta?.['error']) }, message);
    }),
    shutdownSignals: [],
  });
}

function errorText(error: unknown): string | undefined {
  return error instanceof Error ? `${error.name}: ${error.message}` : undefined;
}
