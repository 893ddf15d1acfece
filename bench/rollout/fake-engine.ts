import { setTimeout as sleep } from 'node:timers/promises';
import type { DeployPorts } from '../../activities/deploy/ports';
import type { SchemaChange } from '../../domain/schema/change';
import { diff } from '../../domain/schema/diff';
import type { Column, SchemaModel, Table } from '../../domain/schema/model';
import { mysqlDdl } from '../../domain/schema/mysql/ddl';
import type { ChangePhase } from '../../domain/schema/phases';
import type { PlannedChange } from '../../domain/schema/plan';
import type { ChangeState, Progress, SchemaEngine, Work } from '../../drivers/database/engine';
import type { SchemaHost } from '../../drivers/database/host';

/** Milliseconds that each longer piece of work takes. */
const WORK_MS = 1;

const column = (name: string, type: string): Column => ({
  ...{ name, type, nullable: false, default: null, generated: null, identity: null, onUpdate: null },
  ...{ charset: null, collation: null, comment: '', options: [] },
});

const primaryKey: Table['primaryKey'] = {
  ...{ name: 'PRIMARY', kind: 'primary', definition: null, deferrable: false, comment: '' },
  parts: [{ column: 'id', expression: null, prefix: null, descending: false }],
};

const table = (columns: readonly Column[]): Table => ({
  ...{ name: 'orders', columns, primaryKey, indexes: [], uniques: [], foreignKeys: [], checks: [], triggers: [] },
  ...{ partitioning: null, comment: '', options: { ENGINE: 'InnoDB' }, rowSecurity: null },
});

/** A schema of one table. */
export function modelOf(amount: 'int(11)' | 'bigint(20)'): SchemaModel {
  return {
    ...{
      dialect: 'mariadb',
      defaults: null,
      views: [],
      routines: [],
      sequences: [],
      enums: [],
      domains: [],
      others: [],
    },
    tables: [table([column('id', 'int(11)'), column('amount', amount)])],
  };
}

/** What every schema of a name that begins like this is changed to. */
export const branchPrefix = 'b';

/** Schemas that are but words in memory, whose changes take {@link WORK_MS} a piece. */
export class FakeSchemas {
  private readonly phases = new Map<string, ChangePhase>();

  /** Takes the place of every server. */
  ports(ports: DeployPorts): DeployPorts {
    const host = { sizeOf: async () => await Promise.resolve(1_000), share: async () => await Promise.resolve() };
    return {
      ...ports,
      engine: (_, schema) => Promise.resolve(this.engine(schema)),
      host: () => Promise.resolve(host as unknown as SchemaHost),
    };
  }

  private engine(schema: string): SchemaEngine {
    const { phases } = this;
    const enter = async (id: string, phase: ChangePhase | null, { onProgress }: Work): Promise<void> => {
      await sleep(WORK_MS);
      if (phase === null) phases.delete(id);
      else phases.set(id, phase);
      onProgress?.(this.progress(id));
    };
    const swapped = { stallMs: 1, attempts: 1 };
    return {
      introspect: () => Promise.resolve(modelOf(schema.startsWith(branchPrefix) ? 'bigint(20)' : 'int(11)')),
      plan: (id, change) => Promise.resolve(planned(id, change)),
      lint: () => Promise.resolve([]),
      prepare: async ({ id }, work) => await enter(id, 'copying', work),
      copy: async ({ id }, work) => await enter(id, 'copied', work),
      follow: async (_, { signal }) => {
        if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
      },
      prove: async () => {
        await sleep(WORK_MS);
        return { rowsCompared: 1, differing: [], differingCount: 0 };
      },
      cutOver: async ({ id }, _, work) => {
        await enter(id, 'swapped', work);
        return swapped;
      },
      losses: () => Promise.resolve([]),
      revert: async ({ id }, _, work) => {
        await enter(id, 'reverted', work);
        return swapped;
      },
      reapply: () => Promise.reject(new Error('nobody does that')),
      finish: async ({ id }, work) => await enter(id, null, work),
      cancel: async ({ id }, work) => await enter(id, null, work),
      state: (id) => Promise.resolve(phases.has(id) ? this.stateOf(id) : null),
      blockers: () => Promise.resolve([]),
      leftovers: () => Promise.resolve([]),
    };
  }

  private stateOf(id: string): ChangeState {
    return { id, epoch: 1, ...this.progress(id) };
  }

  private progress(id: string): Progress {
    const phase = this.phases.get(id) ?? 'finishing';
    const figures = { rowsCopied: 100, rowsTotal: 100, rowsPerSecond: 100, etaSeconds: 0, logLength: 0 };
    return { phase, tables: [{ table: 'orders', percent: 100, ...figures, throttledBy: null, failed: [] }] };
  }
}

function planned(id: string, change: SchemaChange): PlannedChange {
  const operations = diff(change, mysqlDdl).map((operation) => {
    const [from, to] = [change.from, change.to].map(({ tables }) => tables.find(({ name }) => name === operation.name));
    const shadow = from && to ? { from, to, renames: [], key: ['id'] } : null;
    return { ...operation, way: 'shadow' as const, because: 'rows have to be copied', shadow };
  });
  return { ...change, id, operations };
}
