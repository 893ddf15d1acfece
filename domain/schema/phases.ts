/**
 * Where a change stands in its target database. It is written there, by whoever makes it so, in the same transaction
 * where the server can do that: any process that takes over reads it and goes on.
 */
export const ChangePhase = {
  /** Shadows, logs and triggers are being made. */
  preparing: 'preparing',
  /** Rows are copied, and the log is followed. */
  copying: 'copying',
  /** Everything is copied; the log is followed until the cut-over. */
  copied: 'copied',
  /** The new tables are live; the old ones follow them. */
  swapped: 'swapped',
  /** The old tables are live again; the new ones follow them. */
  reverted: 'reverted',
  /** What is left over of it is being removed; it cannot be taken back any more. */
  finishing: 'finishing',
  /** It is being taken back before it was live. */
  cancelling: 'cancelling',
} as const;
export type ChangePhase = (typeof ChangePhase)[keyof typeof ChangePhase];

interface ChangeMove {
  readonly from: readonly ChangePhase[];
  /** Null where the change leaves nothing, not even its state. */
  readonly to: ChangePhase | null;
  readonly when: string;
}

/** Every change of phase. */
export const changeMoves = {
  copy: { from: ['preparing'], to: 'copying', when: 'shadows, logs and triggers stand' },
  copied: { from: ['copying'], to: 'copied', when: 'the last chunk is copied' },
  recopy: { from: ['copying', 'copied'], to: 'preparing', when: 'the live table was changed behind the triggers' },
  cutOver: { from: ['copied'], to: 'swapped', when: 'all tables are swapped' },
  revert: { from: ['swapped'], to: 'reverted', when: 'all tables are swapped back' },
  reapply: { from: ['reverted'], to: 'swapped', when: 'a revert is taken back' },
  finish: { from: ['swapped', 'reverted'], to: 'finishing', when: 'nobody wants it taken back' },
  finished: { from: ['finishing'], to: null, when: 'nothing of it is left' },
  cancel: { from: ['preparing', 'copying', 'copied'], to: 'cancelling', when: 'it is not wanted any more' },
  cancelled: { from: ['cancelling'], to: null, when: 'nothing of it is left' },
} as const satisfies Record<string, ChangeMove>;
export type ChangeMoveName = keyof typeof changeMoves;
