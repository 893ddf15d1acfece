import * as fc from 'fast-check';
import { sha256Crypt } from '../../api/planetscale/sha256-crypt';
import { diffLines } from '../../domain/deploy/texts';

describe('a difference of lines', () => {
  test.each([
    ['', '', ''],
    ['', 'a\nb', '+a\n+b'],
    ['a\nb', '', '-a\n-b'],
    ['a\nb\nc', 'a\nx\nc', ' a\n-b\n+x\n c'],
    ['a\nb', 'b\na', '-a\n b\n+a'],
  ])('of %j and %j', (before, after, lines) => {
    expect(diffLines(before, after)).toBe(lines);
  });

  test('holds both texts, whatever they are', () => {
    const line = fc.constantFrom('a', 'b', 'c', ' d', '-e', '+f');
    const text = fc.array(line, { maxLength: 12 }).map((lines) => lines.join('\n'));
    fc.assert(
      fc.property(text, text, (before, after) => {
        const lines = diffLines(before, after).split('\n');
        const side = (mark: string): string =>
          lines
            .filter((each) => each.startsWith(' ') || each.startsWith(mark))
            .map((each) => each.slice(1))
            .join('\n');
        expect([side('-'), side('+')]).toEqual([before, after]);
      }),
    );
  });
});

test.each([
  // openssl passwd -5 -salt abcdefghijklmnop
  ['hello', 'PWitSpu2soJsfZ6ATsTxeTHC527GEr8VkIcYoKnV6G/'],
  ['a much longer password than thirty two bytes, really it is', 'PV.xtrT1S4MHpywqqcbh1lybo2KpumFe6SN4nd4/uq.'],
])('crypt with SHA-256 of %j', (password, digest) => {
  expect(sha256Crypt(password, 'abcdefghijklmnop', 5_000)).toBe(digest);
});
