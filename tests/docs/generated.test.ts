import { generated, marks, regenerate } from '../../domain/diagrams';
import { SagaState, sagaTransitions } from '../../domain/saga';
import { AllocationState } from '../../domain/gateway/allocation';
import { outcomes } from '../database/support/outcomes';
import { document, documents } from './documents';

test('everything that can be generated stands in a document, and is current', () => {
  const texts = documents.map(document);
  expect(texts.flatMap(marks).sort()).toEqual(Object.keys({ ...generated, ...outcomes }).sort());
  for (const text of texts) expect(regenerate(text, outcomes)).toBe(text);
});

test('a document that was changed by hand is not current', () => {
  const text = document('workflows/saga/README.md');
  const altered = text.replace('running --> succeeded', 'running --> abandoned');
  expect(altered).not.toBe(text);
  expect(regenerate(altered)).toBe(text);
});

test('a mark that asks for something unknown is refused', () => {
  expect(() => regenerate('<!-- generated: nonsense -->\n<!-- /generated -->')).toThrow('«nonsense»');
});

test('the diagrams show every state', () => {
  for (const state of Object.values(SagaState)) expect(generated['run states']!()).toContain(`--> ${state}: `);
  for (const state of Object.values(AllocationState))
    expect(generated['allocation states']!()).toContain(`--> ${state}: `);
});

test('a final state has a way in and none out', () => {
  const sources = new Set(sagaTransitions.map(({ from }) => from));
  const final = Object.values(SagaState).filter((state) => !sources.has(state));
  expect(final).toEqual(['succeeded', 'rolled_back', 'abandoned']);
});
