import { request } from 'node:http';

/** One GET on a connection of its own, under a Host header. */
export function get(address: string, path: string, host: string): Promise<{ status: number; body: string }> {
  const [ip, port] = address.split(':');
  return new Promise((resolve, reject) => {
    const asked = request({ host: ip, port, path, agent: false, headers: { host }, timeout: 5_000 }, (answer) => {
      let body = '';
      answer.on('data', (chunk: Buffer) => (body += chunk.toString()));
      answer.on('end', () => resolve({ status: answer.statusCode!, body }));
    });
    asked.on('error', reject);
    asked.on('timeout', () => asked.destroy(new Error('timeout')));
    asked.end();
  });
}
