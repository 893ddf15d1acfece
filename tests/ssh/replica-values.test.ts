import { randomUUID } from 'node:crypto';
import { requireReplicaProfile, secretsOf, valuesOfReplica } from '../../domain/fleet/replica-values';
import { canonicalProfile, type Profile } from '../../domain/fleet/profile';
import { configurationRevision, profileRevision } from '../../domain/fleet/revision';
import { defaultProfile } from '../../drivers/profiles/load';
import { profileOf } from './support';

const facts = {
  ...{ organizationId: randomUUID(), gatewayId: randomUUID(), replicaId: randomUUID() },
  ...{ address: '10.0.0.7', port: 8080, replicaSecret: 'replica-1', api: '' },
};
const asking = (values: Profile['values']): Profile => profileOf([], { values });

describe('the values of a replica', () => {
  test('are what its profile asks for, and defaults', () => {
    const { replicaId, address, port, replicaSecret, api } = facts;
    const profile = defaultProfile();
    expect(valuesOfReplica(profile, facts)).toEqual({ replicaId, address, port, replicaSecret, api });
    expect(secretsOf(profile, valuesOfReplica(profile, facts))).toEqual({ replicaSecret: 'replica-1' });
    expect(valuesOfReplica(asking({ level: { type: 'int', min: 1, max: 9, default: 3 } }), facts)).toEqual({
      level: 3,
    });
    expect(valuesOfReplica(asking({}), facts)).toEqual({});
  });

  test('are refused where no replica has them, or of another type', () => {
    const unknown = asking({ level: { type: 'int', min: 1, max: 9 } });
    expect(() => requireReplicaProfile(unknown)).toThrow('values.level has no default');
    expect(() => requireReplicaProfile(asking({ other: { type: 'secretRef' } }))).toThrow(
      'values.other has no default',
    );
    // As text it would be the name, in a file where the secret is expected.
    const asText = asking({ replicaSecret: { type: 'string', pattern: '[a-z0-9-]+' } });
    expect(() => requireReplicaProfile(asText)).toThrow('values.replicaSecret must be of type secretRef');
  });
});

describe('the revision of a profile', () => {
  test('is its content’s, whatever the order of its members', async () => {
    const profile = defaultProfile();
    const turned = Object.fromEntries(Object.entries(profile).reverse()) as Profile;
    expect(JSON.stringify(turned)).not.toBe(JSON.stringify(profile));
    expect(canonicalProfile(turned)).toBe(canonicalProfile(profile));
    expect(await profileRevision(turned)).toBe(await profileRevision(profile));
    expect(await profileRevision(profile)).toMatch(/^[0-9a-f]{64}$/);
    const changes: Partial<Profile>[] = [
      { name: 'other' },
      { scripts: [...profile.scripts].reverse() },
      { files: profile.files.slice(1) },
      { values: { ...profile.values, more: { type: 'port', default: 1 } } },
    ];
    const revisions = await Promise.all(changes.map(async (one) => await profileRevision({ ...profile, ...one })));
    expect(new Set([await profileRevision(profile), ...revisions]).size).toBe(1 + changes.length);
  });

  test('and that of a configuration changes with its values', async () => {
    const profile = defaultProfile();
    const values = valuesOfReplica(profile, facts);
    const other = valuesOfReplica(profile, { ...facts, port: 8081 });
    expect(await configurationRevision(profile, values)).toBe(await configurationRevision(profile, { ...values }));
    expect(await configurationRevision(profile, values)).not.toBe(await configurationRevision(profile, other));
  });
});
