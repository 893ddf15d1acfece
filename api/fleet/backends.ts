import type { GatewayConfiguration } from '../../domain/fleet/gateway';
import { Failure } from '../../domain/failures';
import type { BackendSettings } from '../../domain/settings';

/** @throws Failure BACKEND_UNAVAILABLE unless a gateway's backend is configured and serves its region. */
export function mustBeServed(
  backends: readonly BackendSettings[],
  { backend, region }: Pick<GatewayConfiguration, 'backend' | 'region'>,
): void {
  const same = backends.filter((each) => each.backend === backend);
  if (same.some(({ regions }) => regions.includes(region))) return;
  const regions = same.flatMap((each) => each.regions);
  throw new Failure(
    'BACKEND_UNAVAILABLE',
    same.length === 0
      ? `Backend ${backend} is not configured; there is ${listed(backends.map((each) => each.backend))}.`
      : `Backend ${backend} has no region ${region}; there is ${listed(regions)}.`,
  );
}

function listed(names: readonly string[]): string {
  return names.length === 0 ? 'none' : [...new Set(names)].join(', ');
}
