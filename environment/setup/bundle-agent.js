'use strict';
/*
 * Makes one plain JavaScript file of the gateway agent, which profiles place on machines that have nothing but node 18.
 * The bundler is the one that Temporal's worker brings along for the workflows.
 */
const { mkdirSync, renameSync, statSync, utimesSync } = require('node:fs');
const { basename, dirname, join } = require('node:path');
const { root } = require('./say');
const { output, filesBelow, changedAt } = require('./sources');

const agent = join(output, 'gateway-agent.js');
const inputs = () =>
  [
    ...['environment/agent', 'domain/gateway', 'drivers/agent'].flatMap(filesBelow),
    'package-lock.json',
    'environment/setup/bundle-agent.js',
  ].map((path) => join(root, path));

/** Whether the agent's file is missing or older than anything it may be made of. */
function agentOutdated() {
  const made = changedAt(agent);
  return statSync(agent, { throwIfNoEntry: false }) === undefined || inputs().some((path) => changedAt(path) > made);
}

async function bundleAgent() {
  const began = new Date();
  const temporal = dirname(require.resolve('@temporalio/worker/package.json'));
  const found = (name) => require.resolve(name, { paths: [temporal] });
  const webpack = require(found('webpack'));
  mkdirSync(output, { recursive: true });
  const draft = `${agent}.${process.pid}`;
  const compiler = webpack({
    mode: 'production',
    target: 'node18',
    entry: join(root, 'environment/agent/main.ts'),
    output: { path: output, filename: basename(draft) },
    resolve: { extensions: ['.ts', '.js'] },
    module: {
      rules: [
        {
          test: /\.ts$/,
          use: {
            loader: found('swc-loader'),
            options: { jsc: { parser: { syntax: 'typescript' }, target: 'es2022' }, swcrc: false },
          },
        },
      ],
    },
    // What ws tries for speed and does without.
    externals: { bufferutil: 'commonjs bufferutil', 'utf-8-validate': 'commonjs utf-8-validate' },
    // Readable, for whoever looks at it on a machine.
    optimization: { minimize: false, moduleIds: 'named' },
    performance: false,
  });
  await new Promise((resolve, reject) => {
    compiler.run((error, stats) => {
      if (error) return reject(error);
      if (stats.hasErrors()) return reject(new Error(stats.toString('errors-only')));
      compiler.close((problem) => (problem ? reject(problem) : resolve()));
    });
  });
  utimesSync(draft, began, began);
  renameSync(draft, agent);
}

module.exports = { agent, agentOutdated, bundleAgent };
