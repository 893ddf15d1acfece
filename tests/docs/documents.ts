import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The root of the sources. */
export const root = join(__dirname, '..', '..');

/** The text of a document. */
export function document(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

/** Every document that people read. */
export const documents = [
  'README.md',
  'docs/operating.md',
  'docs/dstack.md',
  'docs/fleet.md',
  'docs/schema-changes.md',
  'docs/rollouts.md',
  'workflows/saga/README.md',
  'workflows/gateway/README.md',
  'workflows/fleet/README.md',
  'workflows/deploy-request/README.md',
  'api/README.md',
  'environment/README.md',
  ...readdirSync(join(root, 'docs', 'decisions')).map((name) => `docs/decisions/${name}`),
];

/** The section below a heading, without the sections beside it. */
export function section(text: string, heading: string): string {
  const start = text.indexOf(`${heading}\n`);
  if (start === -1) throw new Error(`there is no heading «${heading}»`);
  const level = /^#+/.exec(heading)![0].length;
  const rest = text.slice(start + heading.length);
  const next = rest.search(new RegExp(`^#{1,${level}} `, 'm'));
  return next === -1 ? rest : rest.slice(0, next);
}

/** The cells of every row of the tables in a text. */
export function rows(text: string): string[][] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('| ') && !/^[|\s-]+$/.test(line))
    .map((line) => line.split(/(?<!\\)\|/).slice(1, -1))
    .map((cells) => cells.map((cell) => cell.trim().replaceAll('\\|', '|')));
}

/** The anchor that GitHub gives a heading. */
function anchor(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');
}

/** What of a document's links leads nowhere: files that are absent, headings that are. */
export function brokenLinks(path: string): string[] {
  const links = [...document(path).matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1]!);
  return links.filter((link) => {
    if (/^https?:/.test(link)) return false;
    const [target, fragment] = link.split('#') as [string, string?];
    const file = target === '' ? path : join(path, '..', target);
    if (!existsSync(join(root, file))) return true;
    if (fragment === undefined) return false;
    const headings = [...document(file).matchAll(/^#+ (.*)$/gm)].map((match) => anchor(match[1]!));
    return !headings.includes(fragment);
  });
}
