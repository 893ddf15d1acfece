'use strict';
/*
 * `npm test`: from a fresh clone to every check and every test. Arguments go to jest. The counts are left in
 * dist/test-results.json for .ci/run.
 */
const { spawn } = require('node:child_process');
const { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');
const { root, say, fail, run } = require('./say');
const { ensurePackages } = require('./packages');
const { ensureBuilt } = require('./build');
const { verify } = require('./verify');

const bin = (name) => join(root, 'node_modules', '.bin', name);
const jestResults = join(root, 'dist', 'jest-results.json');
const results = join(root, 'dist', 'test-results.json');

/** Checks that only read; they run side by side, each speaking when it is done. */
const checks = [
  { name: 'types', command: 'tsc', args: ['--noEmit', '-p', '.'] },
  { name: 'lint', command: 'eslint', args: ['.', '--max-warnings', '0'] },
  { name: 'formatting', command: 'prettier', args: ['--check', '--log-level', 'warn', '.'] },
];

function check({ name, command, args }) {
  return new Promise((resolve) => {
    const began = Date.now();
    let output = '';
    const child = spawn(bin(command), args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout.on('data', (chunk) => (output += chunk));
    child.stderr.on('data', (chunk) => (output += chunk));
    child.once('error', (error) => (output += error.message));
    child.once('close', (code) => {
      const good = code === 0;
      say(`${name}: ${good ? 'passed' : 'FAILED'} (${((Date.now() - began) / 1000).toFixed(1)} s)`);
      if (!good) process.stderr.write(`${output.trimEnd()}\n`);
      resolve({ name, good });
    });
  });
}

/** Runs jest. @returns its counts; a suite that could not run at all counts as one failure. */
function jest(args) {
  rmSync(jestResults, { force: true });
  const ci = process.env.CI ? ['--ci'] : [];
  const status = run(bin('jest'), [...ci, '--json', `--outputFile=${jestResults}`, ...args], {
    stdio: ['ignore', 'ignore', 2],
  });
  if (!existsSync(jestResults)) {
    say(`jest ended with ${status} and left no results`);
    return { passed: 0, failed: 1 };
  }
  const report = JSON.parse(readFileSync(jestResults, 'utf8'));
  const failed = report.numFailedTests + report.numRuntimeErrorTestSuites + report.numPendingTests;
  if (report.numPendingTests > 0) say(`${report.numPendingTests} tests were skipped, which counts as failed`);
  return { passed: report.numPassedTests, failed: Math.max(failed, status === 0 ? 0 : 1) };
}

async function main() {
  mkdirSync(join(root, 'dist'), { recursive: true });
  rmSync(results, { force: true });
  ensurePackages();
  if (!ensureBuilt()) fail('dist/ could not be built: see the message above');
  if (run(process.execPath, ['dist/environment/install.js', '--tests']) !== 0)
    fail('something the tests need is missing');

  say('types, lint and formatting ...');
  const outcomes = await Promise.all(checks.map(check));
  let passed = outcomes.filter(({ good }) => good).length;
  let failed = outcomes.length - passed;

  for (const part of [verify, () => jest(process.argv.slice(2))]) {
    const counts = part();
    passed += counts.passed;
    failed += counts.failed;
  }
  writeFileSync(results, JSON.stringify({ passed, failed }));
  for (const { name, good } of outcomes) if (!good) say(`${name} FAILED: what it said stands above, before the tests`);
  say(`${passed} passed, ${failed} failed`);
  process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
}

main().catch((error) => fail(error.stack));
