import type { PlannedStep } from '../planned-step';

const look = { kind: 'nothing', text: 'a look leaves nothing behind' } as const;
const last = { kind: 'nothing', text: 'it is the last step: once it is done, nothing is taken back' } as const;
const goesForGood = { kind: 'point_of_no_return', text: 'what is deleted does not come back' } as const;

const prepare: PlannedStep = {
  name: 'prepare',
  do: 'make the new tables, logs and triggers beside the live tables',
  undo: { kind: 'undo', text: 'remove all of them, and prove that none is left' },
  leftBehind: 'tables and triggers of the change stay in the database, and other changes of the tables are refused',
};

/** The steps of `deploy.request` in the order in which they run; their undos run from the last to the first. */
export const requestSteps: readonly PlannedStep[] = [
  {
    name: 'place',
    do: 'wait until no request is before it: none that was deployed earlier into the same branch, and no open window',
    undo: {
      kind: 'undo',
      text: 'give the place back; after a failure, only once a person has looked at it',
    },
    leftBehind: 'the next request waits until somebody completes this one',
  },
  {
    name: 'check',
    do: 'compare the branch with its target as it is now, plan, and lint once more',
    undo: look,
    leftBehind: 'nothing',
  },
  {
    name: 'rollout',
    do: 'where it goes over several deployments: have each changed by a workflow of its own, in their order; none of the steps that come next is done then',
    undo: { kind: 'undo', text: 'cancel every deployment that is not live, and wait until all have ended' },
    leftBehind: 'deployments are changed still, or wait for a person, while the request seems to be over',
  },
  prepare,
  {
    name: 'copy',
    do: 'copy every row and follow what is written meanwhile',
    undo: { kind: 'nothing', text: 'it goes with what was prepared' },
    leftBehind: 'nothing',
  },
  { name: 'prove', do: 'compare both sides row by row', undo: look, leftBehind: 'nothing' },
  {
    name: 'cut-over',
    do: 'wait until somebody applies it, or it applies itself, and put the new tables in the place of the old',
    undo: { kind: 'nothing', text: 'nothing is live until it is done' },
    leftBehind: 'nothing',
  },
  {
    name: 'window',
    do: 'keep the old tables like the new ones until the window is over, somebody skips the rest, or reverts',
    undo: { kind: 'point_of_no_return', text: 'what is live is taken back by a revert, which loses nothing' },
    leftBehind: 'nothing',
  },
  {
    name: 'revert',
    do: 'compare both sides, and put the old tables back',
    undo: { kind: 'nothing', text: 'a revert that is held up changes nothing' },
    leftBehind: 'nothing',
  },
  {
    name: 'finish',
    do: 'remove the tables that are not live, with their logs and triggers',
    undo: { kind: 'nothing', text: 'what is not live is not needed any more' },
    leftBehind: 'tables that nobody needs stay in the database',
  },
];

/** The steps of `deploy.operation`, the share of one deployment. */
export const operationSteps: readonly PlannedStep[] = [
  { ...prepare, name: 'build', do: `${prepare.do}, copy every row, and compare both sides row by row` },
  {
    name: 'cut-over',
    do: 'keep both sides alike until its turn comes, and put the new tables in the place of the old',
    undo: { kind: 'nothing', text: 'nothing is live until it is done' },
    leftBehind: 'nothing',
  },
  {
    name: 'window',
    do: 'keep the old tables like the new ones until its apply wants no revert any more, and remove them; or until it wants one',
    undo: { kind: 'point_of_no_return', text: 'what is live is taken back by a revert, which loses nothing' },
    leftBehind: 'tables that nobody needs stay in the database',
  },
  ...requestSteps.filter(({ name }) => name === 'revert'),
  {
    name: 'finish',
    do: 'after a revert, and after a change without a way back: remove the tables that are not live',
    undo: { kind: 'nothing', text: 'what is not live is not needed any more' },
    leftBehind: 'tables that nobody needs stay in the database',
  },
];

/** The steps of `database.create`. */
export const createDatabaseSteps: readonly PlannedStep[] = [
  {
    name: 'begin',
    do: 'make sure that the database is still to be made',
    undo: { kind: 'undo', text: 'note that it could not be made' },
    leftBehind: 'the database is shown as if it were still being made',
  },
  {
    name: 'schema',
    do: 'make the schema of its first branch, or find the one that is adopted',
    undo: { kind: 'undo', text: 'drop it, unless it was adopted' },
    leftBehind: 'an empty schema stays on the server',
  },
  { name: 'read', do: 'read what is in it', undo: look, leftBehind: 'nothing' },
  { name: 'ready', do: 'note that database and branch are ready', undo: last, leftBehind: 'nothing' },
];

/** The steps of `branch.create`. */
export const createBranchSteps: readonly PlannedStep[] = [
  {
    name: 'begin',
    do: 'make sure that the branch is still to be made',
    undo: { kind: 'undo', text: 'note that it could not be made' },
    leftBehind: 'the branch is shown as if it were still being made',
  },
  {
    name: 'schema',
    do: 'make a schema of its own',
    undo: { kind: 'undo', text: 'drop it with everything in it' },
    leftBehind: 'a schema that nobody uses stays on the server',
  },
  {
    name: 'shape',
    do: 'make in it what its parent has, without rows, and keep what that was',
    undo: { kind: 'nothing', text: 'it goes with the schema' },
    leftBehind: 'nothing',
  },
  { name: 'ready', do: 'note that the branch is ready', undo: last, leftBehind: 'nothing' },
];

/** The steps of `branch.delete`: there is no way back, so what fails waits for a person. */
export const deleteBranchSteps: readonly PlannedStep[] = [
  {
    name: 'accounts',
    do: 'drop the accounts of the branch and end their sessions',
    undo: goesForGood,
    leftBehind: 'accounts stay that may touch what is left of the branch',
  },
  {
    name: 'schema',
    do: 'drop its schema, unless that was there before',
    undo: { kind: 'nothing', text: 'the schema is gone' },
    leftBehind: 'a schema that nobody uses stays on the server',
  },
  {
    name: 'branch',
    do: 'note that the branch is deleted',
    undo: { kind: 'nothing', text: 'the branch is gone' },
    leftBehind: 'the branch is shown as if it were being deleted',
  },
];

/** The steps of `database.delete`: those of `branch.delete` once for each branch, with its number behind their names. */
export const deleteDatabaseSteps: readonly PlannedStep[] = [
  { name: 'branches', do: 'find its branches', undo: look, leftBehind: 'nothing' },
  ...deleteBranchSteps,
  {
    name: 'row',
    do: 'delete the database with everything that was kept of it',
    undo: goesForGood,
    leftBehind: 'the database is shown as if it were being deleted',
  },
];

/** The steps of `branch.password`. */
export const passwordSteps: readonly PlannedStep[] = [
  {
    name: 'account',
    do: 'make the account, or drop it',
    undo: { kind: 'undo', text: 'drop the account' },
    leftBehind: 'an account whose password nobody was given stays on the server',
  },
];
