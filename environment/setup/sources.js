'use strict';
const { existsSync, readdirSync, statSync } = require('node:fs');
const { join, relative } = require('node:path');
const { root } = require('./say');

const output = join(root, 'dist');
const bundle = join(output, 'workflow-bundle.js');
const folders = 'activities api bench cli console domain drivers environment prisma profiles worker workflows'.split(
  ' ',
);

/** Every file below a folder of the root, as paths relative to the root. */
function filesBelow(folder) {
  const top = join(root, folder);
  if (!existsSync(top)) return [];
  return readdirSync(top, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.startsWith('.'))
    .map((entry) => relative(root, join(entry.parentPath ?? entry.path, entry.name)));
}

/** What the build consists of: TypeScript is compiled, everything else that a program may read is copied. */
function sources() {
  return folders
    .flatMap(filesBelow)
    .filter((path) => !path.endsWith('.md') && !path.endsWith('.d.ts') && !path.startsWith('environment/setup/'))
    .map((path) => ({ from: join(root, path), to: join(output, path.replace(/\.ts$/, '.js')) }));
}

/** Milliseconds at which a file was last changed, 0 when there is none. A built file has the time of its source. */
function changedAt(path) {
  return Math.trunc(statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0);
}

/** The sources whose built file is missing or of another time; setting a time may round it by a millisecond. */
function outdated() {
  return sources().filter(({ from, to }) => Math.abs(changedAt(from) - changedAt(to)) > 1);
}

/** Whether the workflows' bundle is older than anything it may be made of. */
function bundleOutdated() {
  const made = changedAt(bundle);
  const inputs = ['workflows', 'domain'].flatMap(filesBelow).map((path) => join(root, path));
  return [
    ...inputs,
    ...['package-lock.json', 'worker/bundle.ts', 'environment/setup/build.js'].map((path) => join(root, path)),
  ].some((path) => changedAt(path) > made);
}

/** Where the bundle's workflows are named. */
const workflows = join(root, 'workflows', 'index.ts');

module.exports = { output, bundle, workflows, sources, outdated, bundleOutdated, changedAt, filesBelow };
