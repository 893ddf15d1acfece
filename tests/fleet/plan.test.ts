import { gatewayConfiguration } from '../../domain/fleet/configuration';
import { mustBeInPlace, planOf } from '../../domain/fleet/plan';
import { at, gateway } from './model';

const profile = { name: 'default', revision: 1 };
const wanted = (members: object = {}) =>
  gatewayConfiguration({ name: 'edge', backend: 'docker', region: 'local', ...members }, { maxReplicas: 9 });

test('a gateway that is not there is created', () => {
  expect(planOf(wanted(), profile, null)).toEqual({ action: 'create', changes: [], noChanges: false });
});

test('the same again changes nothing', () => {
  expect(planOf(wanted(), profile, gateway())).toEqual({ action: 'update', changes: [], noChanges: true });
  const tagged = gateway({ configuration: wanted({ tags: { a: '1', b: '2' } }) });
  expect(planOf(wanted({ tags: { b: '2', a: '1' } }), profile, tagged).noChanges).toBe(true);
});

test('domain, default, replicas and profile change in place', () => {
  const other = gateway({ isDefault: false });
  const plan = planOf(
    wanted({ domain: 'example.com', default: true, replicas: 3 }),
    { ...profile, revision: 2 },
    other,
  );
  expect(plan.action).toBe('update');
  expect(plan.changes).toEqual([
    { field: 'default', from: false, to: true, inPlace: true },
    { field: 'domain', from: null, to: 'example.com', inPlace: true },
    { field: 'replicas', from: 1, to: 3, inPlace: true },
    { field: 'profile', from: profile, to: { name: 'default', revision: 2 }, inPlace: true },
  ]);
  expect(() => mustBeInPlace(plan, 'edge')).not.toThrow();
});

test('saying nothing of the default leaves it', () => {
  expect(planOf(wanted(), profile, gateway({ isDefault: true })).noChanges).toBe(true);
  expect(planOf(wanted({ default: true }), profile, gateway({ isDefault: true })).noChanges).toBe(true);
  expect(planOf(wanted({ default: false }), profile, gateway({ isDefault: true })).noChanges).toBe(false);
});

test.each([
  ['backend', 'aws'],
  ['region', 'elsewhere'],
  ['instanceType', 'large'],
  ['publicIp', false],
  ['certificate', null],
  ['tags', { a: '1' }],
])('%s cannot change in place', (field, value) => {
  const plan = planOf(wanted({ [field]: value, replicas: 2 }), profile, gateway());
  expect(plan.action).toBe('replace');
  expect(plan.changes.filter(({ inPlace }) => !inPlace).map((change) => change.field)).toEqual([field]);
  expect(() => mustBeInPlace(plan, 'edge')).toThrow(
    expect.objectContaining({
      code: 'STATE_CONFLICT',
      message: 'Gateway edge cannot be updated in-place. Delete it and re-apply.',
      data: { changed: [field] },
    }),
  );
});

test.each([
  [
    { state: 'failed' as const },
    'Gateway edge is in FAILED status and cannot be updated in-place. Delete it and re-apply.',
  ],
  [{ deletionMarkedAt: at(0) }, 'Gateway edge is being deleted. Try again later.'],
  [{ state: 'failed' as const, deletionMarkedAt: at(0) }, 'Gateway edge is being deleted. Try again later.'],
])('a gateway that only its deletion ends is left alone: %p', (members, message) => {
  expect(() => planOf(wanted(), profile, gateway(members))).toThrow(
    expect.objectContaining({ code: 'STATE_CONFLICT', message }),
  );
});
