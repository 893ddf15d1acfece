/*
 * `npm run diagrams`: fills in what documents have generated from domain/ (domain/diagrams.ts), and
 * from what tests do to live servers (tests/database/support/outcomes.ts). With `--check` nothing
 * is written, and it ends with 1 when a document is not current.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { regenerate } from '../domain/diagrams';
import { outcomes } from '../tests/database/support/outcomes';

const root = join(__dirname, '..');

/** The documents with generated parts. */
const documents = [
  'README.md',
  'docs/operating.md',
  'docs/schema-changes.md',
  'docs/rollouts.md',
  'workflows/saga/README.md',
  'workflows/gateway/README.md',
  'workflows/fleet/README.md',
  'workflows/deploy-request/README.md',
];

const check = process.argv.includes('--check');
for (const document of documents) {
  const file = join(root, document);
  const text = readFileSync(file, 'utf8');
  const current = regenerate(text, outcomes);
  if (current === text) continue;
  if (check) process.exitCode = 1;
  else writeFileSync(file, current);
  console.log(`${document}: ${check ? 'not current' : 'written'}`);
}
