import { inOrder } from '../../../domain/schema/statements';
import { diff } from '../../../domain/schema/diff';
import type { SchemaModel } from '../../../domain/schema/model';
import { mysqlDdl } from '../../../domain/schema/mysql/ddl';
import { postgresDdl } from '../../../domain/schema/postgresql/ddl';
import type { SchemaEngine } from '../../../drivers/database/engine';
import { MySqlEngine } from '../../../drivers/database/mysql/engine';
import { openSession as openMySql } from '../../../drivers/database/mysql/session';
import { PostgresEngine } from '../../../drivers/database/postgresql/engine';
import { openSession as openPostgres } from '../../../drivers/database/postgresql/session';

interface Session {
  query(sql: string): Promise<readonly Readonly<Record<string, unknown>>[]>;
  execute(sql: string): Promise<number>;
  destroy(): void;
}

/** A database server as tests use it. */
export abstract class Target {
  abstract readonly kind: 'mysql' | 'postgresql';
  abstract readonly url: string;
  abstract engine(schema: string): SchemaEngine;
  protected abstract open(schema: string | null): Promise<Session>;
  protected abstract empty(model: SchemaModel): SchemaModel;
  protected abstract create(schema: string): string;

  async run(schema: string | null, statements: readonly string[]): Promise<void> {
    const session = await this.open(schema);
    try {
      for (const statement of statements) await session.execute(statement);
    } finally {
      session.destroy();
    }
  }

  async rows(schema: string, query: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
    const session = await this.open(schema);
    try {
      return await session.query(query);
    } finally {
      session.destroy();
    }
  }

  /** Opens a session that the test ends. */
  async session(schema: string): Promise<Session> {
    return await this.open(schema);
  }

  async make(schema: string, statements: readonly string[]): Promise<void> {
    await this.run(null, [this.create(schema)]);
    await this.run(schema, statements);
  }

  /** Makes a schema like another one, without rows. @returns what it is. */
  async fork(from: string, to: string): Promise<SchemaModel> {
    const model = await this.engine(from).introspect(new AbortController().signal);
    const ddl = this.kind === 'mysql' ? mysqlDdl : postgresDdl;
    await this.make(to, inOrder(diff({ from: this.empty(model), to: model, renames: [] }, ddl)));
    return model;
  }

  async model(schema: string): Promise<SchemaModel> {
    return await this.engine(schema).introspect(new AbortController().signal);
  }
}

const nothing = { tables: [], views: [], routines: [], sequences: [], enums: [], domains: [] };

/** MariaDB or MySQL. */
export class MySqlTarget extends Target {
  readonly kind = 'mysql';

  /** @param url without a database: `mysql://root:...@127.0.0.1:port/` */
  constructor(readonly url: string) {
    super();
  }

  engine(schema: string): SchemaEngine {
    return new MySqlEngine({ url: `${this.url}${schema}` });
  }

  protected async open(schema: string | null): Promise<Session> {
    return await openMySql(`${this.url}${schema ?? ''}`);
  }

  protected empty(model: SchemaModel): SchemaModel {
    return { ...model, ...nothing };
  }

  protected create(schema: string): string {
    return `CREATE DATABASE ${schema}`;
  }
}

export class PostgresTarget extends Target {
  readonly kind = 'postgresql';

  constructor(readonly url: string) {
    super();
  }

  engine(schema: string): SchemaEngine {
    return new PostgresEngine({ url: this.url, schema });
  }

  protected async open(schema: string | null): Promise<Session> {
    return await openPostgres(this.url, schema ?? 'public');
  }

  protected empty(model: SchemaModel): SchemaModel {
    return { ...model, ...nothing };
  }

  protected create(schema: string): string {
    return `CREATE SCHEMA ${schema}`;
  }
}
