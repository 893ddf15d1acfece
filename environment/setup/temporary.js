'use strict';
const { spawnSync } = require('node:child_process');
const { chmodSync, mkdtempSync, readdirSync, rmSync, statfsSync, statSync, writeFileSync } = require('node:fs');
const { freemem } = require('node:os');
const { join } = require('node:path');

/** Where Linux keeps files in memory. */
const MEMORY = '/dev/shm';
const PREFIX = 'gatewright-tests-';

/** Bytes: two workers of jest, each with its database servers, hold up to 2.4 GB; more is left to the programs. */
const FILES = 6 * 1024 ** 3;
const FREE = 10 * 1024 ** 3;

/** After that long without a new file, the directory of a run that is gone is nobody's: milliseconds. */
const FORGOTTEN_MS = 3_600_000;

/**
 * Makes a directory in memory for the temporary files of the tests: nobody misses their databases, and most of what the
 * servers' system calls cost on a disk is for its sake.
 * @returns undefined where there is no memory to spare, where programs cannot be run from it, and where TMPDIR says
 * what to take.
 */
function temporaryInMemory() {
  if (process.env.TMPDIR) return undefined;
  let directory;
  try {
    sweep();
    const { bavail, bsize } = statfsSync(MEMORY);
    if (bavail * bsize < FILES || (process.availableMemory?.() ?? freemem()) < FREE) return undefined;
    directory = mkdtempSync(join(MEMORY, `${PREFIX}${process.pid}-`));
    // As /tmp is: servers run as accounts of their own.
    chmodSync(directory, 0o1777);
    if (runs(directory)) return directory;
  } catch {
    // No such directory, or not for us: the disk does as well.
  }
  if (directory !== undefined) rmSync(directory, { recursive: true, force: true });
  return undefined;
}

/** Removes what runs left that were killed: memory is not freed by a process' end. */
function sweep() {
  for (const name of readdirSync(MEMORY).filter((each) => each.startsWith(PREFIX))) {
    const pid = Number(name.slice(PREFIX.length).split('-')[0]);
    const path = join(MEMORY, name);
    if (alive(pid) || Date.now() - statSync(path).mtimeMs < FORGOTTEN_MS) continue;
    rmSync(path, { recursive: true, force: true });
  }
}

function alive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** Whether programs may be run from there: containers often forbid it. */
function runs(directory) {
  const program = join(directory, 'program');
  writeFileSync(program, '#!/bin/sh\n', { mode: 0o700 });
  const { status } = spawnSync(program);
  rmSync(program);
  return status === 0;
}

module.exports = { temporaryInMemory };
