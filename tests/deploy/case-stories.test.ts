import { defaultDeployPolicy, stateFacts } from '../../domain/deploy/states';
import { Failure } from '../../domain/failures';
import { rowsOf, runIn, type Row } from './support/case-rows';
import { CaseWorld, type CaseRequest } from './support/case-world';
import { Scenario } from './support/scenario';

/* The rows that tell how requests go on: over HTTP, with a real Temporal, worker and MariaDB. */

jest.setTimeout(60_000);

let world: CaseWorld;
beforeAll(async () => {
  world = await CaseWorld.start();
}, 180_000);
afterAll(async () => await world?.close());

const column = 'ALTER TABLE users ADD COLUMN nick VARCHAR(50) NULL';

/** A request for one more column, on a database of its own. */
const opened = async (body: object = {}): Promise<CaseRequest> => (await world.database()).open([column], body);

/** One that is live, and can be reverted. */
const live = async (): Promise<CaseRequest> => {
  const request = await opened({ auto_cutover: true });
  await request.deploy();
  await request.reaches('complete_pending_revert');
  return request;
};

const stories: Readonly<Record<string, (row: Row) => Promise<void>>> = {
  async 'auto_cutover: pending_cutover issues COMPLETE then in_progress_cutover'() {
    const request = await opened({ auto_cutover: true });
    const open = world.gate.close('cutOver');
    await request.deploy();
    await request.reaches('in_progress_cutover');
    open();
    await request.reaches('complete_pending_revert');
  },

  async 'no auto_cutover: stays pending_cutover (gated deployment)'() {
    const request = await opened();
    await request.deploy();
    await request.reaches('pending_cutover');
    // Its workflow has had something to do since, and did not apply it.
    await request.throttle(0.5);
    expect((await request.get()).deployment_state).toBe('pending_cutover');
    await request.does('apply-deploy');
    await request.reaches('complete_pending_revert');
  },

  async 'submitting younger than 2 min is left alone'({ given }) {
    const { deadline } = stateFacts.submitting;
    expect(defaultDeployPolicy[deadline!]).toBeGreaterThan(Number(given.age_s) * 1000);
  },

  async 'cancel with no migration context'() {
    const database = await world.database();
    const [first, second] = [await database.open([column]), await database.open([column.replace('nick', 'other')])];
    await first.deploy();
    await first.reaches('pending_cutover');
    await second.deploy();
    await second.reaches('queued');
    await second.does('cancel');
    const { deployment } = await second.reaches('complete_cancel');
    expect(deployment.cancelled_actor).not.toBeNull();
  },

  async 'cancel: unreadable/absent cancel timestamp is not resolved against a deadline'({ expected }) {
    const request = await opened();
    await request.deploy();
    await request.reaches('pending_cutover');
    const open = world.gate.close('takeBack');
    await request.does('cancel');
    expect((await request.get()).deployment_state).toBe((expected as { state: string }).state);
    open();
    await request.reaches('complete_cancel');
  },

  ...Object.fromEntries(
    // Before anything is done, and when the old table is live again while the rest is being removed.
    (['revert', 'finish'] as const).map((activity, i) => [
      `revert phase with migrations ${['[]', "[{'status': 'running'}]"][i]}`,
      async ({ expected }: Row): Promise<void> => {
        const request = await live();
        const open = world.gate.close(activity);
        await request.does('revert');
        await request.reaches((expected as { state: string }).state);
        open();
        await request.reaches('complete_revert');
      },
    ]),
  ),

  async 'diff finds DDL or vschema change'({ expected }) {
    await (await opened()).reaches((expected as { state: string }).state);
  },

  async 'cancel during submitting is not overwritten'() {
    const request = await opened();
    const open = world.gate.close('prepareChange');
    await request.deploy();
    await request.reaches('submitting');
    expect(await request.does('cancel')).toMatchObject({ deployment_state: 'in_progress_cancel' });
    open();
    // Whatever else it might become would be seen, or would be its end.
    await request.reaches('complete_cancel');
  },

  async 'failure after the vschema half of a revert stays recoverable'({ expected }) {
    const request = await live();
    const mended = world.gate.fail('revert', () => new Failure('CHANGE_DRIFTED', 'the revert failed'));
    await request.does('revert');
    await request.reaches(...(expected as { 'state in': readonly string[] })['state in']);
    mended();
    await request.does('complete-deploy');
    await request.reaches('complete');
  },

  async 'concurrent create yields distinct consecutive numbers'() {
    const database = await world.database();
    const branch = await database.branch([]);
    const all = await Promise.all(Array.from({ length: 10 }, async () => await database.openOf(branch)));
    const numbers = all.map(({ number }) => number).toSorted((one, other) => one - other);
    expect(numbers).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  },
};

test.each(rowsOf(...runIn.stories))('$kind: $name', async (row) => {
  if (row.kind === 'scenario') return await new Scenario(world).tell(row.steps);
  const story = stories[row.name];
  if (!story) throw new Error('this row is neither run nor listed in tests/cases/left-out.json with its reason');
  await story(row);
});
