import { arn, tagContext, type Account } from './account';
import { Ec2Error, invalid } from './errors';
import type { Parameters } from './parameters';
import { describe } from './run-instances';
import { matches, stateAt, stateCodes, type DoubleInstance } from './state';
import type { Xml } from './xml';

/** What instances can be filtered by beside tags. */
const filterable: Readonly<Record<string, (instance: DoubleInstance, time: number) => string | undefined>> = {
  'instance-state-name': (instance, time) => stateAt(instance, time),
  'instance-id': ({ instanceId }) => instanceId,
  'client-token': ({ token }) => token,
};

/** DescribeInstances: by ids or filters, in pages, of a moment that may be past. */
export function describeInstances(account: Account, regionName: string, parameters: Parameters): Record<string, Xml> {
  account.authorize({ action: 'ec2:DescribeInstances', arn: '*', context: {} });
  const region = account.region(regionName);
  const view = account.view();
  const ids = parameters.list('InstanceId');
  const limit = parameters.int('MaxResults');
  if (ids.length > 0 && limit !== undefined)
    throw new Ec2Error('InvalidParameterCombination', 'The parameter instancesSet cannot be used with maxResults');
  if (limit !== undefined && (limit < 5 || limit > 1_000)) throw invalid('maxResults', String(limit));
  for (const id of ids) {
    wellFormed(id);
    const instance = region.instances.get(id);
    if (!instance || !stateAt(instance, view(id))) throw notFound(id);
  }
  const filters = parameters.filters();
  for (const { name } of filters)
    if (!name.startsWith('tag:') && !Object.hasOwn(filterable, name))
      throw new Ec2Error('InvalidParameterValue', `The filter '${name}' is invalid`);
  const shown = [...region.instances.values()]
    .map((instance) => ({ instance, time: view(instance.instanceId) }))
    .filter(({ instance, time }) => stateAt(instance, time) !== undefined)
    .filter(({ instance }) => ids.length === 0 || ids.includes(instance.instanceId))
    .filter(({ instance, time }) => filters.every((filter) => fits(instance, time, filter)));
  const from = startOf(parameters.text('NextToken'));
  const page = shown.slice(from, limit === undefined ? undefined : from + limit);
  const next = limit !== undefined && from + limit < shown.length ? String(from + limit) : undefined;
  return {
    reservationSet: page.map(({ instance, time }) => ({
      reservationId: instance.reservationId,
      ownerId: '123456789012',
      instancesSet: [describe(instance, time)!],
    })),
    nextToken: next && Buffer.from(`page:${next}`).toString('base64'),
  };
}

/** TerminateInstances: sees what is, not what was; repeating it changes nothing. */
export function terminateInstances(account: Account, regionName: string, parameters: Parameters): Record<string, Xml> {
  const region = account.region(regionName);
  const instances = parameters.list('InstanceId').map((id) => {
    wellFormed(id);
    const instance = region.instances.get(id);
    if (!instance || !stateAt(instance, account.now)) throw notFound(id);
    return instance;
  });
  account.authorize(
    ...instances.map((instance) => ({
      action: 'ec2:TerminateInstances',
      arn: arn(regionName, 'instance', instance.instanceId),
      context: tagContext('ResourceTag', instance.tags),
    })),
  );
  return {
    instancesSet: instances.map((instance) => {
      const before = stateAt(instance, account.now)!;
      end(account, instance, { code: 'Client.UserInitiatedShutdown', message: 'User initiated shutdown' });
      const after = stateAt(instance, account.now)!;
      return {
        instanceId: instance.instanceId,
        currentState: { code: stateCodes[after], name: after },
        previousState: { code: stateCodes[before], name: before },
      };
    }),
  };
}

/** Begins to end an instance, for a reason that is then shown. */
export function end(account: Account, instance: DoubleInstance, reason: { code: string; message: string }): void {
  if (instance.endedAt !== undefined) return;
  instance.endedAt = account.now;
  instance.terminatedAt = account.now + account.behaviour.shutdownMs;
  instance.reason = reason;
  account.behaviour.ended(instance);
}

function fits(instance: DoubleInstance, time: number, { name, values }: { name: string; values: string[] }): boolean {
  const value = valueOf(instance, time, name);
  return value !== undefined && values.some((pattern) => matches(pattern, value));
}

function valueOf(instance: DoubleInstance, time: number, filter: string): string | undefined {
  if (filter.startsWith('tag:')) return instance.tags.get(filter.slice('tag:'.length));
  return filterable[filter]!(instance, time);
}

function startOf(token: string | undefined): number {
  if (token === undefined) return 0;
  const match = /^page:([0-9]+)$/.exec(Buffer.from(token, 'base64').toString());
  if (!match) throw new Ec2Error('InvalidNextToken', 'The token is invalid.');
  return Number(match[1]);
}

function wellFormed(id: string): void {
  if (!/^i-([0-9a-f]{8}|[0-9a-f]{17})$/.test(id))
    throw new Ec2Error('InvalidInstanceID.Malformed', `Invalid id: "${id}"`);
}

function notFound(id: string): Ec2Error {
  return new Ec2Error('InvalidInstanceID.NotFound', `The instance ID '${id}' does not exist`);
}
