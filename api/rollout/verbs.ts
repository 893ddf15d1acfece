/** What can be done with an apply, by the last word of the route. */
export const ApplyVerb = {
  stop: 'stop',
  start: 'start',
  pause: 'pause',
  release: 'release',
  cutover: 'cutover',
  cancel: 'cancel',
  revert: 'revert',
  skipRevert: 'skip-revert',
  volume: 'volume',
  override: 'override',
  retry: 'retry',
} as const;
export type ApplyVerb = (typeof ApplyVerb)[keyof typeof ApplyVerb];
