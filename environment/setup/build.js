'use strict';
/*
 * Builds dist/ from the sources, only what changed: TypeScript is stripped of its types (`npm test` checks them), other
 * files are copied, and the workflows are bundled once, so that no worker has to.
 */
const {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} = require('node:fs');
const { dirname, join, relative } = require('node:path');
const { root, say, run } = require('./say');
const { output, bundle, workflows, sources, outdated, bundleOutdated } = require('./sources');
const { agentOutdated, bundleAgent } = require('./bundle-agent');

/** Brings dist/ up to date. @returns whether it could. */
function ensureBuilt() {
  removeStrays();
  if (outdated().length === 0 && !(existsSync(workflows) && bundleOutdated()) && !agentOutdated()) return true;
  // A process of its own: the bundler's memory is given back.
  return run(process.execPath, [__filename]) === 0;
}

/** Removes what was built from sources that are gone. */
function removeStrays() {
  if (!existsSync(output)) return;
  const expected = new Set(sources().flatMap(({ to }) => [to, `${to}.map`]));
  for (const entry of readdirSync(output, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath ?? entry.path, entry.name);
    const ours = dirname(path) !== output && /\.js(\.map)?$/.test(path);
    if (entry.isFile() && ours && !expected.has(path)) rmSync(path, { force: true });
  }
}

async function compile(changed) {
  const swc = require('@swc/core');
  for (const { from, to } of changed) {
    mkdirSync(dirname(to), { recursive: true });
    const draft = `${to}.${process.pid}`;
    if (from.endsWith('.ts')) {
      const { code, map } = await swc.transformFile(from, {
        jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
        // `import()` stays what it is: the way to packages that are only published as ES modules.
        module: { type: 'commonjs', ignoreDynamic: true },
        sourceMaps: true,
        swcrc: false,
      });
      writeFileSync(`${to}.map`, map);
      writeFileSync(draft, `${code}\n//# sourceMappingURL=${relative(dirname(to), `${to}.map`)}\n`);
    } else {
      copyFileSync(from, draft);
    }
    const { atime, mtime } = statSync(from);
    utimesSync(draft, atime, mtime);
    // Somebody may be running what was built before.
    renameSync(draft, to);
  }
}

async function bundleWorkflows() {
  const began = new Date();
  const { bundleWorkflowCode, DefaultLogger } = require('@temporalio/worker');
  const { bundleOptions } = require(join(output, 'worker', 'bundle.js'));
  // From the sources instead of from what was compiled: stack traces in Temporal's Web UI then name them.
  const source = (built) => `${join(root, relative(output, built))}.ts`;
  const { code } = await bundleWorkflowCode({
    workflowsPath: source(bundleOptions.workflowsPath),
    workflowInterceptorModules: bundleOptions.workflowInterceptorModules.map(source),
    preloadModules: bundleOptions.preloadModules.map(source),
    logger: new DefaultLogger('WARN'),
  });
  const draft = `${bundle}.${process.pid}`;
  mkdirSync(output, { recursive: true });
  writeFileSync(draft, code);
  utimesSync(draft, began, began);
  renameSync(draft, bundle);
}

async function build() {
  const changed = outdated();
  if (changed.length > 0) {
    say(`building ${changed.length === 1 ? relative(root, changed[0].from) : `${changed.length} files`} ...`);
    await compile(changed);
  }
  if (agentOutdated()) {
    say('bundling the gateway agent ...');
    await bundleAgent();
  }
  if (existsSync(workflows) && bundleOutdated()) {
    say('bundling the workflows ...');
    await bundleWorkflows();
  }
}

if (require.main === module) {
  removeStrays();
  build().catch((error) => {
    say(`the build failed: ${error.message}`);
    process.exit(1);
  });
}

module.exports = { ensureBuilt };
