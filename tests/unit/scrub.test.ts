import { scrub } from '../../worker/scrub';

test.each([
  ['password=hunter2', 'password=***'],
  ['password: hunter2, user: x', 'password: ***, user: x'],
  ['{"password":"hunter2","user":"x"}', '{"password":"***","user":"x"}'],
  ["{ clientSecret: 'hunter2' }", "{ clientSecret: '***' }"],
  ['GET /x?access_token=hunter2&y=1', 'GET /x?access_token=***&y=1'],
  ['X-API-Key: hunter2', 'X-API-Key: ***'],
  ['api_key = hunter2', 'api_key = ***'],
  ['authorization: Bearer hunter2', 'authorization: Bearer ***'],
  ['Authorization: hunter2', 'Authorization: ***'],
  ['{"authorization":"Basic aHVudGVyMg=="}', '{"authorization":"Basic ***"}'],
  ['postgresql://admin:hunter2@10.0.0.1/db', 'postgresql://admin:***@10.0.0.1/db'],
  [`gw_0123456789abcdef_${'ab'.repeat(32)}`, 'gw_0123456789abcdef_***'],
  [`the key ${'0f'.repeat(32)} is refused`, 'the key *** is refused'],
])('%s becomes %s', (message, clean) => {
  expect(scrub(message)).toBe(clean);
  expect(scrub(clean)).toBe(clean);
});

test.each([
  'the secret file /home/secrets/replica-1 can be read by others (chmod 600)',
  'password authentication failed for user gatewright',
  'replica 8f14e45f at 127.0.2.1:8190 refuses epoch 3: it is over or a newer one began',
])('%s is left as it is', (message) => {
  expect(scrub(message)).toBe(message);
});

test('a message is cut at 1,000 characters, after its secrets are gone', () => {
  const cut = scrub(`${'x'.repeat(990)} password=hunter2`);
  expect(cut).toHaveLength(1_000);
  expect(cut).not.toContain('hunter');
});
