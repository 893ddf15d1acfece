import { readFileSync } from 'node:fs';
import { network } from '../domain/address';
import { Failure } from '../domain/failures';
import type { BackendFacts } from '../domain/fleet/scaling';
import type { BackendSettings, Settings } from '../domain/settings';
import type * as aws from '../drivers/cloud/aws/ec2';
import { readAwsSettings } from '../drivers/cloud/aws/settings';
import type { Cloud } from '../drivers/cloud/cloud';
import { DockerCloud } from '../drivers/cloud/docker/docker';
import { readDockerSettings } from '../drivers/cloud/docker/settings';
import { parseInventory } from '../drivers/cloud/static/inventory';
import { StaticCloud } from '../drivers/cloud/static/static';
import type { HostLeases } from '../drivers/cloud/static/leases';
import type { Store } from '../prisma/store';

/** The backends that settings name, by name. @throws Failure INVALID_INPUT for options that a backend does not take. */
export function openClouds(settings: Settings, store: Store): ReadonlyMap<string, Cloud> {
  const backends = settings.fleet?.backends ?? [];
  return new Map(backends.map((each) => [each.backend, openCloud(each, settings, store)]));
}

/** What is known of a backend in a region, without asking it. */
export function backendFacts(
  settings: Settings,
  clouds: ReadonlyMap<string, Cloud>,
): (backend: string, region: string) => BackendFacts {
  return (backend, region) => {
    const configured = settings.fleet?.backends.find((each) => each.backend === backend);
    return {
      available: configured?.regions.includes(region) ?? false,
      loadBalancer: clouds.get(backend)?.capabilities.loadBalancer ?? false,
    };
  };
}

function openCloud({ backend, options }: BackendSettings, settings: Settings, store: Store): Cloud {
  switch (backend) {
    case 'static': {
      const file = (options as { inventory?: string } | undefined)?.inventory;
      if (file === undefined)
        throw new Failure('INVALID_INPUT', 'the static backend needs the file of its `inventory`');
      const hosts = parseInventory(readFileSync(file, 'utf8'), settings.networks.map(network), file);
      return new StaticCloud(hosts, leases(store, file));
    }
    case 'docker':
      return new DockerCloud(readDockerSettings(options));
    case 'aws': {
      // Only where it is used: AWS's SDK takes 75 MB.
      const { AwsCloud } = require('../drivers/cloud/aws/ec2') as typeof aws;
      return new AwsCloud(readAwsSettings(options));
    }
  }
}

function leases(store: Store, inventory: string): HostLeases {
  const { hosts } = store.fleet;
  return {
    take: (names, tags) => hosts.take(inventory, names, tags),
    find: async (owner, token) => {
      const lease = await hosts.find(token);
      return lease && lease.tags.owner === owner ? [lease] : [];
    },
    get: async (host) => (await hosts.list(inventory)).find((lease) => lease.host === host) ?? null,
    release: async (host, _owner, token) => void (await hosts.release(inventory, host, token)),
    list: async (owner) => (await hosts.list(inventory)).filter(({ tags }) => tags.owner === owner),
  };
}
