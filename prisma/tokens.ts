import type { Database } from './database';
import type { TokenModel } from './generated/sqlite/models';
import type { Scope, Token, Tokens } from './store';
import { Versioned } from './versioned';

/** Milliseconds in which a token's last use is noted once at most: every request would otherwise write. */
const TOUCH_MS = 60_000;

/** {@link Tokens} in the database. */
export class StoredTokens implements Tokens {
  private readonly rows: Versioned<TokenModel, { id: string }>;

  constructor(private readonly database: Database) {
    this.rows = new Versioned(database, {
      model: 'token',
      what: 'token',
      identity: ['id', 'name', 'organizationId', 'secretHash', 'scope'],
    });
  }

  async create({ id, ...token }: Parameters<Tokens['create']>[0]): Promise<Token> {
    return tokenOf(await this.rows.putIf({ id }, 'MustCreate', { ...token, createdAt: new Date() }));
  }

  async find(id: string): Promise<(Token & { secretHash: string }) | null> {
    const row = await this.rows.find({ id });
    return row && { ...tokenOf(row), secretHash: row.secretHash };
  }

  async list(): Promise<Token[]> {
    const rows = await this.database.run((client) =>
      client.token.findMany({ orderBy: [{ createdAt: 'asc' }, { id: 'asc' }] }),
    );
    return rows.map(tokenOf);
  }

  async revoke(id: string): Promise<Token> {
    return tokenOf(await this.rows.update({ id }, (row) => (row.revokedAt ? null : { revokedAt: new Date() })));
  }

  async touch(id: string): Promise<void> {
    const now = new Date();
    const before = new Date(now.getTime() - TOUCH_MS);
    await this.database.run((client) =>
      client.token.updateMany({
        where: { id, OR: [{ lastUsedAt: null }, { lastUsedAt: { lt: before } }] },
        data: { lastUsedAt: now, resourceVersion: { increment: 1 } },
      }),
    );
  }
}

function tokenOf(row: TokenModel): Token {
  const { id, name, scope, organizationId, createdAt, expiresAt, revokedAt, lastUsedAt } = row;
  return { id, name, scope: scope as Scope, organizationId, createdAt, expiresAt, revokedAt, lastUsedAt };
}
