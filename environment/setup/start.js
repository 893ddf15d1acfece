'use strict';
/* `npm start`: from a fresh clone to `gatewright up`. Plain JavaScript: it runs before there are any packages. */
const { join } = require('node:path');
const { fail } = require('./say');
const { ensurePackages } = require('./packages');
const { ensureBuilt } = require('./build');

ensurePackages();
if (!ensureBuilt()) fail('dist/ could not be built: see the message above');

// In this very process, so that signals and the exit code are those of `gatewright up`.
const main = join(__dirname, '..', '..', 'dist', 'cli', 'main.js');
process.argv = [process.argv[0], main, 'up', ...process.argv.slice(2)];
require(main);
