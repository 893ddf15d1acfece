/**
 * A text of unknown origin as one line that no terminal, log or browser obeys: line ends, control characters and
 * characters that turn the direction of writing or have no width are written as `\x1b` or `\u{202e}`. Tabs stay.
 */
export function plainText(text: string): string {
  return text.replace(/[^\P{C}\t]|[\u2028\u2029]/gu, (character) => {
    const code = character.codePointAt(0)!;
    return code < 256 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`;
  });
}
