import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { Metrics } from '../../api/metrics';
import { signature } from '../../api/webhooks/send';
import { commands } from '../../cli/commands';
import { failures, type FailureCode } from '../../domain/failures';
import { searchAttributes } from '../../domain/gateway/contract';
import { AllocationState } from '../../domain/gateway/allocation';
import { SagaState, StepState } from '../../domain/saga';
import { readDescription } from '../../environment/description';
import type { Store } from '../../prisma/store';
import { document, root, rows, section } from './documents';

const operating = document('docs/operating.md');

test.each(Object.keys(failures) as FailureCode[])('says what a person does about %s', (code) => {
  const found = rows(section(operating, '## Failure codes')).filter(([cell]) => cell === `\`${code}\``);
  expect(found).toHaveLength(1);
  const [, status, happened, remedy] = found[0]!;
  expect(status).toBe(String(failures[code].status));
  expect(happened!.length).toBeGreaterThan(10);
  expect(remedy!.length).toBeGreaterThan(10);
});

test('names no failure code that there is not', () => {
  const named = rows(section(operating, '## Failure codes')).map(([cell]) => cell!.replaceAll('`', ''));
  expect(named.filter((code) => code !== 'code' && !Object.hasOwn(failures, code))).toEqual([]);
});

test('says what a person does in every state of a run', () => {
  const states = rows(section(operating, '## Run states')).slice(1, 1 + order.length);
  expect(states.map(([cell]) => cell)).toEqual(
    Object.values(SagaState)
      .map((state) => `\`${state}\``)
      .sort(byDocument),
  );
  for (const cells of states) expect(cells.every((cell) => cell !== '')).toBe(true);
});

const order = ['running', 'rolling_back', 'needs_attention', 'succeeded', 'rolled_back', 'abandoned'];
function byDocument(a: string, b: string): number {
  return order.indexOf(a.replaceAll('`', '')) - order.indexOf(b.replaceAll('`', ''));
}

test('says what the states of steps and of allocations mean', () => {
  const named = rows(section(operating, '## Run states')).slice(2 + order.length);
  const states = [...Object.values(StepState), 'state', ...Object.values(AllocationState)];
  expect(named.map(([cell]) => cell!.replaceAll('`', ''))).toEqual(states);
});

test('names every command of the CLI, and no other', () => {
  const program = new Command();
  for (const register of commands) register(program);
  const names = (command: Command, path: string[] = []): string[] =>
    command.commands.flatMap((each) => {
      const own = [...path, each.name()].join(' ');
      const below = names(each, [...path, each.name()]);
      return below.length > 0 && !acts(each) ? below : [own, ...below];
    });
  expect(documented().sort()).toEqual(names(program).sort());
});

/** Whether a command does something itself, beside having commands below it. */
function acts(command: Command): boolean {
  return (command as unknown as { _actionHandler: unknown })._actionHandler !== null;
}

/** The commands of the table, with `a|b` written out. */
function documented(): string[] {
  const cells = rows(section(operating, '## Commands'))
    .slice(1)
    .flatMap(([cell]) => cell!.split(', '));
  return cells.flatMap((cell) => {
    const words = cell.replaceAll('`', '').split(' ').slice(1);
    const plain = words.filter((word) => /^[a-z][a-z|-]*$/.test(word) && word !== 'retry|skip');
    const last = plain.at(-1)!.split('|');
    return last.map((each) => [...plain.slice(0, -1), each].join(' '));
  });
}

test('names every environment variable that is read, and no other', () => {
  const table = rows(section(operating, '## Environment variables')).slice(1);
  const named = table.flatMap(([cell]) => [...cell!.matchAll(/`([A-Z_]+)`/g)].map((match) => match[1]!));
  expect(named.sort()).toEqual([...variables()].sort());
});

/** The environment variables that the sources read. */
function variables(): Set<string> {
  const folders = ['activities', 'api', 'cli', 'domain', 'drivers', 'environment', 'prisma', 'worker', 'workflows'];
  const files = folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.(ts|js|mjs)$/.test(name) && !name.startsWith('generated'))
      .map((name) => join(root, folder, name)),
  );
  const found = new Set<string>();
  for (const text of files.map((file) => readFileSync(file, 'utf8'))) {
    for (const match of text.matchAll(/\benv(?:\.|\[')([A-Z][A-Z_]+)/g)) found.add(match[1]!);
    for (const match of text.matchAll(/\{([^{}]*)\} = (?:[a-z]+\.)?env\b/g))
      for (const name of match[1]!.matchAll(/\b[A-Z][A-Z_]+\b/g)) found.add(name[0]);
  }
  expect(found).toContain('DATABASE_URL');
  expect(found).toContain('GATEWRIGHT_TOKEN');
  return found;
}

test('names every metric, and no other', async () => {
  const store = new Proxy({}, { get: () => ({}) }) as Store;
  const text = await new Metrics(store, () => new Date()).text();
  const exported = [...text.matchAll(/^# TYPE (\S+)/gm)].map((match) => match[1]!);
  const named = new Set(
    [...operating.matchAll(/\bgatewright_[a-z_]+/g)].map((match) => match[0].replace(/_count$/, '')),
  );
  expect([...named].sort()).toEqual(exported.sort());
});

test('registers every search attribute with its type, as temporal-dev.yaml does', () => {
  const words: Record<string, string> = { KEYWORD: 'Keyword', DATETIME: 'Datetime', INT: 'Int' };
  for (const [name, type] of Object.entries(searchAttributes)) {
    expect(section(operating, '### Temporal')).toContain(`--name ${name} --type ${words[type]}`);
    expect(readDescription().temporal.searchAttributes[name]).toBe(words[type]);
  }
});

test('gives reasons for every setting of the server’s dynamic configuration, with its value', () => {
  const table = rows(section(operating, '### Temporal'));
  for (const [name, value] of Object.entries(readDescription().temporal.dynamicConfig)) {
    const row = table.find(([cell]) => cell!.includes(`\`${name}\``));
    expect(row?.[2]).toBe(value === '10ms' ? '10 ms' : String(value));
  }
});

test('the way it says to verify a webhook’s signature works', () => {
  const [, code] = /```js\n([\s\S]*?)```/.exec(section(operating, '## Webhooks'))!;
  const verify = new Function('require', `${code}; return verify;`)(require) as (
    secret: string,
    header: string,
    body: string,
    now: number,
  ) => boolean;
  const header = signature('a secret of sixteen', '{"id":"1"}', 1_000_000);
  expect(verify('a secret of sixteen', header, '{"id":"1"}', 1_000_010)).toBe(true);
  expect(verify('another secret, 16+', header, '{"id":"1"}', 1_000_010)).toBe(false);
  expect(verify('a secret of sixteen', header, '{"id":"2"}', 1_000_010)).toBe(false);
  expect(verify('a secret of sixteen', header, '{"id":"1"}', 1_000_400)).toBe(false);
  expect(verify('a secret of sixteen', 't=1000000', '{"id":"1"}', 1_000_010)).toBe(false);
});
