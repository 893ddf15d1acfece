import type { Rollout } from './real-world';

/** Of a settled apply: what was recorded follows from what was recorded before it, event by event, and nothing is missing. */
export async function expectSound(rollout: Rollout): Promise<void> {
  const apply = await rollout.apply();
  expect(apply.completedAt).not.toBeNull();
  const { recorded, found, versions, ends, late, torn } = await rollout.replayed();
  expect(found).toEqual(recorded);
  expect(recorded.at(-1)).toBe(apply.state);
  expect(ends).toEqual(await rollout.states());
  expect([late, torn]).toEqual([[], []]);
  const [first] = versions as [number, ...number[]];
  expect(versions).toEqual(versions.map((_, i) => first + i));
  expect(versions.at(-1)).toBe(apply.resourceVersion);
}
