#!/usr/bin/env node
import { Command } from 'commander';
import { commands } from './commands';

/** The exit code of a command line that is not right; what went wrong while running has 1 and 3. */
const USAGE = 2;

const program = new Command('gatewright')
  .description('Starts gateways as durable workflows that end well or are taken back.')
  .version('0.1.0')
  .showHelpAfterError('(see --help)')
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : USAGE));

for (const register of commands) register(program);

program.parseAsync().catch((error: Error & { code?: unknown }) => {
  // Expected failures have a sentence; everything else is a bug, whose place is worth knowing.
  const expected = error.name === 'Failure' || error.name === 'ComponentFailed';
  process.stderr.write(`gatewright: ${expected ? error.message : error.stack}\n`);
  process.exit(1);
});
