import type { Request } from 'express';
import { Failure } from '../domain/failures';
import { parseToken, secretMatches } from '../prisma/token-secret';
import type { Scope, Token } from '../prisma/store';
import type { Deps } from './deps';

const rank: Readonly<Record<Scope, number>> = { read: 0, operate: 1, admin: 2 };

/** `lastUsedAt` is exact to this many milliseconds: a write per request would cost more than it tells. */
const TOUCH_EVERY_MS = 60_000;

/** Who is calling, and what of it they may see. */
export class Caller {
  constructor(private readonly token: Token) {}

  get id(): string {
    return this.token.id;
  }

  /** What people call the token. */
  get name(): string {
    return this.token.name;
  }

  get scope(): Scope {
    return this.token.scope;
  }

  /** The one organization that the token is bound to; null for all. */
  get boundTo(): string | null {
    return this.token.organizationId;
  }

  /** How the caller is named in records, as in `deploy-bot (3f9c…)`. */
  get label(): string {
    return `${this.token.name} (${this.token.id})`;
  }

  /** Whether the caller may know of this organization. */
  sees(organizationId: string | null): boolean {
    return this.boundTo === null || this.boundTo === organizationId;
  }

  /** @throws Failure NOT_FOUND for another organization's things, which are not shown to exist. */
  mustSee(organizationId: string | null): void {
    if (!this.sees(organizationId)) throw new Failure('NOT_FOUND');
  }

  /**
   * The organization to list things of: the one asked for, or the one the token is bound to; undefined for all.
   * @throws Failure NOT_FOUND when another organization is asked for.
   */
  organizationFilter(asked: string | undefined): string | undefined {
    if (asked !== undefined) this.mustSee(asked);
    return asked ?? this.boundTo ?? undefined;
  }
}

/** Who may call a route: how a request is let in, and what the OpenAPI document says of it. */
export interface Access<C> {
  readonly kind: 'open' | 'replica' | Scope;
  /** Whether a token bound to one organization is refused. */
  readonly everyOrganization: boolean;
  /** Lets a request in and says who is calling. @throws Failure UNAUTHENTICATED, FORBIDDEN */
  admit(req: Request, deps: Deps): Promise<C>;
}

/** Anybody. */
export const open: Access<null> = { kind: 'open', everyOrganization: false, admit: () => Promise.resolve(null) };

/** A gateway replica, by its own secret, which the route itself compares. */
export const replica: Access<{ readonly secret: string }> = {
  kind: 'replica',
  everyOrganization: false,
  admit(req) {
    const match = /^Bearer +([\x21-\x7e]{1,256})$/i.exec(req.get('authorization')?.trim() ?? '');
    if (!match) throw new Failure('UNAUTHENTICATED', 'Send `Authorization: Bearer <the replica’s secret>`.');
    return Promise.resolve({ secret: match[1]! });
  },
};

/** A token of at least this scope. */
export function token(scope: Scope): Access<Caller> {
  return { kind: scope, everyOrganization: false, admit: (req, deps) => admitToken(req, deps, scope) };
}

/** A token of at least this scope that is bound to no organization. */
export function unboundToken(scope: Scope): Access<Caller> {
  return {
    kind: scope,
    everyOrganization: true,
    async admit(req, deps) {
      const caller = await admitToken(req, deps, scope);
      if (caller.boundTo !== null)
        throw new Failure('FORBIDDEN', 'This needs a token that is bound to no organization.');
      return caller;
    },
  };
}

/** Whether a token is still good. */
export function isUsable(found: Token, now: Date): boolean {
  return found.revokedAt === null && (found.expiresAt === null || found.expiresAt > now);
}

async function admitToken(req: Request, { store, now, log }: Deps, scope: Scope): Promise<Caller> {
  const parts = parseToken(req.get('authorization'));
  const found = parts && (await store.tokens.find(parts.id));
  // Read on every request: a revoked token is refused at once by every API process.
  if (!parts || !found || !secretMatches(parts.secret, found.secretHash) || !isUsable(found, now()))
    throw new Failure('UNAUTHENTICATED');
  if (rank[found.scope] < rank[scope]) throw new Failure('FORBIDDEN', `This needs the scope ${scope}.`);
  if (now().getTime() - (found.lastUsedAt?.getTime() ?? 0) > TOUCH_EVERY_MS)
    await store.tokens
      .touch(found.id)
      .catch((error: unknown) => log.warn({ err: error }, 'could not note the use of a token'));
  return new Caller(found);
}
