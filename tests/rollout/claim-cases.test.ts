import { leftOut, readCases } from '../support/cases';
import { expectClaim, expectKept, type ClaimCase } from './support/claim-rows';

const file = 'apply_claim_cases.json';
const rows = readCases<ClaimCase>(file);
const reasons = leftOut(file);

test('what is left out is a row of the cases and has a reason', () => {
  for (const [name, reason] of Object.entries(reasons)) {
    expect(rows.map((row) => row.name)).toContain(name);
    expect(reason.length).toBeGreaterThan(40);
  }
});

const runs: Readonly<Record<ClaimCase['gate'], (row: ClaimCase) => void>> = {
  copy: expectClaim,
  cutover: expectClaim,
  store: expectKept,
};

// Those about many at the same moment are run on a store: tests/store/applies-concurrent.test.ts.
const alone = rows.filter(({ name, concurrency }) => reasons[name] === undefined && concurrency === undefined);

test.each(alone)('$gate: $name', (row) => {
  if (!Object.hasOwn(runs, row.gate))
    throw new Error('this row is neither run nor listed in tests/cases/left-out.json with its reason');
  expect(Object.keys(row.expected).length).toBeGreaterThan(0);
  runs[row.gate](row);
});
