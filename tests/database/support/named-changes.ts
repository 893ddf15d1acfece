import type { LintCode } from '../../../domain/schema/lint-codes';
import type { Way } from '../../../domain/schema/plan';

/**
 * A change that people make, and what becomes of it. The tests make every one of a list on a live server, and
 * docs/schema-changes.md shows the lists: what it says was seen to happen.
 */
export interface NamedChange {
  /** For people, in a few words: `widen a number`. Unique in its list. */
  readonly name: string;
  /** What stands there before, beside the table that every change of a list begins with, and what makes it of a branch. */
  readonly given?: readonly string[];
  readonly statements: readonly string[];
  readonly rename?: { readonly table: string; readonly from: string; readonly to: string };
  /** The way in which it is made, or the code with which lint refuses it. */
  readonly outcome: Way | LintCode;
  /** What lint says of it or what people should know, where the outcome does not tell all. */
  readonly says?: string;
}
