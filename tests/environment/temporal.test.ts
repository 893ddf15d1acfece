import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { readDescription } from '../../environment/description';
import { freePort } from '../../environment/ports';
import { startTime } from '../../drivers/host/start-time';
import type { Component } from '../../environment/process';
import { startTemporal, type TemporalOptions } from '../../environment/temporal';
import { ensureTemporal } from '../../environment/temporal-binary';

let directory: string;
let options: TemporalOptions;
let server: Component;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'gw-temporal-test-'));
  options = {
    ...{ binary: await ensureTemporal(() => undefined), ip: '127.0.0.1' },
    ...{ port: await freePort(), uiPort: await freePort(), settings: readDescription().temporal },
    ...{ database: join(directory, 'data', 'temporal.db'), logFile: join(directory, 'temporal.log') },
  };
  server = await startTemporal(options);
});
afterAll(async () => {
  await server.stop();
  expect(startTime(server.pid)).toBeUndefined();
  rmSync(directory, { recursive: true, force: true });
});

async function withClient<T>(action: (client: Client) => Promise<T>): Promise<T> {
  const connection = await Connection.connect({ address: `${options.ip}:${options.port}`, connectTimeout: '10s' });
  try {
    return await action(new Client({ connection, namespace: options.settings.namespace }));
  } finally {
    await connection.close();
  }
}

test('knows its namespace and search attributes when it is ready', async () => {
  const { customAttributes } = await withClient(
    async (client) => await client.connection.operatorService.listSearchAttributes({ namespace: 'gatewright' }),
  );
  expect(Object.keys(customAttributes)).toEqual(expect.arrayContaining(Object.keys(options.settings.searchAttributes)));
});

test('has its runs again after a kill -9', async () => {
  await withClient(async (client) => await client.workflow.start('waits', { workflowId: 'kept', taskQueue: 'nobody' }));
  await server.kill();
  await expect(withClient((client) => client.workflow.getHandle('kept').describe())).rejects.toThrow();
  server = await startTemporal(options);
  const description = await withClient((client) => client.workflow.getHandle('kept').describe());
  expect(description.status.name).toBe('RUNNING');
});

test('shows its Web UI', async () => {
  const answer = await fetch(`http://${options.ip}:${options.uiPort}/`);
  expect(answer.status).toBe(200);
});
