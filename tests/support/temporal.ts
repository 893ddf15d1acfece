import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { bundleWorkflowCode, NativeConnection, type WorkflowBundle } from '@temporalio/worker';
import { readDescription } from '../../environment/description';
import { freePort } from '../../environment/ports';
import type { Component } from '../../environment/process';
import { startTemporal } from '../../environment/temporal';
import { ensureTemporal } from '../../environment/temporal-binary';

/** A Temporal dev server of a test's own, configured as the local environment's. */
export interface TestTemporal {
  readonly address: string;
  readonly namespace: string;
  readonly client: Client;
  readonly connection: NativeConnection;
  readonly component: Component;
  close(): Promise<void>;
}

/**
 * Starts a Temporal dev server on free ports in a directory that goes with it.
 * @param dynamicConfig what of the server's dynamic configuration differs from the local environment's.
 */
export async function testTemporal(dynamicConfig: Readonly<Record<string, number>> = {}): Promise<TestTemporal> {
  const directory = mkdtempSync(join(tmpdir(), 'gw-temporal-'));
  const described = readDescription().temporal;
  const settings = {
    ...described,
    dynamicConfig: { ...described.dynamicConfig, ...dynamicConfig },
    gogc: 400, // there is memory for a short life
  };
  const port = await freePort();
  const component = await startTemporal({
    binary: await ensureTemporal(() => undefined),
    ip: '127.0.0.1',
    port,
    uiPort: await freePort(),
    database: join(directory, 'temporal.db'),
    settings,
    logFile: join(directory, 'temporal.log'),
  });
  const address = `127.0.0.1:${port}`;
  const { namespace } = settings;
  const [clientConnection, connection] = await Promise.all([
    Connection.connect({ address }),
    NativeConnection.connect({ address }),
  ]);
  return {
    address,
    namespace,
    client: new Client({ connection: clientConnection, namespace }),
    connection,
    component,
    async close() {
      await clientConnection.close();
      await connection.close();
      await component.kill();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

const bundles = new Map<string, Promise<WorkflowBundle>>();

/** Bundles workflow code once per test process. `modules` are workflow interceptors. */
export function testBundle(workflowsPath: string, modules: readonly string[] = []): Promise<WorkflowBundle> {
  const known = bundles.get(workflowsPath);
  if (known) return known;
  const bundle = bundleWorkflowCode({ workflowsPath, workflowInterceptorModules: [...modules] });
  bundles.set(workflowsPath, bundle);
  return bundle;
}
