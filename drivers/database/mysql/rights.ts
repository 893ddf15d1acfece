import { text } from './rows';
import type { Session } from './session';

/** What an account may do, as far as it matters here. */
export interface Rights {
  readonly account: string;
  /** In capitals: of the schema or of everything. */
  readonly here: ReadonlySet<string>;
  readonly everywhere: ReadonlySet<string>;
}

/** Rights that only count where they are given for everything. */
const ALL = 'ALL PRIVILEGES';

/** Reads what the session's account was granted, itself or by the roles that it has by now. */
export async function rightsOf(session: Session): Promise<Rights> {
  const [self] = await session.query('SELECT CURRENT_USER() AS account, database() AS here');
  const grants = await session.query('SHOW GRANTS');
  const here = new Set<string>();
  const everywhere = new Set<string>();
  for (const row of grants) {
    const grant = /^GRANT (.*?) ON (\*|`(?:[^`]|``)*`)\.\* TO /.exec(text(Object.values(row)[0]));
    if (!grant) continue;
    const [, list, scope] = grant;
    const rights = list!.split(',').map((right) => right.trim().toUpperCase());
    if (scope !== '*' && !covers(scope!.slice(1, -1).replaceAll('``', '`'), text(self!.here))) continue;
    for (const right of rights) {
      here.add(right);
      if (scope === '*') everywhere.add(right);
    }
  }
  return { account: text(self!.account), here, everywhere };
}

/** Whether an account has a right in its schema. */
export function mayHere({ here }: Rights, right: string): boolean {
  return here.has(right) || here.has(ALL);
}

/** Whether an account has a right on the whole server, by its name or because it may do everything. */
export function mayEverywhere({ everywhere }: Rights, ...rights: readonly string[]): boolean {
  return everywhere.has(ALL) || rights.some((right) => everywhere.has(right));
}

/** A schema of a grant is a pattern, in which `_` and `%` stand for others unless they are escaped. */
function covers(pattern: string, schema: string): boolean {
  const parts = pattern.match(/\\.|[\s\S]/g) ?? [];
  const expression = parts.map((part) => {
    if (part === '%') return '[\\s\\S]*';
    if (part === '_') return '[\\s\\S]';
    return (part.length === 2 && part.startsWith('\\') ? part.slice(1) : part).replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  });
  return new RegExp(`^${expression.join('')}$`).test(schema);
}
