import { leftOut, readCases } from '../support/cases';
import { apiRows, type ApiCase } from './cas-api-rows';
import { runLeaseCase } from './cas-lease-rows';
import { runRetryCase, runStoreCase } from './cas-store-rows';
import { onBoth } from './on-both';

interface CasCase extends ApiCase {
  readonly level: 'store' | 'api' | 'lifecycle' | 'lease' | 'text';
}

const file = 'cas_cases.json';
const rows = readCases<CasCase>(file);
const reasons = leftOut(file);

test('what is left out is a row of the cases and has a reason', () => {
  for (const [name, reason] of Object.entries(reasons)) {
    expect(rows.map((row) => row.name)).toContain(name);
    expect(reason.length).toBeGreaterThan(20);
  }
});

onBoth('cases of compare-and-swap', (databases) => {
  test.each(rows.filter(({ name }) => reasons[name] === undefined))('$level: $name', async (row) => {
    const { database, store } = await databases.database();
    if (row.level === 'store') return await runStoreCase(database, row as never);
    if (row.level === 'text') return await runRetryCase(database, row as never);
    if (row.level === 'lease') return await runLeaseCase(store, row as never);
    const run = apiRows[row.name];
    if (!run) throw new Error('this row is neither run nor listed in tests/cases/left-out.json with its reason');
    await run({ database, store }, row);
  });
});
