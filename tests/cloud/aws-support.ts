import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { machineToken, type MachineSpec } from '../../domain/fleet/machine';
import { AwsCloud } from '../../drivers/cloud/aws/ec2';
import type { AwsSettings } from '../../drivers/cloud/aws/settings';
import type { DoubleBehaviour } from './ec2-double/account';
import type { PolicyDocument } from './ec2-double/policy';
import { doubleCredentials, Ec2Double } from './ec2-double/server';
import type { Catalogue } from './ec2-double/state';

export const region = 'eu-west-1';
export const otherRegion = 'us-east-2';

const catalogue = (digit: string): Catalogue => ({
  images: [`ami-${digit.repeat(17)}`],
  subnets: [{ subnetId: `subnet-${digit.repeat(17)}`, vpcId: `vpc-${digit.repeat(17)}`, zone: `zone-${digit}` }],
});
export const catalogues = { [region]: catalogue('a'), [otherRegion]: catalogue('b') };

/** The settings of a backend whose cloud is a double. */
export function awsSettings(endpoint: string, over: Partial<AwsSettings> = {}): AwsSettings {
  return {
    regions: Object.fromEntries(
      Object.entries(catalogues).map(([name, { images, subnets }]) => [
        name,
        { imageId: images[0]!, subnetId: subnets[0]!.subnetId },
      ]),
    ),
    instanceType: 't3.small',
    sshUser: 'admin',
    sshCidrs: ['192.0.2.0/24'],
    agentPort: 8080,
    edgeCidrs: ['198.51.100.0/24', '203.0.113.7/32'],
    endpoint,
    ...over,
  };
}

/** Puts credentials where the SDK's default chain looks first. */
export function useCredentials(credentials: { accessKeyId: string; secretAccessKey: string }): void {
  process.env.AWS_ACCESS_KEY_ID = credentials.accessKeyId;
  process.env.AWS_SECRET_ACCESS_KEY = credentials.secretAccessKey;
}

/** A double and a backend on it. */
export async function awsOnDouble(
  behaviour: Partial<DoubleBehaviour> = {},
  settings: Partial<AwsSettings> = {},
): Promise<{ double: Ec2Double; cloud: AwsCloud; close: () => Promise<void> }> {
  useCredentials(doubleCredentials);
  const double = await Ec2Double.start(catalogues, behaviour);
  const cloud = new AwsCloud(awsSettings(double.endpoint, { readLagMs: behaviour.lagMs ?? 0, ...settings }));
  const close = async (): Promise<void> => {
    await cloud.close();
    await double.stop();
  };
  return { double, cloud, close };
}

/** A machine to be made for `owner`. */
export function machineSpec(owner: string, over: Partial<MachineSpec> = {}): MachineSpec {
  const replicaId = randomUUID();
  return {
    tags: {
      owner,
      organizationId: randomUUID(),
      gatewayId: randomUUID(),
      replicaId,
      token: machineToken(replicaId),
    },
    name: `test-${replicaId.slice(0, 8)}`,
    region,
    publicIp: false,
    userTags: {},
    hostKey: { privateKey: 'canary-host-key\nof several lines\n', publicKey: 'ssh-ed25519 AAAAhost' },
    authorizedKey: 'ssh-ed25519 AAAAclient gatewright',
    ...over,
  };
}

/** The shipped policy as it is for one installation. */
export function policyOf(owner: string): PolicyDocument {
  const file = join(__dirname, '../../drivers/cloud/aws/policy.json');
  return JSON.parse(readFileSync(file, 'utf8').replaceAll('INSTALLATION_ID', owner)) as PolicyDocument;
}
