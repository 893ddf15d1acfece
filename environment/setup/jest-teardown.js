'use strict';
const { rmSync } = require('node:fs');

/** After all tests: their temporary files go, and the memory of them. */
module.exports = function tearDown() {
  const temporary = globalThis.gatewrightTemporary;
  if (temporary !== undefined) rmSync(temporary, { recursive: true, force: true });
};
