import { pino } from 'pino';
import { startService } from '../../../api/service';
import { connectEngine } from '../../../api/temporal-engine';
import { readSettings } from '../../../environment/settings';
import { openStore } from '../../../prisma/open';
import { BreakPointFiles } from '../../support/break-points';

/** An API process as `gatewright api` runs it, which stops before or after it has told Temporal something of a deploy. */
async function main(): Promise<void> {
  const settings = readSettings();
  const files = new BreakPointFiles(process.env.GATEWRIGHT_SETTINGS!);
  const { engine } = connectEngine(settings.temporal);
  const deploys = stopping(engine.deploys, files);
  const stopped = new Proxy(engine, {
    get: (target, name) => (name === 'deploys' ? deploys : bound(target, name)),
  });
  const store = await openStore(settings.databaseUrl);
  await startService({ store, engine: stopped, settings, log: pino({ level: 'warn' }) });
}

function stopping<T extends object>(subject: T, files: BreakPointFiles): T {
  return new Proxy(subject, {
    get:
      (target, name) =>
      async (...args: unknown[]) => {
        await files.stopAt(String(name), 'do', 'before');
        const value = await (bound(target, name) as (...given: unknown[]) => Promise<unknown>)(...args);
        await files.stopAt(String(name), 'do', 'after');
        return value;
      },
  });
}

function bound(target: object, name: string | symbol): unknown {
  const value: unknown = Reflect.get(target, name);
  return typeof value === 'function' ? (value.bind(target) as unknown) : value;
}

void main();
