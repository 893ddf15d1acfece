'use strict';
const { mkdirSync } = require('node:fs');
const { join } = require('node:path');
const { ensureBuilt } = require('./build');
const { bundle } = require('./sources');
const { temporaryInMemory } = require('./temporary');

/**
 * Before all tests: the build is current, the workflows are bundled once for every worker of every test, and temporary
 * files are in memory.
 */
module.exports = function setUp() {
  if (!ensureBuilt()) throw new Error('dist/ could not be built');
  process.env.GATEWRIGHT_WORKFLOW_BUNDLE = bundle;
  const temporary = temporaryInMemory();
  if (temporary === undefined) return;
  process.env.TMPDIR = temporary;
  // Where tests keep the data of servers that they copy.
  mkdirSync(join(temporary, 'templates'));
  globalThis.gatewrightTemporary = temporary;
};
