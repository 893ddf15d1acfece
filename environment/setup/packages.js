'use strict';
const { createHash } = require('node:crypto');
const { existsSync, readFileSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');
const { root, say, fail, run } = require('./say');

const modules = join(root, 'node_modules');
const lockfile = join(root, 'package-lock.json');
const stamp = join(modules, '.gatewright-lockfile');

/** Installs the npm packages of the lockfile unless node_modules already holds exactly these. */
function ensurePackages() {
  const wanted = createHash('sha256').update(readFileSync(lockfile)).digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  if (!installed()) {
    say('installing the npm packages (about a minute) ...');
    const npm = process.env.npm_execpath ? [process.execPath, process.env.npm_execpath] : ['npm'];
    // Not `npm ci`: it insists on the packages of all platforms in the lockfile, and not every registry has them all.
    // This installs the lockfile's versions, too. The build and the checks are development packages, whatever NODE_ENV.
    const args = ['install', '--no-save', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'];
    const status = run(npm[0], [...npm.slice(1), ...args]);
    if (status !== 0)
      fail(`npm install failed with ${status}: see its messages above, and whether the npm registry answers`);
  }
  writeFileSync(stamp, wanted);
}

/** Whether somebody's own `npm ci` or `npm install` left what the lockfile says; npm writes its hidden lockfile last. */
function installed() {
  const hidden = join(modules, '.package-lock.json');
  if (!existsSync(hidden)) return false;
  const have = JSON.parse(readFileSync(hidden, 'utf8')).packages;
  const want = JSON.parse(readFileSync(lockfile, 'utf8')).packages;
  const missing = Object.keys(want).filter(
    (path) => path !== '' && have[path]?.version !== want[path].version && !want[path].optional && !want[path].peer,
  );
  return missing.length === 0;
}

module.exports = { ensurePackages };
