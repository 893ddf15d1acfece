import { Failure } from '../failures';
import type { FleetGateway, GatewayConfiguration, ProfileRevision } from './gateway';
import { GatewayState } from './lifecycle';
import { refusal } from './messages';

/** What applying a configuration comes to. */
export const PlanAction = {
  create: 'create',
  /** In place: the gateway stays, and so do its replicas as far as they are still wanted. */
  update: 'update',
  /** Only by deleting it and making another; an apply alone is refused. */
  replace: 'replace',
} as const;
export type PlanAction = (typeof PlanAction)[keyof typeof PlanAction];

/** One member that an apply would change. */
export interface FieldChange {
  readonly field: keyof GatewayConfiguration;
  readonly from: unknown;
  readonly to: unknown;
  readonly inPlace: boolean;
}

export interface GatewayPlan {
  readonly action: PlanAction;
  /** Empty for a gateway that is made anew. */
  readonly changes: readonly FieldChange[];
  /** There is such a gateway, and it is as it is wanted. */
  readonly noChanges: boolean;
}

/** What a gateway can change without being made anew. */
const inPlace: readonly (keyof GatewayConfiguration)[] = ['domain', 'default', 'replicas', 'profile'];

/**
 * What applying a configuration to what is there would do.
 * @param profile the revision that the configuration's profile has now.
 * @throws Failure STATE_CONFLICT (data: state) when the gateway is FAILED or to be deleted, which nothing but its
 * deletion ends.
 */
export function planOf(
  wanted: GatewayConfiguration,
  profile: ProfileRevision | undefined,
  current: FleetGateway | null,
): GatewayPlan {
  if (!current) return { action: PlanAction.create, changes: [], noChanges: false };
  mustBeChangeable(current);
  const changes = changesOf(wanted, profile, current);
  const replace = changes.some((change) => !change.inPlace);
  return {
    action: replace ? PlanAction.replace : PlanAction.update,
    changes,
    noChanges: changes.length === 0,
  };
}

/** @throws Failure STATE_CONFLICT (data: changed) where a plan cannot be applied to the gateway that is there. */
export function mustBeInPlace({ action, changes }: GatewayPlan, name: string): void {
  if (action !== PlanAction.replace) return;
  const changed = changes.filter((change) => !change.inPlace).map(({ field }) => field);
  throw new Failure('STATE_CONFLICT', refusal.notInPlace(name), { data: { changed } });
}

/** @throws Failure STATE_CONFLICT (data: state) when nothing of the gateway can be changed any more. */
export function mustBeChangeable({ name, state, deletionMarkedAt }: FleetGateway): void {
  if (deletionMarkedAt) throw new Failure('STATE_CONFLICT', refusal.beingDeleted(name), { data: { state } });
  if (state === GatewayState.failed) throw new Failure('STATE_CONFLICT', refusal.failed(name), { data: { state } });
}

function changesOf(
  wanted: GatewayConfiguration,
  profile: ProfileRevision | undefined,
  current: FleetGateway,
): FieldChange[] {
  const fields = Object.keys(wanted) as (keyof GatewayConfiguration)[];
  return fields.flatMap((field): FieldChange[] => {
    const [from, to] = sides(field, wanted, profile, current);
    return same(from, to) ? [] : [{ field, from, to, inPlace: inPlace.includes(field) }];
  });
}

/** What a member is and what it would be. */
function sides(
  field: keyof GatewayConfiguration,
  wanted: GatewayConfiguration,
  profile: ProfileRevision | undefined,
  current: FleetGateway,
): [unknown, unknown] {
  // Which gateway is the default may have been said since, of this one or another; null asks for nothing.
  if (field === 'default') return [current.isDefault, wanted.default ?? current.isDefault];
  if (field === 'replicas') return [current.desiredReplicas, wanted.replicas];
  if (field === 'profile' && profile) return [current.profile, profile];
  return [current.configuration[field], wanted[field]];
}

/** Whether two values of JSON are the same, whatever the order of their members. */
function same(one: unknown, other: unknown): boolean {
  return canonical(one) === canonical(other);
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_, member: unknown) =>
    typeof member === 'object' && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  );
}
