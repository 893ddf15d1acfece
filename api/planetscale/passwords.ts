import { randomBytes, randomUUID } from 'node:crypto';
import type { BranchPassword, BranchRecord, BranchRole } from '../../domain/deploy/database';
import { Failure } from '../../domain/failures';
import { isUuid } from '../../domain/organization';
import type { Deps } from '../deps';
import { created, gone, ok, operates, reads, type Call } from './call';
import { Lives, passwordLife } from './lives';
import { Removals } from './removals';
import { Lookup, mustBeReady, type BranchFound } from './lookup';
import { pageOf, pageQuery, pageView } from './pages';
import { ended, within } from './runs';
import * as shapes from './schemas';
import { mintPassword, verifierOf } from './verifier';
import { passwordView } from './views/password';

const all = '/organizations/{organization}/databases/{database}/branches/{branch}/passwords';
const one = `${all}/{id}`;

/**
 * Accounts that may touch one branch alone. A password is minted here and handed out once; the workflow that makes the
 * account gets what the server compares it with.
 */
export function passwordCalls(deps: Deps): Call[] {
  const { store, engine, now } = deps;
  const lookup = new Lookup(deps);
  const lives = new Lives(deps.settings);

  const shown = ({ database, branch }: BranchFound, password: BranchPassword, plain: string | null = null): object =>
    passwordView({ database, branch, password, plain, server: lookup.serverOf(database), now: now() });

  const found = async ({ branch }: BranchFound, id: string): Promise<BranchPassword> => {
    const password = isUuid(id) ? await store.deploys.passwords.get(branch.organizationId, branch.id, id) : null;
    if (!password || password.deletedAt !== null) throw new Failure('NOT_FOUND');
    return password;
  };

  const removals = new Removals(deps);

  /** Drops an account, waiting for it as long as requests may wait. */
  const drop = (password: BranchPassword, gone: AbortSignal): Promise<void> =>
    within(deps.settings.api.waitMs, [gone, deps.closing], (enough) => removals.account(password, enough));

  return [
    reads('get', all, { query: pageQuery }, async (called) => {
      const there = await lookup.branch(called);
      const page = await store.deploys.passwords.list(called.organizationId, there.branch.id, pageOf(called.query));
      return ok(pageView(called, page, (each) => shown(there, each)));
    }),

    operates('post', all, { body: shapes.createPassword }, async (called) => {
      const { body, caller, organizationId } = called;
      const there = await lookup.branch(called);
      const { database, branch } = there;
      mustBeReady(database, 'database');
      mustBeReady(branch);
      const plain = mintPassword();
      const id = randomUUID();
      const username = `gw_${randomBytes(8).toString('hex')}`;
      const password = await store.deploys.passwords.create({
        ...{ id, organizationId, databaseId: database.id, branchId: branch.id, username, role: body.role },
        ...{ name: body.name ?? username, createdBy: caller.label },
        expiresAt: body.ttl ? new Date(now().getTime() + body.ttl * 1000) : null,
      });
      const role = grantedRole(branch, body.role);
      const life = {
        ...passwordLife(lives, branch, { id, username, role }),
        verifier: verifierOf(database.kind, plain),
      };
      try {
        await ended(deps, await engine.deploys.createPassword(life), called.gone);
      } catch (error) {
        // Nobody was given the password; where it cannot be dropped now, people see the account and delete it.
        await drop(password, called.gone).catch((worse: unknown) =>
          deps.log.warn({ err: worse }, 'an account without an owner could not be dropped'),
        );
        throw error;
      }
      return created(shown(there, password, plain));
    }),

    reads('get', one, {}, async (called) => {
      const there = await lookup.branch(called);
      return ok(shown(there, await found(there, called.path('id'))));
    }),

    operates('delete', one, {}, async (called) => {
      const there = await lookup.branch(called);
      const password = await found(there, called.path('id'));
      await drop(password, called.gone);
      return gone;
    }),
  ];
}

/** On a branch with safe migrations, tables are changed by deploy requests alone. */
function grantedRole({ safeMigrations }: BranchRecord, role: BranchRole): BranchRole {
  return safeMigrations && role === 'admin' ? 'readwriter' : role;
}
