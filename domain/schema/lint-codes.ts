interface LintKind {
  /** An error keeps the change from being made; a warning is for somebody to read. */
  readonly severity: 'error' | 'warning';
  /** What to do about it, for people. */
  readonly remedy: string;
}

/** Everything that keeps a change from being made safely, or that somebody should know; the keys are stable. */
export const lintCodes = {
  NO_UNIQUE_KEY: {
    severity: 'error',
    remedy: 'Give the table a primary key, or a unique key of columns that are never null, that both schemas have.',
  },
  UNSUPPORTED_CHARSET: {
    severity: 'error',
    remedy: 'Use utf8mb4, utf8mb3, latin1, ascii or binary.',
  },
  UNSUPPORTED_ENGINE: { severity: 'error', remedy: 'Use InnoDB: other engines have no transactions.' },
  UNSUPPORTED_TABLE: { severity: 'error', remedy: 'Change this table by hand, in a quiet hour.' },
  UNSUPPORTED_OBJECT: {
    severity: 'error',
    remedy: 'Make it by hand in the schema that is changed, before the change; or leave it out.',
  },
  IDENTIFIER_TOO_LONG: { severity: 'error', remedy: 'Use a shorter name.' },
  IDENTIFIER_CHARACTERS: { severity: 'error', remedy: 'Leave out NUL and characters that the server cannot store.' },
  FOREIGN_KEY_TARGET: {
    severity: 'error',
    remedy: 'Refer to columns of a table of this schema that have a primary or unique key in just that order.',
  },
  FOREIGN_KEY_TYPE: { severity: 'error', remedy: 'Give the referring column the type of the one it refers to.' },
  FOREIGN_KEY_VIOLATED: { severity: 'error', remedy: 'Remove or correct the rows that refer to nothing.' },
  FOREIGN_KEY_FORBIDDEN: {
    severity: 'error',
    remedy: 'Leave the foreign key out, or allow them in the settings of the database.',
  },
  FOREIGN_KEY_CASCADES: {
    severity: 'error',
    remedy: 'Drop the foreign key that the message names, or its cascade, in a change before this one.',
  },
  DROPS_DATA: { severity: 'warning', remedy: 'Make sure that nobody needs the values any more.' },
  MAYBE_RENAME: {
    severity: 'warning',
    remedy:
      'Close the request and open it again with the rename declared (`--rename table.old=new`), or let the values go.',
  },
  VALUES_DO_NOT_FIT: { severity: 'error', remedy: 'Correct the rows, or choose a type that holds their values.' },
  VALUES_CHANGE: {
    severity: 'error',
    remedy: 'Choose a type that holds the values as they are, or convert them first.',
  },
  NULLS_PRESENT: { severity: 'error', remedy: 'Give the rows a value, or give the column a default to fill in.' },
  NULLS_FILLED: { severity: 'warning', remedy: 'Make sure that the default is what rows without a value should have.' },
  DUPLICATES_PRESENT: { severity: 'error', remedy: 'Remove or change the rows that are equal in the new key.' },
  CHECK_VIOLATED: { severity: 'error', remedy: 'Correct the rows that break the check.' },
  RECENTLY_USED: { severity: 'warning', remedy: 'Make sure that nothing reads or writes the table any more.' },
  NOT_ENOUGH_DISK: { severity: 'error', remedy: 'Free or add as much disk as the message says.' },
  VIEW_IN_THE_WAY: { severity: 'error', remedy: 'Change or drop the view that the message names in the same change.' },
  TRIGGER_IN_THE_WAY: {
    severity: 'error',
    remedy: 'Drop or change the trigger that the message names in the same change.',
  },
  DEPENDENT_IN_THE_WAY: {
    severity: 'error',
    remedy: 'Drop what the message names, and make it again once the change is complete.',
  },
  TYPE_IN_USE: {
    severity: 'error',
    remedy:
      'Leave the type as it is, make another under a new name, and give the columns that type in the same change: all of ' +
      'that can be taken back.',
  },
  PUBLICATION_IN_THE_WAY: {
    severity: 'error',
    remedy:
      'Publish the tables one by one: a publication of all of them would publish what a change makes beside them.',
  },
  RIGHTS_MISSING: { severity: 'error', remedy: 'Grant the engine’s account what the message names.' },
  SERVER_SETTING: { severity: 'error', remedy: 'Change the server’s setting that the message names.' },
  CHANGE_IN_PROGRESS: { severity: 'error', remedy: 'Wait for the change that has the table, or cancel it.' },
} as const satisfies Record<string, LintKind>;
export type LintCode = keyof typeof lintCodes;

/** One thing that was found. */
export interface LintMessage {
  readonly code: LintCode;
  readonly table: string | null;
  readonly column: string | null;
  /** The index, constraint, view, trigger or setting that it is about. */
  readonly subject: string | null;
  /** For people, a sentence that names what was found. */
  readonly message: string;
  /** How many rows it is about, and the key of one, where rows were looked at. */
  readonly rows: { readonly count: number; readonly example: Readonly<Record<string, string>> } | null;
}

/** Whether a change with such messages may be made. */
export function isRefused(messages: readonly LintMessage[]): boolean {
  return messages.some(({ code }) => lintCodes[code].severity === 'error');
}
