import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { commands } from '../../cli/commands';
import { openApiDocument } from '../../api/openapi';
import { planOf } from '../../domain/run-plan';
import { brokenLinks, document, documents, root } from './documents';

const readme = document('README.md');
const everything = documents.map((path) => ({ path, text: document(path) }));

test.each(documents)('%s has no link that leads nowhere', (path) => {
  expect(brokenLinks(path)).toEqual([]);
});

test('documents name only npm scripts that there are', () => {
  const { scripts } = JSON.parse(document('package.json')) as { scripts: Record<string, string> };
  const named = everything.flatMap(({ text }) => [
    ...[...text.matchAll(/\bnpm run (?:-s )?([a-z:]+)/g)].map((match) => match[1]!),
    ...[...text.matchAll(/\bnpm (start|test)\b/g)].map((match) => match[1]!),
  ]);
  expect(named).toContain('bench');
  expect(named.filter((name) => !Object.hasOwn(scripts, name))).toEqual([]);
});

test('the README names only folders and files that there are', () => {
  const named = [...readme.matchAll(/`([a-z]+\/|[a-z-]+\.(?:yaml|json|ts|md))`/g)].map((match) => match[1]!);
  expect(named).toContain('workflows/'.replace('workflows', 'activities'));
  expect(named.filter((path) => !existsSync(join(root, path)))).toEqual([]);
});

test('documents use commands and options of the CLI that there are', () => {
  const program = new Command();
  for (const register of commands) register(program);
  const lines = everything.flatMap(({ text }) => [...text.matchAll(/\bgatewright ([a-z]+(?: [^`\n#]*)?)/g)]);
  const used = lines.map((match) => match[1]!.trim()).filter((line) => /^[a-z]+( |$)/.test(line));
  const wrong = used.filter((line) => !exists(program, line.split(/\s+/)));
  expect(used.length).toBeGreaterThan(20);
  expect(wrong).toEqual([]);
});

/** Whether the words of a command line are commands and options that there are. */
function exists(program: Command, words: readonly string[]): boolean {
  let command = program;
  for (const word of words) {
    const next = command.commands.find((each) => each.name() === word);
    if (next) command = next;
    else if (command === program) return false;
    else if (/^--[a-z-]+$/.test(word) && word !== '--help' && !has(command, word)) return false;
  }
  return true;
}

function has(command: Command | null, option: string): boolean {
  return command !== null && (command.options.some(({ long }) => long === option) || has(command.parent, option));
}

test('documents name only routes of the API that there are', () => {
  const paths = Object.keys(openApiDocument().paths ?? {});
  const pattern = (path: string): RegExp => new RegExp(`^${path.replace(/\{[a-z]+\}/g, '[^/]+')}$`);
  const named = everything.flatMap(({ text }) =>
    [...text.matchAll(/(?:\b(?:GET|POST|PUT|DELETE) |\$API)(\/[A-Za-z0-9_/{}$-]+)/g)].map((match) => match[1]!),
  );
  expect(named).toContain('/gateway/start');
  expect(named.filter((path) => !paths.some((each) => pattern(each).test(path)))).toEqual([]);
});

test('the diagram of a run shows the steps of a start in their order', () => {
  const steps = planOf('gateway.start').map(({ name }) => name);
  expect(readme).toContain(steps.join(' --> '));
});
