import { leftOut, readCases } from '../support/cases';
import { kinds, type StateCase } from './support/state-rows';

const file = 'apply_state_cases.json';
const rows = readCases<StateCase>(file);
const reasons = leftOut(file);

/** Rows are left out by their names, or all of a kind are. */
function reasonOf({ name, kind }: StateCase): string | undefined {
  return reasons[name] ?? reasons[`every ${kind}`];
}

test('what is left out is a row of the cases or a kind of them, and has a reason', () => {
  const known = rows.flatMap(({ name, kind }) => [name, `every ${kind}`]);
  for (const [name, reason] of Object.entries(reasons)) {
    expect(known).toContain(name);
    expect(reason.length).toBeGreaterThan(40);
  }
});

test.each(rows.filter((row) => reasonOf(row) === undefined))('$kind: $name', (row) => {
  const run = kinds[row.kind];
  if (!run) throw new Error('this row is neither run nor listed in tests/cases/left-out.json with its reason');
  run(row);
});
