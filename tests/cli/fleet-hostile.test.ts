import type { FleetEventJson, FleetGatewayJson, FleetPlanJson, FleetReplicaJson } from '../../cli/fleet-shapes';
import { gatewaysTable, gatewayText, planText, replicasTable, replicaText } from '../../cli/fleet-text';
import { gatewayView } from '../../cli/fleet-view';
import { testIo } from './support/run-cli';

/* What an API tells of gateways, as if everything in it were written by somebody who wants to steer the terminal. */

const evil = 'a\u001b[2J\u001b]0;title\u0007\u009b31m\rover\u202eenil';
const time = '2026-11-21T11:59:00.000Z';

const replica = {
  ...{ id: evil, num: 0, generation: 2, name: evil, state: 'terminating', status_message: evil, backend: evil },
  ...{ region: evil, instance_id: evil, ssh: { host: evil, port: 22, user: evil }, host_key: evil, address: evil },
  ...{ scale_in: true, connect_attempts: 1, health_failures: 1, applied_profile: { name: evil, revision: 1 } },
  rollout: evil,
  ...{ runs: { provision: evil, retire: evil }, created_at: time, running_at: time, terminated_at: null },
  resource_version: 1,
} as FleetReplicaJson;

const gateway = {
  ...{ id: evil, organization_id: evil, name: evil, state: 'failed', status_message: evil, default: true },
  configuration: { name: evil, backend: evil, region: evil, instance_type: evil, tags: { [evil]: evil } },
  ...{ wildcard_domain: evil, desired_replicas: 1, profile: { name: evil, revision: 1 }, scale_attempt: 0 },
  ...{ last_scale_attempt_at: null, deletion_marked_at: null, created_at: time, last_update_at: time },
  conditions: [{ type: 'Ready', status: 'False', reason: evil, message: evil, since: time }],
  ...{ replicas: [replica], resource_version: 1, rollout: { run: evil, from: { name: evil, revision: 1 } } },
} as FleetGatewayJson;

const plan = (action: FleetPlanJson['action']): FleetPlanJson => ({
  ...{ action, no_changes: false, resource_version: 1 },
  changes: [{ field: 'domain', from: evil, to: evil, in_place: action === 'update' }],
  configuration: { name: 'edge', domain: evil },
});

const event: FleetEventJson = {
  ...{ seq: 1, id: evil, organization_id: evil, gateway_id: evil, replica_id: null, message: evil },
  ...{ recorded_at: time, actor: evil, targets: [{ type: 'gateway', id: evil, name: evil }] },
};

/** Fails for a text that a terminal would obey in anything but what we say to it: colours, and where to draw. */
function expectTame(text: string): void {
  expect(text).toContain('over');
  // eslint-disable-next-line no-control-regex
  expect(text.replace(/\u001b\[(\d+[mA]|[KJ])/g, '').replaceAll('\n', '')).not.toMatch(/[\p{C}\u2028\u2029]/u);
}

describe.each([false, true])('with colours: %p', (colours) => {
  const io = testIo({ colours, columns: 400 });

  test('gateways and replicas', () => {
    expectTame(gatewaysTable(io, [gateway]));
    expectTame(gatewayText(io, gateway));
    expectTame(replicasTable(io, [replica]));
    expectTame(replicaText(io, replica));
  });

  test('plans', () => {
    for (const action of ['create', 'update', 'replace'] as const) expectTame(planText(io, 'edge', plan(action), 1));
  });

  test('what happens, as it happens', () => {
    for (const terminal of [false, true]) {
      const seen = testIo({ colours, terminal, columns: 400 });
      gatewayView(seen, evil, 'text').show({ gateway, steps: new Map() }, [event]);
      expectTame(seen.written.out);
    }
  });
});

test('JSON is JSON: nothing of it is obeyed, and nothing is lost', () => {
  const io = testIo();
  gatewayView(io, evil, 'json').show({ gateway, steps: new Map() }, [event]);
  // eslint-disable-next-line no-control-regex
  expect(io.written.out.trimEnd()).not.toMatch(/[\u0000-\u001f]/);
  expect(JSON.parse(io.written.out)).toEqual(event);
});
