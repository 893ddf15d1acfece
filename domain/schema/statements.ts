/**
 * Statements in three turns, so that nothing is referred to while it is not there: what refers to others goes first, all
 * the way back from the last operation; then every object itself is made, in order; then what refers to others comes.
 */
export interface Statements {
  readonly first: readonly string[];
  readonly main: readonly string[];
  readonly last: readonly string[];
}

export const noStatements: Statements = { first: [], main: [], last: [] };

/** What makes operations, in the order in which a server takes it. */
export function inOrder(operations: readonly { readonly ddl: Statements }[]): string[] {
  const ddl = operations.map((operation) => operation.ddl);
  return [
    ...ddl.toReversed().flatMap(({ first }) => first),
    ...ddl.flatMap(({ main }) => main),
    ...ddl.flatMap(({ last }) => last),
  ];
}

/** What takes operations back, in the order in which a server takes it. */
export function inReverse(operations: readonly { readonly reverse: Statements }[]): string[] {
  const reverse = operations.map((operation) => operation.reverse);
  return [
    ...reverse.toReversed().flatMap(({ first }) => first),
    ...reverse.toReversed().flatMap(({ main }) => main),
    ...reverse.flatMap(({ last }) => last),
  ];
}
