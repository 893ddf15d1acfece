import { randomUUID } from 'node:crypto';
import type { DeployEngine } from '../../../api/deploy-engine';
import { refusalOf, type DeployAction } from '../../../domain/deploy/actions';
import type {
  BranchLife,
  DatabaseLife,
  DeployLife,
  DeploymentNow,
  DeploySignal,
  Inspection,
  PasswordLife,
  RequestRef,
  Told,
} from '../../../domain/deploy/contract';
import { branchRunId, databaseRunId, passwordRunId, requestRunId } from '../../../domain/deploy/contract';
import { actable } from '../../../domain/deploy/request';
import type { DeploymentMoveName } from '../../../domain/deploy/states';
import { Failure } from '../../../domain/failures';
import { refusalOf as refusalOfApply, type ApplyAction } from '../../../domain/rollout/actions';
import type { Asked } from '../../../domain/rollout/apply';
import { readApplyOperation } from '../../../domain/rollout/apply-row';
import type { ApplyNow, ApplySignal, ApplyTold } from '../../../domain/rollout/contract';
import { applyNowOf } from '../../../domain/rollout/now';
import type { NewOperation } from '../../../prisma/deploy-store';
import type { Store } from '../../../prisma/store';

const actions: Readonly<Record<DeploySignal, DeployAction>> = {
  deploy: 'deploy',
  cancel: 'cancel',
  applyDeploy: 'apply-deploy',
  forceCutover: 'force-cutover',
  revert: 'revert',
  skipRevert: 'skip-revert',
  completeDeploy: 'complete-deploy',
  close: 'close',
  setThrottle: 'throttle',
  setAutoApply: 'auto-apply',
};

/** What is done with an apply. */
const applyActions: Partial<Record<DeploySignal | ApplySignal, ApplyAction>> = {
  cancel: 'cancel',
  applyDeploy: 'apply-deploy',
  forceCutover: 'apply-deploy',
  revert: 'revert',
  skipRevert: 'skip-revert',
  stop: 'stop',
  start: 'start',
  pause: 'pause',
  release: 'release',
  override: 'override',
  retry: 'retry',
};

/** What is noted of somebody's wish. */
const asks: Partial<Record<DeploySignal | ApplySignal, (by: string) => Partial<Asked>>> = {
  cancel: (by) => ({ cancel: by }),
  applyDeploy: (by) => ({ cutOver: by }),
  revert: (by) => ({ revert: by }),
  skipRevert: (by) => ({ skipRevert: by }),
  stop: (by) => ({ stop: by }),
  start: () => ({ stop: null }),
  pause: (by) => ({ pause: by }),
  release: () => ({ pause: null }),
};

/** What a signal moves a request through at once; more comes when a test says so. */
const moves: Partial<Record<DeploySignal, DeploymentMoveName>> = {
  cancel: 'cancel',
  applyDeploy: 'cutOver',
  revert: 'revert',
  skipRevert: 'finish',
};

/** The workflows of databases in the API's tests: they change the real store as the real ones do. */
export class FakeDeploys implements DeployEngine {
  /** Everything that was begun, by kind and id. */
  readonly begun: string[] = [];
  readonly told: {
    readonly request: RequestRef;
    readonly signal: DeploySignal | ApplySignal;
    readonly told: Told & Partial<ApplyTold>;
  }[] = [];
  readonly accounts: PasswordLife[] = [];
  readonly looks: Inspection[] = [];
  away = false;
  /** Whether what is begun ends well by itself, at once. */
  quick = true;
  /** What looks find. */
  seen: (inspection: Inspection) => unknown = () => ({ objects: [], operations: [], diff: [], lint: [], losses: [] });
  /** What the workflow of an apply refuses everything with. */
  refusing: Failure | null = null;
  /** Requests whose workflows have ended. */
  readonly over = new Set<string>();
  /** Run ids that fail, with what. */
  readonly failing = new Map<string, Failure>();
  readonly outcomes = new Map<string, Failure | null>();

  constructor(readonly store: Store) {}

  createDatabase(life: DatabaseLife): Promise<string> {
    return this.begin(databaseRunId('create', life.databaseId), async () => {
      const { organizationId, databaseId } = life;
      const { items } = await this.store.deploys.branches.list(organizationId, databaseId, { page: 1, perPage: 10 });
      for (const { id } of items)
        await this.store.deploys.branches.update(organizationId, databaseId, id, { state: 'ready' });
      await this.store.deploys.databases.update(organizationId, databaseId, { state: 'ready' });
    });
  }

  deleteDatabase({ organizationId, databaseId }: DatabaseLife): Promise<string> {
    return this.begin(databaseRunId('delete', databaseId), () =>
      this.store.deploys.databases.remove(organizationId, databaseId),
    );
  }

  createBranch({ organizationId, databaseId, branchId }: BranchLife): Promise<string> {
    return this.begin(branchRunId('create', branchId), async () => {
      await this.store.deploys.branches.update(organizationId, databaseId, branchId, { state: 'ready' });
    });
  }

  deleteBranch({ organizationId, databaseId, branchId }: BranchLife): Promise<string> {
    return this.begin(branchRunId('delete', branchId), () =>
      this.store.deploys.branches.remove(organizationId, databaseId, branchId, 'test'),
    );
  }

  createPassword(life: PasswordLife): Promise<string> {
    this.mustAnswer();
    this.accounts.push(life);
    return this.begin(passwordRunId(life.passwordId, 'create'), () => Promise.resolve());
  }

  deletePassword(life: PasswordLife): Promise<string> {
    return this.begin(passwordRunId(life.passwordId, 'delete'), () => Promise.resolve());
  }

  startRequest(life: DeployLife): Promise<string> {
    return this.begin(requestRunId(life), async () => {
      this.over.delete(life.requestId);
      const request = await this.store.deploys.requests.byId(life.organizationId, life.requestId);
      if (request?.deployment.state !== 'pending') return;
      await this.store.deploys.requests.setPlan(life.organizationId, life.requestId, '{}', [operation()]);
      await this.store.deploys.requests.move(life.organizationId, life.requestId, 'pass');
    });
  }

  async tell(
    ref: RequestRef,
    signal: DeploySignal | ApplySignal,
    told: Told & Partial<ApplyTold>,
  ): Promise<DeploymentNow | ApplyNow | undefined> {
    this.mustAnswer();
    if (this.over.has(ref.requestId)) return undefined;
    if (await this.store.rollouts.applies.get(ref.organizationId, ref.requestId))
      return await this.tellApply(ref, signal, told);
    return await this.tellRequest(ref, signal as DeploySignal, told);
  }

  /** Notes what somebody asks of an apply; what follows from it comes when a test says so. */
  private async tellApply(
    ref: RequestRef,
    signal: DeploySignal | ApplySignal,
    told: Told & Partial<ApplyTold>,
  ): Promise<ApplyNow> {
    const { applies } = this.store.rollouts;
    const { organizationId, requestId } = ref;
    const standing = async (): Promise<ApplyNow> => {
      const rows = (await applies.rows(organizationId, requestId)).map((row) => readApplyOperation(row, requestId));
      const apply = (await applies.get(organizationId, requestId))!;
      return applyNowOf(
        apply,
        rows.filter((row) => typeof row !== 'string'),
      );
    };
    const action = applyActions[signal];
    const refused = action && (refusalOfApply(action, await standing()) ?? this.refusing);
    if (refused) throw refused;
    this.told.push({ request: ref, signal, told });
    const asked = asks[signal];
    if (asked) await applies.ask(organizationId, requestId, asked(told.by));
    if (signal === 'retry') await applies.retry(organizationId, requestId, told.operationId);
    if (signal === 'release') await applies.release(organizationId, requestId);
    if (signal === 'override') {
      const { environment, reason, by } = told;
      await applies.override(organizationId, requestId, {
        ...{ environment: environment!, reason: reason!, by, at: new Date() },
      });
    }
    return await standing();
  }

  private async tellRequest(ref: RequestRef, signal: DeploySignal, told: Told): Promise<DeploymentNow> {
    const { requests } = this.store.deploys;
    const request = (await requests.byId(ref.organizationId, ref.requestId))!;
    const refused = refusalOf(actions[signal], actable(request, false));
    if (refused) throw refused;
    this.told.push({ request: ref, signal, told });
    const move = moves[signal];
    if (signal === 'deploy') await requests.deployed(ref.organizationId, ref.requestId, told.instant ?? false);
    else if (signal === 'close') await requests.close(ref.organizationId, ref.requestId, told.by);
    else if (signal === 'completeDeploy') await requests.move(ref.organizationId, ref.requestId, 'completeDeploy');
    else if (move) await requests.move(ref.organizationId, ref.requestId, move);
    const now = (await requests.byId(ref.organizationId, ref.requestId))!;
    return { state: now.deployment.state, preceding: [], error: now.deployment.error };
  }

  async inspect<T>(inspection: Inspection, signal: AbortSignal): Promise<T | undefined> {
    this.mustAnswer();
    this.looks.push(inspection);
    if (this.quick) return await Promise.resolve(this.seen(inspection) as T);
    return await new Promise((resolve) => signal.addEventListener('abort', () => resolve(undefined)));
  }

  private async begin(runId: string, work: () => Promise<void>): Promise<string> {
    this.mustAnswer();
    this.begun.push(runId);
    const failure = this.failing.get(runId.replace(/-[0-9a-f]{8}-.*/, ''));
    if (this.quick && !failure) await work();
    if (this.quick) this.outcomes.set(runId, failure ?? null);
    return runId;
  }

  private mustAnswer(): void {
    if (this.away) throw new Failure('ENGINE_UNAVAILABLE', 'connect ECONNREFUSED 10.9.8.7:7233');
  }
}

/** One table's share of a request, as a check plans it. */
export function operation(changes: Partial<NewOperation> = {}): NewOperation {
  return {
    id: randomUUID(),
    kind: 'ALTER',
    table: 'users',
    ddl: 'ALTER TABLE `users` ADD COLUMN `age` int;',
    way: 'shadow',
    because: 'it rewrites the table',
    canDropData: false,
    recentlyUsedAt: null,
    ...changes,
  };
}
