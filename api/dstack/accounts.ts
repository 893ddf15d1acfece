import type { Deps } from '../deps';
import { reads, type Call } from './call';
import { anyBody } from './schemas';
import { projectView, userView } from './views';

/** dstack's calls on projects and users: a project is an organization, a user is a token. */
export function accountCalls(deps: Deps): Call[] {
  return [
    reads('/projects/:project/get', anyBody, ({ caller, project }) =>
      Promise.resolve(
        projectView(
          caller,
          project,
          deps.fleet.backends.map(({ backend }) => backend),
        ),
      ),
    ),
    // The clients' model demands the token; whoever gets it has just sent it.
    reads('/users/get_my_user', anyBody, ({ caller, token }) =>
      Promise.resolve({ ...userView(caller), creds: { token } }),
    ),
  ];
}
