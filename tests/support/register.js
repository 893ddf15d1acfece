'use strict';
// Lets `node -r` run the TypeScript sources as they are, so that tests can start our programs without a build. What the
// build has compiled of them is taken from there: a process that is killed and started again is there sooner.
const { readFileSync } = require('node:fs');
const { join, relative } = require('node:path');
const { output, changedAt } = require('../../environment/setup/sources');

const root = join(__dirname, '..', '..');
const options = {
  jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
  module: { type: 'commonjs', ignoreDynamic: true },
  sourceMaps: 'inline',
};

/** What a source becomes. A built file has the time of its source, or it is of another one. */
function compiled(filename) {
  const built = join(output, relative(root, filename).replace(/\.ts$/, '.js'));
  if (Math.abs(changedAt(filename) - changedAt(built)) <= 1) return readFileSync(built, 'utf8');
  const { transformSync } = require('@swc/core');
  return transformSync(readFileSync(filename, 'utf8'), { ...options, filename }).code;
}

require.extensions['.ts'] = (module, filename) => module._compile(compiled(filename), filename);
