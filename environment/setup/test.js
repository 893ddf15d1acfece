'use strict';
/*
 * `npm test`: from a fresh clone to every check and every test. Arguments go to jest. The counts are left in
 * dist/test-results.json for .ci/run.
 */
const { spawn } = require('node:child_process');
const { once } = require('node:events');
const { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } = require('node:fs');
const { constants, setPriority } = require('node:os');
const { join, relative } = require('node:path');
const { root, say, fail, run } = require('./say');
const { ensurePackages } = require('./packages');
const { ensureBuilt } = require('./build');
const { verify } = require('./verify');

const bin = (name) => join(root, 'node_modules', '.bin', name);
const jestResults = join(root, 'dist', 'jest-results.json');
const results = join(root, 'dist', 'test-results.json');

/** Checks that only read; they run beside the tests, which wait much of the time, each speaking when it is done. */
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
    // Tests measure what is late; these have the time that is left.
    if (child.pid !== undefined) setPriority(child.pid, constants.priority.PRIORITY_BELOW_NORMAL);
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

/** How many files may be run a second time. More than a few that fail are no accident. */
const SECOND_CHANCES = 3;

/**
 * Runs jest. A file that fails runs once more, alone: tests that kill processes and cut networks share a machine with
 * whatever else runs on it. What passes only then is named at the end, to be looked into.
 * @returns its counts, and the files that passed only alone.
 */
async function jest(args) {
  const first = await jestOnce(args);
  const again = first.files.filter(({ failed }) => failed > 0).map(({ name }) => name);
  if (again.length === 0 || again.length > SECOND_CHANCES) return { ...countsOf(first), unsteady: [] };
  say(`once more, alone: ${again.join(' ')}`);
  const second = await jestOnce(['--runInBand', '--runTestsByPath', ...again]);
  const files = [...first.files.filter(({ failed }) => failed === 0), ...second.files];
  const unsteady = second.files.filter(({ failed }) => failed === 0).map(({ name }) => name);
  return { ...countsOf({ files, broken: second.broken }), unsteady };
}

function countsOf({ files, broken }) {
  const sum = (key) => files.reduce((total, file) => total + file[key], 0);
  return { passed: sum('passed'), failed: Math.max(sum('failed'), broken ? 1 : 0) };
}

/** @returns for each file how many passed and failed, and whether jest itself ended badly. */
async function jestOnce(args) {
  rmSync(jestResults, { force: true });
  const ci = process.env.CI ? ['--ci'] : [];
  const child = spawn(bin('jest'), [...ci, '--json', `--outputFile=${jestResults}`, ...args], {
    cwd: root,
    stdio: ['ignore', 'ignore', 2],
  });
  const [status] = await once(child, 'close');
  if (!existsSync(jestResults)) {
    say(`jest ended with ${status} and left no results`);
    return { files: [], broken: true };
  }
  const report = JSON.parse(readFileSync(jestResults, 'utf8'));
  if (report.numPendingTests > 0) say(`${report.numPendingTests} tests were skipped, which counts as failed`);
  const files = report.testResults.map(({ name, status: whole, assertionResults }) => {
    const passed = assertionResults.filter((test) => test.status === 'passed').length;
    // A file that could not run at all counts as one failure.
    const failed = Math.max(assertionResults.length - passed, whole === 'failed' ? 1 : 0);
    return { name: relative(root, name), passed, failed };
  });
  return { files, broken: status !== 0 };
}

async function main() {
  mkdirSync(join(root, 'dist'), { recursive: true });
  rmSync(results, { force: true });
  ensurePackages();
  if (!ensureBuilt()) fail('dist/ could not be built: see the message above');
  if (run(process.execPath, ['dist/environment/install.js', '--tests']) !== 0)
    fail('something the tests need is missing');

  const generated = verify();
  say('types, lint and formatting beside the tests ...');
  const [outcomes, tests] = await Promise.all([Promise.all(checks.map(check)), jest(process.argv.slice(2))]);
  const good = outcomes.filter((outcome) => outcome.good).length;
  const passed = good + generated.passed + tests.passed;
  const failed = outcomes.length - good + generated.failed + tests.failed;
  writeFileSync(results, JSON.stringify({ passed, failed }));
  for (const { name, good } of outcomes) if (!good) say(`${name} FAILED: what it said stands above`);
  for (const name of tests.unsteady)
    say(`${name} failed at first, and passed when it ran alone: what it said stands above`);
  say(`${passed} passed, ${failed} failed`);
  process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
}

main().catch((error) => fail(error.stack));
