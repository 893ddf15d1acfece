/*
 * Patterns that a profile's author gives run on our machines: they are kept to a form whose matching cannot take long.
 */

const CLASS = String.raw`\[\^?[A-Za-z0-9._:/@+=,\\-]+\]`;
const LITERAL = String.raw`[A-Za-z0-9_:/@=,-]|\\[.+/-]`;
const COUNT = String.raw`[?*+]|\{[0-9]{1,3}(?:,(?:[0-9]{1,3})?)?\}`;
const PATTERN = new RegExp(`^(?:(?:${CLASS}|${LITERAL})(?:${COUNT})?){1,64}$`);

/** Parts of a pattern that may match a varying length; the work grows with the length to this power. */
const MAX_VARYING = 3;

/** Whether a pattern is a sequence of characters and classes with counts: no groups, alternatives or references. */
export function isSafePattern(pattern: string): boolean {
  if (!PATTERN.test(pattern)) return false;
  if ((pattern.replace(/\[[^\]]*\]/g, '.').match(/[?*+]|,[0-9]*\}/g) ?? []).length > MAX_VARYING) return false;
  try {
    new RegExp(`^(?:${pattern})$`);
    return true;
  } catch {
    return false;
  }
}

/** Whether the whole of a text is as a pattern says. */
export function matches(pattern: string, text: string): boolean {
  return new RegExp(`^(?:${pattern})$`).test(text) && !text.includes('\n');
}
