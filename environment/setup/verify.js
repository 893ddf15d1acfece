'use strict';
/* `npm run verify`: generated files are what would be generated now. */
const { existsSync } = require('node:fs');
const { join } = require('node:path');
const { root, say, run } = require('./say');

/** Each check: what it looks at, the program that checks it (run from the sources, whose neighbours it reads), and what makes the file current. */
const checks = [
  { name: 'Prisma clients', program: 'prisma/generate.mjs', args: ['--check'], remedy: 'npm run generate' },
  { name: 'OpenAPI document', program: 'api/openapi.ts', args: ['--check'], remedy: 'npm run openapi' },
  {
    name: 'generated parts of documents',
    program: 'environment/diagrams.ts',
    args: ['--check'],
    remedy: 'npm run diagrams',
  },
];

/** Runs every check. @returns how many passed and failed. */
function verify() {
  let passed = 0;
  let failed = 0;
  for (const { name, program, args, remedy } of checks) {
    const present = existsSync(join(root, program));
    const good = present && run(process.execPath, ['-r', './tests/support/register.js', program, ...args]) === 0;
    if (good) passed++;
    else failed++;
    say(
      good
        ? `verify: ${name} current`
        : `verify: ${name} ${present ? `not current; run \`${remedy}\`` : 'cannot be checked: no ' + program}`,
    );
  }
  return { passed, failed };
}

if (require.main === module) {
  process.exitCode = verify().failed === 0 ? 0 : 1;
}

module.exports = { verify };
