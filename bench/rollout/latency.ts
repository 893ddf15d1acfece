import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { defaultDatabaseSettings } from '../../domain/deploy/database';
import { defaultRolloutSettings } from '../../domain/rollout/apply';
import type { OperationMoveName } from '../../domain/rollout/moves';
import { Home } from '../../environment/home';
import { freePort } from '../../environment/ports';
import { startApi } from '../../environment/programs';
import { writeSettings } from '../../environment/settings';
import type { OperationKey } from '../../prisma/apply-store';
import type { Store } from '../../prisma/store';
import { hashSecret, mintToken } from '../../prisma/token-secret';
import type { Target } from '../../tests/deploy/support/targets';
import { DeployWorld } from '../../tests/deploy/support/world';
import { atMost, percentile, summary, type Row } from '../figures';

/** Milliseconds from a move until everybody knows. */
const BAR_MS = 200;

/** Milliseconds between two moves: as many as an apply of a thousand deployments makes while it is at its fastest. */
const EVERY_MS = 20;

/** What each operation goes through before its cut-over. */
const moves: readonly OperationMoveName[] = ['begin', 'catchUp', 'compare', 'proved', 'park'];

/** How long it takes until a move of an operation is in its apply's row, and with those who follow its events. */
export async function benchLatency(count: number, say: (text: string) => void): Promise<Row[]> {
  const target = { kind: 'mysql', url: 'mysql://nobody@127.0.0.1:1/' } as unknown as Target;
  const world = await DeployWorld.start(target);
  const home = Home.open(mkdtempSync(join(tmpdir(), 'gw-bench-events-')));
  const settings = { ...world.settings, api: { ...world.settings.api, port: await freePort() } };
  const settingsFile = home.path('settings.json');
  writeSettings(settingsFile, settings);
  const api = await startApi({ home, settings, settingsFile, externalTemporal: false, name: 'api', entry: 'cli/main' });
  try {
    const { database, applyId, keys } = await apply(world.store, world.organizationId, count);
    const path = `/v1/organizations/${world.organizationId}/databases/${database}/applies/${applyId}/events`;
    const stream = new Listener(`http://127.0.0.1:${settings.api.port}${path}`, await tokenOf(world));
    await stream.opened;
    say(`${count * moves.length} moves`);
    const [written, heard]: [number[], Promise<number>[]] = [[], []];
    for (const move of moves)
      for (const key of keys) {
        const began = performance.now();
        heard.push(stream.hears(key.operationId).then((at) => at - began));
        await world.store.rollouts.applies.move(key, move);
        written.push(performance.now() - began);
        await sleep(Math.max(0, EVERY_MS - (performance.now() - began)));
      }
    const known = await Promise.all(heard);
    stream.close();
    const group = `a move of one of ${count} operations, SQLite, ${1000 / EVERY_MS} a second`;
    return [
      {
        group,
        name: "until it is in the apply's row",
        ...summary(written),
        bar: atMost(percentile(written, 95), BAR_MS, 'p95 ms'),
      },
      {
        group,
        name: 'until who follows the apply hears',
        ...summary(known),
        bar: atMost(percentile(known, 95), BAR_MS, 'p95 ms'),
      },
    ];
  } finally {
    await api.stop();
    await world.close();
    rmSync(home.directory, { recursive: true, force: true });
  }
}

async function apply(
  store: Store,
  organizationId: string,
  count: number,
): Promise<{ readonly database: string; readonly applyId: string; readonly keys: readonly OperationKey[] }> {
  const { applies } = store.rollouts;
  const branch = { id: randomUUID(), name: 'main', parent: null, schema: 'shop', adopted: true, createdBy: 'bench' };
  const { id: databaseId, name } = await store.deploys.databases.create({
    ...{ id: randomUUID(), organizationId, name: 'shop', kind: 'mysql', server: 'none', notes: '' },
    ...{ settings: defaultDatabaseSettings, branch: { ...branch, production: true, safeMigrations: true } },
  });
  const operations = Array.from({ length: count }, (_, position) => ({
    ...{ id: randomUUID(), deploymentId: randomUUID(), deployment: `region-${position}`, environment: 'production' },
    ...{ server: 'none', schema: `shop_${position}`, position, onFailure: 'halt' as const },
  }));
  const { id: applyId } = await applies.create(
    { id: randomUUID(), organizationId, databaseId, number: 1, settings: defaultRolloutSettings },
    operations,
  );
  const { claimed } = await applies.decide(organizationId, applyId, () => ({
    ...{ claim: operations.map(({ id }) => id), want: {}, moves: [], waits: {}, revertWindowEndsAt: null, over: [] },
  }));
  return { database: name, applyId, keys: claimed };
}

async function tokenOf({ store, organizationId }: DeployWorld): Promise<string> {
  const { id, secret } = mintToken();
  const token = { id, name: 'bench', secretHash: hashSecret(secret), scope: 'admin', organizationId, expiresAt: null };
  await store.tokens.create({ ...token, scope: 'admin' });
  return `${id}:${secret}`;
}

/** Follows the events of an apply. */
class Listener {
  readonly opened: Promise<void>;
  private readonly over = new AbortController();
  /** Whoever waits for the next event of an operation, first come first. */
  private readonly waiting = new Map<string, ((at: number) => void)[]>();

  constructor(url: string, authorization: string) {
    let open = (): void => undefined;
    let fail: (error: Error) => void = () => undefined;
    this.opened = new Promise((resolve, reject) => ([open, fail] = [resolve, reject]));
    void this.read(url, authorization, open).catch(fail);
  }

  /** Milliseconds, by this process's clock, at which the next event of an operation is there. */
  async hears(operationId: string): Promise<number> {
    return await new Promise((resolve) => {
      this.waiting.set(operationId, [...(this.waiting.get(operationId) ?? []), resolve]);
    });
  }

  close(): void {
    this.over.abort();
  }

  private async read(url: string, authorization: string, open: () => void): Promise<void> {
    const answer = await fetch(url, { headers: { authorization }, signal: this.over.signal });
    if (!answer.ok || !answer.body) throw new Error(`the events answer ${answer.status}: ${await answer.text()}`);
    open();
    const decoder = new TextDecoder();
    let text = '';
    try {
      for await (const chunk of answer.body as AsyncIterable<Uint8Array>) {
        const at = performance.now();
        text += decoder.decode(chunk, { stream: true });
        const lines = text.split('\n');
        text = lines.pop()!;
        for (const line of lines) if (line.startsWith('data: ')) this.hear(line.slice(6), at);
      }
    } catch (error) {
      if (!this.over.signal.aborted) throw error;
    }
  }

  private hear(data: string, at: number): void {
    const { operation_id: id } = JSON.parse(data) as { readonly operation_id?: string | null };
    if (id) this.waiting.get(id)?.shift()?.(at);
  }
}
