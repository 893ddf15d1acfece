import type { Profile } from '../../../domain/fleet/profile';
import { passGateInShell } from './gate';

/** The scripts of the profile, in their order. */
export const scripts = ['one', 'two'] as const;

/** A profile whose scripts pass a gate, and whose health check fails unless each of them ran exactly once. */
export function crashProfile(port: number): Profile {
  return {
    name: 'crash',
    values: { organizationId: { type: 'uuid' } },
    files: [{ path: 'etc/crash.conf', mode: '0644', content: 'whose = {{organizationId}}\n', template: true }],
    scripts: scripts.map((name) => ({
      ...{ name, timeoutMs: 120_000, runs: 'once per revision' },
      content: [
        `key=$(sed -n 's/^whose = //p' "$GATEWRIGHT_ROOT/etc/crash.conf")`,
        passGateInShell(port, { at: `script ${name}`, when: 'before' }),
        `echo ${name} >>"$GATEWRIGHT_ROOT/ran"`,
        passGateInShell(port, { at: `script ${name}`, when: 'after' }),
      ].join('\n'),
    })),
    health: {
      kind: 'script',
      content: `[ "$(cat "$GATEWRIGHT_ROOT/ran")" = "$(printf '${scripts.join('\\n')}')" ]`,
      timeoutMs: 5_000,
    },
  };
}
