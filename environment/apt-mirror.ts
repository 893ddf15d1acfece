import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ComponentFailed } from './process';

/** Where this machine gets its own distribution from. */
export interface AptMirror {
  /** As in `bookworm`. */
  readonly codename: string;
  /** Lines of a sources.list. */
  readonly lines: readonly string[];
}

interface Source {
  readonly options: string;
  readonly uris: readonly string[];
  readonly suites: readonly string[];
  readonly components: readonly string[];
}

/**
 * Reads this machine's apt sources: those of its own release, not what others add to it.
 * @param root where `/etc` is looked for.
 * @throws ComponentFailed where there are none.
 */
export function aptMirror(root = '/'): AptMirror {
  const etc = join(root, 'etc');
  const release = existsSync(join(etc, 'os-release')) ? readFileSync(join(etc, 'os-release'), 'utf8') : '';
  const codename = /^VERSION_CODENAME="?([a-z]+)"?$/m.exec(release)?.[1];
  if (codename === undefined) throw new ComponentFailed('/etc/os-release does not tell a release of Debian or Ubuntu');
  const own = [codename, `${codename}-updates`, `${codename}-security`];
  const lines = files(join(etc, 'apt'))
    .flatMap((file) => (file.endsWith('.sources') ? deb822 : oneLine)(readFileSync(file, 'utf8')))
    .flatMap(({ options, uris, suites, components }) =>
      uris.flatMap((uri) =>
        suites
          .filter((suite) => own.includes(suite) && components.includes('main'))
          .map((suite) => `deb ${options}${uri} ${suite} ${components.join(' ')}`),
      ),
    );
  if (!lines.some((line) => line.split(' ').includes(codename)))
    throw new ComponentFailed(`the apt sources of this machine do not name ${codename}`);
  return { codename, lines };
}

function files(apt: string): string[] {
  const parts = join(apt, 'sources.list.d');
  const below = existsSync(parts) ? readdirSync(parts).map((name) => join(parts, name)) : [];
  return [join(apt, 'sources.list'), ...below].filter((file) => /\.(list|sources)$/.test(file) && existsSync(file));
}

function oneLine(text: string): Source[] {
  return text.split('\n').flatMap((line) => {
    const match = /^deb\s+(\[[^\]]*\]\s+)?(\S+)\s+(\S+)\s+([^#]+)/.exec(line.trim());
    if (!match) return [];
    const [, options = '', uri, suite, components] = match;
    return [{ options, uris: [uri!], suites: [suite!], components: words(components) }];
  });
}

function deb822(text: string): Source[] {
  return text.split(/\n\s*\n/).flatMap((stanza) => {
    const plain = stanza.replace(/^#.*\n?/gm, '');
    const field = (name: string): string => new RegExp(`^${name}:(.*(?:\\n[ \\t].*)*)`, 'im').exec(plain)?.[1] ?? '';
    if (!words(field('Types')).includes('deb') || field('Enabled').trim() === 'no') return [];
    const key = field('Signed-By').trim();
    const options = key.startsWith('/') && !/\s/.test(key) ? `[signed-by=${key}] ` : '';
    return [
      { options, uris: words(field('URIs')), suites: words(field('Suites')), components: words(field('Components')) },
    ];
  });
}

function words(text: string | undefined): string[] {
  return (text ?? '').split(/\s+/).filter((word) => word !== '');
}
