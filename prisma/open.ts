import { PrismaPg } from '@prisma/adapter-pg';
import { PrismaClient as PostgresClient } from './generated/postgresql/client';
import { Prisma, PrismaClient as SqliteClient } from './generated/sqlite/client';
import { Connection } from './connection';
import { Database } from './database';
import { storedDeploys } from './deploys';
import { StoredEdges } from './edges';
import { storedFleet } from './fleet';
import { StoredIdempotency } from './idempotency';
import { StoredJournal } from './journal';
import { StoredLeases } from './leases';
import { StoredMoves } from './moves';
import { StoredPool } from './pool';
import { storedRollouts } from './rollouts';
import { StoredRoutes } from './routes';
import { SharedSqlite } from './sqlite/adapter';
import type { Store } from './store';
import { StoredTokens } from './tokens';
import { fileOf, providerOf, type Provider } from './url';
import { StoredWebhooks } from './webhooks';

/** Connections to PostgreSQL that one process uses at most. */
const CONNECTIONS = 10;

/**
 * Opens a store whose schema {@link migrate} has brought up to date.
 * @param databaseUrl `file:...` for SQLite, `postgresql://...` for PostgreSQL.
 * @throws Failure STORE_UNAVAILABLE, STORE_MIGRATION where the tables are missing, INVALID_INPUT for another URL.
 */
export async function openStore(databaseUrl: string): Promise<Store> {
  const database = openDatabase(databaseUrl);
  const store = storeOn(database);
  try {
    // The newest column there is: a store without it would fail later and say less.
    await database.run((client) => client.deployRequest.findFirst({ select: { cutover: true } }));
    return store;
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** Opens the bare database, without looking whether it answers. */
export function openDatabase(databaseUrl: string): Database {
  if (providerOf(databaseUrl) === 'sqlite')
    return database('sqlite', new Connection(new SharedSqlite(`file:${fileOf(databaseUrl)}`)));
  const pool = {
    connectionString: databaseUrl,
    max: CONNECTIONS,
    connectionTimeoutMillis: 5_000,
    options: '-c timezone=UTC',
  };
  return database('postgresql', new Connection(new PrismaPg(pool)));
}

function database(provider: Provider, connection: Connection): Database {
  // Both clients are generated from the same models; they differ in options that are not used here.
  const Client = provider === 'sqlite' ? SqliteClient : (PostgresClient as unknown as typeof SqliteClient);
  return new Database(new Client({ adapter: connection }), connection, provider);
}

/** The store's parts on an open database. */
export function storeOn(database: Database): Store {
  const journal = new StoredJournal(database);
  return {
    provider: database.provider,
    pool: new StoredPool(database),
    moves: new StoredMoves(database),
    routes: new StoredRoutes(database),
    edges: new StoredEdges(database),
    leases: new StoredLeases(database),
    journal,
    tokens: new StoredTokens(database),
    idempotency: new StoredIdempotency(database),
    webhooks: new StoredWebhooks(database),
    fleet: storedFleet(database),
    deploys: storedDeploys(database),
    rollouts: storedRollouts(database),
    ping: async () => void (await database.direct((statements) => statements.rows(Prisma.sql`SELECT 1`))),
    async close() {
      await journal.settled();
      await database.close();
    },
  };
}
