import { writeFileSync } from 'node:fs';
import { activityInfo } from '@temporalio/activity';
import type { ActivityInboundCallsInterceptor } from '@temporalio/worker';
import type { DeployPorts } from '../../../activities/deploy/ports';
import type { SchemaEngine } from '../../../drivers/database/engine';
import { readSettings } from '../../../environment/settings';
import { runWorker } from '../../../worker/main';
import { BreakPointFiles } from '../../support/break-points';

/** What of an activity's argument tells for which request it is. */
interface About {
  readonly requestId?: string;
  readonly ticket?: { readonly requestId: string };
  readonly operation?: { readonly id: string };
}

/**
 * A worker process as `gatewright worker` runs it, which stops before or after an activity: the first of its name, as
 * `copy`, or the first of a request or of an operation of one, as `copy <id>`. Or before or after what an engine does to a
 * schema, as `copy <schema>`.
 */
async function main(): Promise<void> {
  const files = new BreakPointFiles(process.env.GATEWRIGHT_SETTINGS!);
  const inbound: ActivityInboundCallsInterceptor = {
    async execute(input, next) {
      const { activityType } = activityInfo();
      const about = input.args[0] as About | undefined;
      const ids = [about?.requestId ?? about?.ticket?.requestId, about?.operation?.id];
      const names = [activityType, ...ids.map((id) => `${activityType} ${id}`)];
      for (const name of names) await files.stopAt(name, 'do', 'before');
      const value = await next(input);
      for (const name of names) await files.stopAt(name, 'do', 'after');
      return value;
    },
  };
  const stopping = (engine: SchemaEngine, schema: string): SchemaEngine =>
    new Proxy(engine, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name, target);
        if (typeof member !== 'function') return member;
        return async (...of: unknown[]) => {
          await files.stopAt(`${String(name)} ${schema}`, 'do', 'before');
          const value: unknown = await (member as (...of: unknown[]) => unknown).apply(target, of);
          await files.stopAt(`${String(name)} ${schema}`, 'do', 'after');
          return value;
        };
      },
    });
  // Between the row of an operation and the word that its request gets of it.
  const deploys = (ports: DeployPorts): DeployPorts => {
    const look = async (workflowId: string): Promise<void> => {
      await files.stopAt(`look ${workflowId}`, 'do', 'before');
      await ports.queues.look(workflowId);
    };
    const engine: DeployPorts['engine'] = async (database, schema) =>
      stopping(await ports.engine(database, schema), schema);
    return { ...ports, engine, queues: { ...ports.queues, look } };
  };
  const running = await runWorker(readSettings(), { activityInterceptors: [() => ({ inbound })], deploys });
  writeFileSync(process.env.GATEWRIGHT_READY_FILE!, `${process.pid}\n`);
  process.on('SIGTERM', () => running.shutdown());
  await running.run;
  process.exit(0);
}

void main();
