'use strict';
const { ensureBuilt } = require('./build');
const { bundle } = require('./sources');

/** Before all tests: the build is current, and the workflows are bundled once for every worker of every test. */
module.exports = function setUp() {
  if (!ensureBuilt()) throw new Error('dist/ could not be built');
  process.env.GATEWRIGHT_WORKFLOW_BUNDLE = bundle;
};
