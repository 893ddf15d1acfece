/*
 * Installs what the environment runs and is missing: `node dist/environment/install.js [--tests]`; `gatewright up` does
 * the same for itself.
 */
import { dstackVersions, ensureDstack } from './dstack-cli';
import { ensureMoto } from './moto';
import { ensureImageStore } from './machine-image';
import { ComponentFailed } from './process';
import { databasePackages, ensureSystemPackages, environmentPackages, testPackages } from './system-packages';
import { ensureTemporal } from './temporal-binary';

function say(text: string): void {
  process.stderr.write(`gatewright: ${text}\n`);
}

async function main(): Promise<void> {
  const forTests = process.argv.includes('--tests');
  await ensureSystemPackages(forTests ? testPackages : [...environmentPackages, ...databasePackages], say);
  await ensureTemporal(say);
  if (forTests) await ensureImageStore(say);
  if (forTests) await ensureMoto(say);
  if (forTests) for (const version of dstackVersions) await ensureDstack(version, say);
}

main().then(
  // The SDK's native core keeps a thread open once it was loaded.
  () => process.exit(0),
  (error: unknown) => {
    say(error instanceof ComponentFailed ? error.message : String((error as Error).stack));
    process.exit(1);
  },
);
