import { createServer } from 'node:net';
import { ComponentFailed } from './process';

/** A TCP port that nothing listens on; the system hands out others for a while, so that two callers get different ones. */
export async function freePort(host = '127.0.0.1'): Promise<number> {
  return await listen(host, 0);
}

/**
 * Makes sure that a component will be able to listen.
 * @throws ComponentFailed naming the component and the port.
 */
export async function requireFree(component: string, host: string, port: number): Promise<void> {
  await listen(host, port).catch((error: NodeJS.ErrnoException) => {
    const why = error.code === 'EADDRINUSE' ? 'is in use by another program' : `cannot be listened on (${error.code})`;
    throw new ComponentFailed(`${component}: ${host}:${port} ${why}`);
  });
}

async function listen(host: string, port: number): Promise<number> {
  return await new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(port, host, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : port));
    });
  });
}
