'use strict';
const { spawnSync } = require('node:child_process');
const { join } = require('node:path');

/** The root of the sources. */
const root = join(__dirname, '..', '..');

/** Tells the person at the terminal what is being done; stdout is left to whoever asked for output. */
function say(text) {
  process.stderr.write(`gatewright: ${text}\n`);
}

/** Ends with one message that says what is wrong and what to do. */
function fail(text) {
  say(text);
  process.exit(1);
}

/**
 * Runs a program to its end, its output on our stderr.
 * @returns its exit code; 128 and more when a signal ended it.
 */
function run(command, args, options = {}) {
  const result = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2], ...options });
  if (result.error) throw new Error(`${command} could not be run: ${result.error.message}`);
  return result.status ?? 128;
}

module.exports = { root, say, fail, run };
