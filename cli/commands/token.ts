import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { mintToken } from '../../prisma/token-secret';
import type { Scope } from '../../prisma/store';
import { Client } from '../client';
import { connect } from '../connection';
import { Exit } from '../exit';
import type { Io } from '../io';
import { CliProblem, usage } from '../problem';
import { printJson, type CommonOptions } from '../registration';
import type { MintedTokenJson, TokenJson } from '../shapes';
import { table } from '../table';
import { ago, fields, moment } from '../text';

export interface CreateOptions extends CommonOptions {
  readonly scope: Scope;
  readonly organization?: string;
  readonly expires?: string;
  readonly direct?: boolean;
}

/** `gatewright token create NAME` */
export async function create(io: Io, options: CreateOptions, name: string): Promise<Exit> {
  const expiresAt = options.expires === undefined ? undefined : expiry(options.expires, io.now());
  const made = options.direct
    ? await createDirectly(io, options, name, expiresAt)
    : await createOverApi(io, options, name, expiresAt);
  if (options.output === 'json') {
    printJson(io, made);
    return Exit.ok;
  }
  io.err(
    fields(io, [
      ['token', `${made.name} (${made.id}), to be seen only this once`],
      ['scope', made.scope],
      ['organization', made.organization_id ?? 'all'],
      ['expires', made.expires_at === null ? 'never' : moment(made.expires_at)],
    ]),
  );
  // Alone on standard output, so that it can go into a file or a variable.
  io.out(`${made.token}\n`);
  return Exit.ok;
}

async function createOverApi(io: Io, options: CreateOptions, name: string, expiresAt: Date | undefined) {
  const client = new Client(connect(io, options));
  const { body } = await client.post<MintedTokenJson>('/tokens', {
    body: {
      ...{ name, scope: options.scope },
      ...(options.organization !== undefined && { organization_id: options.organization }),
      ...(expiresAt && { expires_at: expiresAt.toISOString() }),
    },
  });
  return body;
}

async function createDirectly(
  io: Io,
  options: CreateOptions,
  name: string,
  expiresAt: Date | undefined,
): Promise<MintedTokenJson> {
  if (!/^[\x20-\x7e]{1,100}$/.test(name)) throw usage('the name must be 1 to 100 printable characters');
  const { openStore } = require('../../prisma/open') as typeof import('../../prisma/open');
  const store = await openStore(databaseUrl(io, options));
  try {
    const { id, hash, text } = mintToken();
    const { scope, organization: organizationId = null } = options;
    const made = await store.tokens.create({
      id,
      name,
      secretHash: hash,
      scope,
      organizationId,
      expiresAt: expiresAt ?? null,
    });
    return {
      ...{ id, name, scope, organization_id: organizationId, created_at: made.createdAt.toISOString() },
      ...{ expires_at: expiresAt?.toISOString() ?? null, revoked_at: null, last_used_at: null, token: text },
    };
  } finally {
    await store.close();
  }
}

/** The database of DATABASE_URL, or the one that the environment of the home uses. */
function databaseUrl(io: Io, { home }: CreateOptions): string {
  const named = io.env['DATABASE_URL'];
  if (named) return named;
  try {
    return (JSON.parse(readFileSync(join(home, 'run', 'settings.json'), 'utf8')) as { databaseUrl: string })
      .databaseUrl;
  } catch {
    throw new CliProblem(
      { title: `No database is known: no environment has been started in ${home}`, code: 'NO_DATABASE' },
      [
        'DATABASE_URL=postgresql://... gatewright token create NAME --direct',
        '--home DIR                     the home of an environment that was started',
      ],
    );
  }
}

const units = { min: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** Reads a time, or how long from now. @throws CliProblem (usage) */
function expiry(text: string, now: Date): Date {
  const [, amount, unit] = /^([1-9]\d{0,5})(min|h|d)$/.exec(text) ?? [];
  const at = unit ? now.getTime() + Number(amount) * units[unit as keyof typeof units] : Date.parse(text);
  if (!Number.isFinite(at) || (!unit && !/^\d{4}-\d\d-\d\d/.test(text)))
    throw usage(`not a time: ${text}`, '--expires 90d');
  if (at <= now.getTime()) throw usage(`${text} is in the past`, '--expires 90d');
  return new Date(at);
}

/** `gatewright token list` */
export async function list(io: Io, options: CommonOptions): Promise<Exit> {
  const { tokens } = await new Client(connect(io, options)).get<{ tokens: TokenJson[] }>('/tokens');
  if (options.output === 'json') {
    printJson(io, { tokens });
    return Exit.ok;
  }
  const now = io.now();
  const state = (token: TokenJson): string => {
    if (token.revoked_at !== null) return 'revoked';
    if (token.expires_at === null) return 'good';
    return Date.parse(token.expires_at) <= now.getTime() ? 'expired' : `expires ${ago(token.expires_at, now)}`;
  };
  if (tokens.length === 0) io.out('No tokens.\n');
  else
    io.out(
      table(
        io,
        [
          { head: 'token', cell: ({ id }) => id },
          { head: 'name', cell: ({ name }) => name },
          { head: 'scope', cell: ({ scope }) => scope },
          {
            head: 'state',
            cell: state,
            colour: (token) => (/^(revoked|expired)$/.test(state(token)) ? 'dim' : 'green'),
          },
          { head: 'used', cell: (token) => (token.last_used_at === null ? 'never' : ago(token.last_used_at, now)) },
          { head: 'made', spare: 2, cell: (token) => ago(token.created_at, now) },
          { head: 'organization', spare: 1, cell: (token) => token.organization_id ?? 'all' },
        ],
        tokens,
      ),
    );
  return Exit.ok;
}

/** `gatewright token revoke ID` */
export async function revoke(io: Io, options: CommonOptions, named: string): Promise<Exit> {
  const id = /^(?:gw_)?([a-z0-9]{8,32})$/.exec(named)?.[1];
  if (id === undefined) throw usage('name the token by its id, as `gatewright token list` shows it');
  const token = await new Client(connect(io, options)).delete<TokenJson>(`/tokens/${id}`);
  if (options.output === 'json') printJson(io, token);
  else
    io.out(
      fields(io, [
        ['token', `${token.name} (${token.id})`],
        ['state', 'revoked'],
      ]),
    );
  return Exit.ok;
}
