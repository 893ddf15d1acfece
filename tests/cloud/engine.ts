import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, createConnection, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DockerSettings } from '../../drivers/cloud/docker/docker';
import { ensureImageStore, machineImage } from '../../environment/machine-image';
import { endPodman, podmanAddress, startPodman } from '../../environment/podman';

/** A podman for the tests of one file, behind something that can lose its answers. */
export interface TestEngine {
  /** Through the loser of answers. */
  readonly settings: DockerSettings;
  /** The engine itself. */
  readonly direct: { readonly socketPath: string };
  /** The next request whose first line matches is carried out, and its answer does not arrive. */
  loseAnswer(request: RegExp): void;
  answerWasLost(): boolean;
  stop(): Promise<void>;
}

/** Starts a podman with the machine image; `stop` ends it and every container. */
export async function startTestEngine(): Promise<TestEngine> {
  const directory = mkdtempSync(join(tmpdir(), 'gw-engine-'));
  const imageStore = await ensureImageStore(() => undefined);
  const podman = await startPodman({ directory, imageStore, logFile: join(directory, 'podman.log') });
  const direct = podmanAddress(directory);
  const loser = new Loser(join(directory, 'p.sock'), direct.socketPath);
  await loser.listen();
  return {
    settings: {
      engine: { socketPath: loser.path },
      image: machineImage,
      region: 'here',
      addresses: '127.32.0.0/11',
      sshPort: 22022,
    },
    direct,
    loseAnswer: (request) => loser.arm(request),
    answerWasLost: () => loser.lost,
    stop: async () => {
      loser.close();
      await podman.stop();
      await endPodman(directory);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Passes connections on; cuts the one that carries the request it waits for, once the answer has begun to come. */
class Loser {
  lost = false;
  private armed: RegExp | undefined;
  private readonly server: Server;

  constructor(
    readonly path: string,
    upstream: string,
  ) {
    this.server = createServer((client) => {
      const engine = createConnection(upstream);
      let loses = false;
      client.on('data', (chunk: Buffer) => {
        if (this.armed?.test(chunk.toString('latin1').split('\r\n')[0]!)) {
          loses = true;
          this.armed = undefined;
        }
        engine.write(chunk);
      });
      engine.on('data', (chunk: Buffer) => {
        if (!loses) return client.write(chunk);
        this.lost = true;
        client.destroy();
        return engine.destroy();
      });
      client.on('error', () => engine.destroy());
      engine.on('error', () => client.destroy());
      client.on('close', () => engine.end());
      engine.on('close', () => client.end());
    });
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.server.listen(this.path, resolve));
  }

  arm(request: RegExp): void {
    this.lost = false;
    this.armed = request;
  }

  close(): void {
    this.server.close();
  }
}
