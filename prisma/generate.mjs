// Composes one schema per provider from models.prisma and generates the Prisma clients, without downloading an engine.
//   node prisma/generate.mjs           writes prisma/{sqlite,postgresql}/schema.prisma and prisma/generated
//   node prisma/generate.mjs --check   exits 1 when the committed ones differ from what would be written
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const providers = ['sqlite', 'postgresql'];

const header = (provider) => `// Composed from ../models.prisma by generate.mjs; change that one.

generator client {
  provider               = "prisma-client"
  output                 = "../generated/${provider}"
  moduleFormat           = "cjs"
  generatedFileExtension = "ts"
  importFileExtension    = ""
}

datasource db {
  provider = "${provider}"
}

`;

/** Writes schemas and clients below `root`, laid out as below prisma/. */
function generate(root) {
  const models = readFileSync(join(here, 'models.prisma'), 'utf8');
  for (const provider of providers) {
    const schema = join(root, provider, 'schema.prisma');
    mkdirSync(dirname(schema), { recursive: true });
    writeFileSync(schema, header(provider) + models);
    rmSync(join(root, 'generated', provider), { recursive: true, force: true });
    execFileSync(
      process.execPath,
      [join(here, '../node_modules/prisma/build/index.js'), 'generate', '--schema', schema, '--no-hints'],
      {
        cwd: join(here, '..'),
        // The client generator is WASM; the CLI only insists that a schema engine exists.
        env: {
          ...process.env,
          PRISMA_SCHEMA_ENGINE_BINARY: '/bin/true',
          PRISMA_HIDE_UPDATE_MESSAGE: '1',
          CHECKPOINT_DISABLE: '1',
        },
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
  }
}

/** Text of every generated file below `root` by its relative path. */
function generated(root) {
  const files = new Map();
  const read = (path) => files.set(relative(root, path), readFileSync(path, 'utf8').replaceAll(root, ''));
  for (const provider of providers) {
    const schema = join(root, provider, 'schema.prisma');
    if (existsSync(schema)) read(schema);
    const directory = join(root, 'generated', provider);
    if (!existsSync(directory)) continue;
    for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true }))
      if (entry.isFile()) read(join(entry.parentPath, entry.name));
  }
  return files;
}

function check() {
  const root = mkdtempSync(join(tmpdir(), 'gatewright-prisma-'));
  try {
    generate(root);
    const wanted = generated(root);
    const present = generated(here);
    const paths = new Set([...wanted.keys(), ...present.keys()]);
    return [...paths].filter((path) => wanted.get(path) !== present.get(path)).sort();
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

if (process.argv.includes('--check')) {
  const stale = check();
  if (stale.length > 0) {
    console.error(
      `These generated files are not current:\n${stale.map((path) => `  prisma/${path}`).join('\n')}\nRun: node prisma/generate.mjs`,
    );
    process.exit(1);
  }
  console.log('prisma: schemas and clients are current');
} else generate(here);
