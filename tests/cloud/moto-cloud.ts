import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, request as forward, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DescribeImagesCommand, DescribeSubnetsCommand, EC2Client } from '@aws-sdk/client-ec2';
import { AwsCloud } from '../../drivers/cloud/aws/ec2';
import { startMoto } from '../../environment/moto';
import { freePort } from '../../environment/ports';
import { awsSettings, region, useCredentials } from './aws-support';

/** moto with a way to lose the answers of calls that make machines. */
export interface MotoCloud {
  readonly cloud: AwsCloud;
  /** How many of the next RunInstances are carried out but not answered. */
  loseAnswers(count: number): void;
  answersLeftToLose(): number;
  /** Is called once the next machine was made, before that is answered: here a creator may die. */
  whenMade(then: () => void): void;
  close(): Promise<void>;
}

/** Starts moto, "a cloud without idempotency", and a backend on it. */
export async function startMotoCloud(): Promise<MotoCloud> {
  useCredentials({ accessKeyId: 'any', secretAccessKey: 'any' });
  const directory = mkdtempSync(join(tmpdir(), 'gatewright-moto-'));
  const port = await freePort();
  const moto = await startMoto({ port, logFile: join(directory, 'moto.log') });
  let losing = 0;
  let whenMade: (() => void) | undefined;
  const lose = (): boolean => {
    whenMade?.();
    whenMade = undefined;
    return losing > 0 && losing-- > 0;
  };
  const relay = createServer((request, response) => {
    void passOn(request, response, port, lose);
  });
  await new Promise<void>((resolve) => relay.listen(0, '127.0.0.1', resolve));
  const endpoint = `http://127.0.0.1:${(relay.address() as AddressInfo).port}`;
  const place = await placeIn(endpoint);
  const cloud = new AwsCloud(
    awsSettings(endpoint, { regions: { [region]: place }, clientToken: false, readLagMs: 0, pageSize: 5 }),
  );
  return {
    cloud,
    loseAnswers: (count) => (losing = count),
    answersLeftToLose: () => losing,
    whenMade: (then) => (whenMade = then),
    close: async () => {
      await cloud.close();
      relay.closeAllConnections();
      await new Promise((resolve) => relay.close(resolve));
      await moto.kill();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

async function passOn(
  request: IncomingMessage,
  response: ServerResponse,
  port: number,
  lose: () => boolean,
): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  const body = Buffer.concat(chunks);
  const { method, url, headers } = request;
  const onward = forward({ host: '127.0.0.1', port, method, path: url, headers }, (answer) => {
    if (body.includes('Action=RunInstances') && lose()) {
      answer.resume().on('end', () => request.socket.destroy());
      return;
    }
    response.writeHead(answer.statusCode!, answer.headers);
    answer.pipe(response);
  });
  onward.on('error', () => request.socket.destroy());
  onward.end(body);
}

/** An image and a subnet of those that moto comes with. */
export async function placeIn(endpoint: string): Promise<{ imageId: string; subnetId: string }> {
  const client = new EC2Client({ region, endpoint, maxAttempts: 1 });
  const { Images } = await client.send(new DescribeImagesCommand({}));
  const { Subnets } = await client.send(new DescribeSubnetsCommand({}));
  client.destroy();
  return { imageId: Images![0]!.ImageId!, subnetId: Subnets![0]!.SubnetId! };
}
