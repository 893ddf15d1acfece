import type { Database } from './database';
import type { Profiles, StoredProfile } from './fleet-store';
import { Prisma } from './generated/sqlite/client';
import type { ProfileModel } from './generated/sqlite/models';
import { table } from './table';
import { onFreshReads } from './versioned';

/** {@link Profiles} in the database. A revision is never changed, so the next number is all that two can contend for. */
export class StoredProfiles implements Profiles {
  constructor(private readonly database: Database) {}

  async put(organizationId: string, name: string, document: unknown): Promise<StoredProfile> {
    const text = JSON.stringify(document);
    return await onFreshReads(async () => {
      const latest = await this.latest(organizationId, name);
      if (latest?.document === text) return profileOf(latest);
      const revision = (latest?.revision ?? 0) + 1;
      const row = await this.database.direct((statements) =>
        table<ProfileModel>(statements, 'profile').create({
          data: { organizationId, name, revision, document: text, createdAt: new Date() },
        }),
      );
      return profileOf(row);
    });
  }

  async get(organizationId: string, name: string, revision?: number): Promise<StoredProfile | null> {
    if (revision === undefined) {
      const latest = await this.latest(organizationId, name);
      return latest && profileOf(latest);
    }
    const row = await this.database.direct((statements) =>
      table<ProfileModel>(statements, 'profile').findFirst({ where: { organizationId, name, revision } }),
    );
    return row && profileOf(row);
  }

  async list(organizationId: string): Promise<StoredProfile[]> {
    const rows = await this.database.direct((statements) =>
      statements.rows<ProfileModel>(Prisma.sql`
        SELECT * FROM profile WHERE organization_id = ${organizationId} AND revision = (
          SELECT MAX(later.revision) FROM profile later
          WHERE later.organization_id = profile.organization_id AND later.name = profile.name
        ) ORDER BY name`),
    );
    return rows.map(profileOf);
  }

  private async latest(organizationId: string, name: string): Promise<ProfileModel | null> {
    const [row] = await this.database.direct((statements) =>
      statements.rows<ProfileModel>(Prisma.sql`
        SELECT * FROM profile WHERE organization_id = ${organizationId} AND name = ${name}
        ORDER BY revision DESC LIMIT 1`),
    );
    return row ?? null;
  }
}

function profileOf({ organizationId, name, revision, document, createdAt }: ProfileModel): StoredProfile {
  return { organizationId, name, revision, document: JSON.parse(document) as unknown, createdAt };
}
