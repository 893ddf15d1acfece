/** A name as SQL has it: between backticks, whatever is in it. */
export function name(text: string): string {
  return `\`${text.replaceAll('`', '``')}\``;
}

/** Several names, separated by commas. */
export function names(texts: readonly string[]): string {
  return texts.map(name).join(', ');
}

/** A text literal, for sessions without NO_BACKSLASH_ESCAPES. */
export function literal(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
}
