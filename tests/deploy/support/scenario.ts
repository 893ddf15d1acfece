import type { CaseDatabase, CaseRequest, CaseWorld } from './case-world';

/** One step of a scenario: what is done is its first member, the others say what is expected of it. */
export type Step = Readonly<Record<string, unknown>>;

const column = 'ALTER TABLE users ADD COLUMN nick VARCHAR(50) NULL';

/** The longest revert window of a scenario that waits for its end, as it says. */
const WINDOW_MS = 5_000;

/** Tells a scenario, step by step, over HTTP. */
export class Scenario {
  private database: CaseDatabase | undefined;
  private request: CaseRequest | undefined;
  private isSlow = false;
  private goOn: (() => void) | undefined;
  private answers: readonly { readonly status: number }[] = [];

  constructor(private readonly world: CaseWorld) {}

  async tell(steps: readonly Step[]): Promise<void> {
    const window = steps.some(({ after }) => String(after).startsWith('revert window'));
    const config = steps.find(({ config: each }) => each !== undefined)?.config as { require_approval: boolean };
    this.database = await this.world.database({
      ...(window && { revertWindowMs: WINDOW_MS }),
      ...(config && { requireApproval: config.require_approval }),
    });
    try {
      for (const step of steps) await this.step(step);
    } finally {
      this.goOn?.();
    }
  }

  private async step(step: Step): Promise<void> {
    const [verb, told] = Object.entries(step)[0]!;
    const known = this.verbs[verb];
    if (!known) throw new Error(`nobody knows the step ${verb}`);
    await known(told as never, step);
  }

  private readonly verbs: Readonly<Record<string, (told: never, step: Step) => Promise<unknown>>> = {
    // Told before the others.
    config: () => Promise.resolve(),
    create: (told: { changes: string; auto_cutover?: boolean }) => this.create(told),
    deploy: (body: object, step) => this.deploy(body, step),
    await: (state: string) => this.now.reaches(state),
    await_any: (states: readonly string[]) => this.now.reaches(...states),
    cancel: (_, step) => this.cancel(step),
    concurrent: (actions: readonly string[]) => this.atOnce(actions),
    check: (what: string) => this.check(what),
    'branch ddl': (statement: string, step) =>
      this.eligible(statement, step['deployment.instant_ddl_eligible'] as boolean),
    rule: (text: string) => this.rule(text),
  };

  private async create({ changes, auto_cutover = false }: { changes: string; auto_cutover?: boolean }): Promise<void> {
    if (!['ddl', 'slow ddl', 'instant-eligible ddl'].includes(changes)) throw new Error(`no changes are ${changes}`);
    this.isSlow = changes === 'slow ddl';
    this.request = await this.database!.open([column], { auto_cutover });
  }

  private async deploy(body: object, { returns, refused, message_contains: text }: Step): Promise<void> {
    await this.now.reaches('ready');
    if (this.isSlow) this.goOn = this.world.gate.close('copy');
    const answer = await this.now.act('deploy', body);
    expect(answer.status).toBe(refused ?? 200);
    if (text !== undefined) expect(answer.message).toContain(text);
    // Here a request goes through the queue also when nobody is before it, and may be past it already.
    if (returns !== undefined) expect([returns, 'queued', 'in_progress']).toContain(answer.deployment_state);
  }

  private async cancel({ returns }: Step): Promise<void> {
    // What is cancelled before anything is made is over at once.
    if (this.isSlow) await this.now.reaches('in_progress');
    const open = this.world.gate.close('takeBack');
    try {
      expect(await this.now.does('cancel')).toMatchObject({ deployment_state: returns });
    } finally {
      open();
      this.goOn?.();
    }
  }

  private async atOnce(actions: readonly string[]): Promise<void> {
    this.request = await this.database!.open([column]);
    await this.now.reaches('ready');
    this.answers = await Promise.all(
      actions.map(async (action) => await (action === 'close' ? this.now.close() : this.now.act(action))),
    );
  }

  private async check(what: string): Promise<void> {
    expect(what).toBe('deployed XOR closed');
    expect(this.answers.map(({ status }) => status).toSorted()).toEqual([200, 409]);
    const { deployed_at, state } = await this.now.get();
    expect([deployed_at !== null, state === 'closed'].toSorted()).toEqual([false, true]);
  }

  private async eligible(statement: string, expected: boolean): Promise<void> {
    const { deployment } = await (await this.database!.open([statement])).reaches('ready');
    expect(deployment.instant_ddl_eligible).toBe(expected);
  }

  private async rule(text: string): Promise<void> {
    expect(text).toBe('CREATE TABLE/DROP TABLE only => not eligible');
    await this.eligible('CREATE TABLE tags (id INT PRIMARY KEY)', false);
    await this.eligible('DROP TABLE users', false);
  }

  private get now(): CaseRequest {
    if (!this.request) throw new Error('there is no request yet');
    return this.request;
  }
}
