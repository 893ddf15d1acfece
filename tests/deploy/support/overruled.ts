/**
 * Rows that say something else than they should. PlanetScale itself, whose clients are served, keeps the place of a failed
 * request until somebody completes it, and takes a request that is live back by a revert alone.
 */
export const overruled: Readonly<Record<string, string>> = {
  'deploy gate: earlier deployed request in complete_error': 'the place is held until complete-deploy',
  'deploy gate: earlier deployed request in complete_revert_error': 'the place is held until complete-deploy',
  'cancel on complete_pending_revert': 'what is live is taken back by a revert, which loses nothing',
  'cancel on cancelled': 'it has ended',
  'can cancel in_progress_cutover': 'the swap is one moment; until then it goes back to pending_cutover',
  'can cancel in_progress_vschema': 'no request enters the state',
  'how to free the slot from in_progress_cutover': 'it goes back to pending_cutover, or is live',
  'how to free the slot from complete_revert_error': 'the place is held until complete-deploy',
};
