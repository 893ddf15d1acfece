import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A way to an API on which the connection breaks after the work was done and before its answer came back. */
export interface DroppingProxy {
  readonly url: string;
  /** Answers that were dropped so far. */
  readonly dropped: number;
  close(): Promise<void>;
}

/** @param which the ends of paths; the first answer to each is dropped. */
export async function droppingProxy(upstream: string, which: readonly string[]): Promise<DroppingProxy> {
  const left = new Set(which);
  let dropped = 0;
  const server = createServer((req, res) => {
    const onward = request(upstream + req.url!, { method: 'POST', headers: req.headers }, (answer) => {
      const hit = [...left].find((end) => req.url!.endsWith(end));
      if (hit === undefined) {
        res.writeHead(answer.statusCode!, answer.headers);
        answer.pipe(res);
        return;
      }
      left.delete(hit);
      answer.resume().once('end', () => {
        dropped += 1;
        req.socket.destroy();
      });
    });
    req.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get dropped() {
      return dropped;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
