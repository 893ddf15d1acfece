import { ReplicaLag } from '../../drivers/database/postgresql/server-load';

test('a replica is as far behind as the position it has reached is old', () => {
  const lag = new ReplicaLag();
  expect(lag.seconds(0, '0/100', '0/100')).toBe(0);
  expect(lag.seconds(500, '0/200', '0/180')).toBe(0);
  expect(lag.seconds(1_000, '0/300', '0/180')).toBe(0.5);
  expect(lag.seconds(1_500, '1/0', '0/180')).toBe(1);
  // It gets on, past the end of a number of 32 bits.
  expect(lag.seconds(2_000, '1/10', '0/FFFFFFFF')).toBe(0.5);
  expect(lag.seconds(2_500, '1/20', '1/20')).toBe(0);
});

test('one that stands still for long is known to be behind by as much, and none is not behind at all', () => {
  const lag = new ReplicaLag();
  for (let s = 0; s <= 2_000; s++) lag.seconds(s * 1_000, `0/${(s + 16).toString(16)}`, '0/1');
  expect(lag.seconds(2_001_000, '0/FFFF', '0/1')).toBe(2_001);
  expect(lag.seconds(2_002_000, '0/FFFF', null)).toBeNull();
  expect(lag.seconds(2_003_000, '0/FFFF', '0/1')).toBe(1);
});
