'use strict';
/*
 * One call of an engine in a process of its own, which ends itself, or the server, with SIGKILL at a named point:
 * `node engine-process.js '{"kind": "mysql", "engine": {...}, "change": "file", "verb": "copy", "kill": {...}}'`. Prints the
 * result as JSON.
 */
const { readFileSync } = require('node:fs');
const { MySqlEngine } = require('../../../dist/drivers/database/mysql/engine.js');
const { PostgresEngine } = require('../../../dist/drivers/database/postgresql/engine.js');

const { kind, engine: options, change: file, verb, kill, forMs } = JSON.parse(process.argv[2]);
const stop = new AbortController();
if (forMs) setTimeout(() => stop.abort(), forMs);

let passed = 0;
function onPoint(name) {
  if (!kill || (kill.point !== '*' && name !== kill.point) || ++passed < kill.nth) return;
  process.kill(kill.server ?? process.pid, 'SIGKILL');
}

const Engine = { mysql: MySqlEngine, postgresql: PostgresEngine }[kind];
const engine = new Engine({ ...options, onPoint });
const change = JSON.parse(readFileSync(file, 'utf8'));
const work = { signal: stop.signal };
const swap = { force: true, deadlineMs: 20_000, acceptLosses: true };
const calls = {
  prepare: () => engine.prepare(change, work),
  copy: () => engine.copy(change, work),
  follow: () => engine.follow(change, work),
  prove: () => engine.prove(change, work),
  cutOver: () => engine.cutOver(change, swap, work),
  revert: () => engine.revert(change, swap, work),
  reapply: () => engine.reapply(change, swap, work),
  finish: () => engine.finish(change, work),
  cancel: () => engine.cancel(change, work),
};

calls[verb]().then(
  (result) => {
    process.stdout.write(JSON.stringify(result ?? null));
    process.exit(0);
  },
  (error) => {
    process.stderr.write(`${error.code ?? error.name}: ${error.message}\n${error.stack}`);
    process.exit(1);
  },
);
