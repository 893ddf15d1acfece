import { leftOut, readCases } from '../support/cases';
import { onBoth } from './on-both';
import { runAttempts, runGatewayCase, runReplicaCase, type GatewayCase } from './gateway-rows';

const file = 'gateway_cases.json';
const rows = readCases<GatewayCase>(file);
const reasons = leftOut(file);

test('what is left out is a row of the cases and has a reason', () => {
  for (const [name, reason] of Object.entries(reasons)) {
    expect(rows.map((row) => row.name)).toContain(name);
    expect(reason.length).toBeGreaterThan(20);
  }
});

onBoth('cases of gateways and replicas', (databases) => {
  // Those of the HTTP API are run by tests/api/gateway-cases.test.ts.
  test.each(rows.filter(({ name, kind }) => kind !== 'api' && reasons[name] === undefined))(
    '$kind: $name',
    async (row) => {
      const opened = await databases.database();
      if (row.kind === 'gateway') return await runGatewayCase(opened, row);
      if (row.kind === 'replica') return await runReplicaCase(opened, row);
      if (row.kind === 'recommended' && row.given.gateway) return await runGatewayCase(opened, row);
      if (row.kind === 'recommended' && row.given.attempts_before !== undefined) {
        const attempts = await runAttempts(opened, await databases.store(opened.url), row);
        expect(attempts).toBeGreaterThan(row.given.attempts_before);
        return;
      }
      throw new Error('this row is neither run nor listed in tests/cases/left-out.json with its reason');
    },
  );
});
