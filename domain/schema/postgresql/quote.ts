/** A name as SQL has it: between quotes, whatever is in it. */
export function name(text: string): string {
  return `"${text.replaceAll('"', '""')}"`;
}

/** Several names, separated by commas. */
export function names(texts: readonly string[]): string {
  return texts.map(name).join(', ');
}

/** A text literal, right whatever standard_conforming_strings is. */
export function literal(text: string): string {
  const quoted = text.replaceAll("'", "''");
  return text.includes('\\') ? `E'${quoted.replaceAll('\\', '\\\\')}'` : `'${quoted}'`;
}
