import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Deps } from './deps';
import { documentOf, type OpenApiDocument } from './openapi-document';
import type { RouteDeclaration } from './route';
import { routes } from './routes';

/** The declarations of every route of the API. */
export function declarations(): readonly RouteDeclaration[] {
  // Declarations say nothing that depends on what the handlers work with, and no handler is called.
  return routes({} as Deps).map((each) => each.declaration);
}

/** The OpenAPI 3.1 document of every route. */
export function openApiDocument(): OpenApiDocument {
  return documentOf(declarations());
}

const file = join(__dirname, 'openapi.json');

/** Writes `api/openapi.json`, or with `--check` tells whether it is current. */
function main(): void {
  const present = `${JSON.stringify(openApiDocument(), null, 2)}\n`;
  if (!process.argv.includes('--check')) {
    writeFileSync(file, present);
    return;
  }
  const kept = readFileSync(file, 'utf8');
  if (kept === present) return;
  process.stderr.write('api/openapi.json is not what the routes declare.\n');
  process.exitCode = 1;
}

if (require.main === module) main();
