import { Failure } from '../domain/failures';
import type { Edge } from '../domain/gateway/allocation';
import type { Database } from './database';
import { Prisma } from './generated/sqlite/client';
import type { EdgeModel } from './generated/sqlite/models';
import type { Edges, Lease } from './store';
import { Versioned } from './versioned';

/** {@link Edges} in the database. */
export class StoredEdges implements Edges {
  private readonly rows: Versioned<EdgeModel, { name: string }>;

  constructor(private readonly database: Database) {
    this.rows = new Versioned(database, { model: 'edge', what: 'edge', identity: ['name'] });
  }

  async register(name: string): Promise<Edge> {
    const known = await this.rows.find({ name });
    if (known) return edgeOf(known);
    try {
      return edgeOf(await this.rows.putIf({ name }, 'MustCreate', { createdAt: new Date() }));
    } catch (error) {
      if ((error as Failure).data?.['reason'] !== 'UniqueViolation') throw error;
      return edgeOf(await this.rows.get({ name })); // registered by another process meanwhile
    }
  }

  async list(): Promise<Edge[]> {
    const rows = await this.database.direct((statements) =>
      statements.rows<EdgeModel>(Prisma.sql`SELECT * FROM edge ORDER BY name`),
    );
    return rows.map(edgeOf);
  }

  async get(name: string): Promise<Edge | null> {
    const row = await this.rows.find({ name });
    return row && edgeOf(row);
  }

  async claimGeneration(name: string, lease: Lease, above = 0): Promise<number> {
    const [claimed] = await this.database.direct((statements) =>
      statements.rows<Pick<EdgeModel, 'claimedGeneration'>>(Prisma.sql`
        UPDATE edge SET
          claimed_generation = CASE WHEN claimed_generation > ${above} THEN claimed_generation ELSE ${above} END + 1,
          claimed_by = ${lease.holder},
          resource_version = resource_version + 1
        WHERE name = ${name} AND EXISTS (
          SELECT 1 FROM lease WHERE lease.name = ${lease.name} AND lease.holder = ${lease.holder}
          AND lease.resource_version = ${lease.version}
        )
        RETURNING claimed_generation`),
    );
    if (claimed) return claimed.claimedGeneration;
    await this.rows.get({ name });
    throw new Failure('EDGE_FENCED', `the hold on edge ${name} was lost before a generation was claimed`);
  }

  async recordLive(
    name: string,
    lease: Lease,
    live: { generation: number; revision: number; changes: number },
  ): Promise<Edge> {
    const { generation, revision, changes } = live;
    const recorded = await this.rows.update({ name }, (row) => {
      if (row.liveGeneration > generation || row.claimedGeneration < generation || row.claimedBy !== lease.holder)
        throw new Failure('EDGE_FENCED', `generation ${generation} of edge ${name} was overtaken`, {
          data: { claimedGeneration: row.claimedGeneration, liveGeneration: row.liveGeneration },
        });
      const news = row.liveGeneration < generation;
      return {
        liveGeneration: generation,
        liveRevision: BigInt(Math.max(revision, Number(row.liveRevision))),
        reloads: row.reloads + (news ? 1 : 0),
        routesPublished: row.routesPublished + (news ? changes : 0),
        behindSince: null,
        behindReason: null,
      };
    });
    return edgeOf(recorded);
  }

  async markBehind(name: string, reason: string): Promise<Edge> {
    const marked = await this.rows.update({ name }, (row) => {
      if (row.behindSince !== null && row.behindReason === reason) return null;
      return { behindSince: row.behindSince ?? new Date(), behindReason: reason };
    });
    return edgeOf(marked);
  }

  async remove(name: string): Promise<boolean> {
    return await this.rows.deleteIf({ name }, 'Unconditional');
  }
}

function edgeOf(row: EdgeModel): Edge {
  return {
    name: row.name,
    claimedGeneration: row.claimedGeneration,
    liveGeneration: row.liveGeneration,
    liveRevision: Number(row.liveRevision),
    reloads: row.reloads,
    routesPublished: row.routesPublished,
    behindSince: row.behindSince,
    behindReason: row.behindReason,
    resourceVersion: row.resourceVersion,
  };
}
