import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { ComponentFailed } from './process';
import { withoutAutostart } from './autostart';

/** A component that comes from the distribution. */
interface SystemPackage {
  readonly name: string;
  /** Whether what we need of it is there. */
  readonly present: () => boolean;
}

const nginx: SystemPackage = { name: 'nginx-light', present: () => onPath('nginx') };
const pdns: SystemPackage = { name: 'pdns-server', present: () => onPath('pdns_server') };
const pdnsSqlite: SystemPackage = {
  name: 'pdns-backend-sqlite3',
  present: () => existsSync('/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql'),
};
const postgresql: SystemPackage = {
  name: 'postgresql',
  present: () =>
    onPath('initdb') ||
    (existsSync('/usr/lib/postgresql') &&
      readdirSync('/usr/lib/postgresql').some((version) => existsSync(`/usr/lib/postgresql/${version}/bin/initdb`))),
};

/** The server and what makes its system tables, without the package that runs it as a service. */
const mariadb: readonly SystemPackage[] = [
  { name: 'mariadb-server-core', present: () => onPath('mariadbd') && onPath('mariadb-install-db') },
  // mariadb-install-db does not run without it.
  { name: 'mariadb-client-core', present: () => onPath('my_print_defaults') },
];

const python: SystemPackage = {
  name: 'python3-venv',
  present: () => spawnSync('python3', ['-c', 'import ensurepip, venv']).status === 0,
};

const sshd: SystemPackage = { name: 'openssh-server', present: () => existsSync('/usr/sbin/sshd') };
const ssh: SystemPackage = { name: 'openssh-client', present: () => onPath('ssh') && onPath('ssh-keyscan') };

/** What `gatewright up` runs. */
export const environmentPackages: readonly SystemPackage[] = [nginx, pdns, pdnsSqlite];
/** What local machines of the `static` backend are. */
export const sshHostPackages: readonly SystemPackage[] = [sshd];
/** A container engine of our own and what makes its machine image. crun does not start where cgroups are mixed. */
export const podmanPackages: readonly SystemPackage[] = [
  { name: 'podman', present: () => onPath('podman') },
  { name: 'runc', present: () => onPath('runc') },
  { name: 'mmdebstrap', present: () => onPath('mmdebstrap') },
  { name: 'netavark', present: () => existsSync('/usr/lib/podman/netavark') },
  { name: 'aardvark-dns', present: () => existsSync('/usr/lib/podman/aardvark-dns') },
  { name: 'iptables', present: () => onPath('iptables') },
];
/** What the tests run beside that. */
export const testPackages: readonly SystemPackage[] = [
  ...environmentPackages,
  postgresql,
  ...mariadb,
  python,
  sshd,
  ssh,
  ...podmanPackages,
];

/** What changes of schemas are measured beside. */
export const schemaBenchPackages: readonly SystemPackage[] = [
  postgresql,
  ...mariadb,
  { name: 'percona-toolkit', present: () => onPath('pt-online-schema-change') },
];

/** Another apt may be at work (a new machine updates itself); longer than this is not waited for it. */
const LOCK_WAIT_MS = 180_000;

/**
 * Installs the packages that are missing, where that is possible without asking: as root on Debian or Ubuntu. Services
 * of theirs are not started.
 * @param say is told what is being done.
 * @throws ComponentFailed with the one line to type.
 */
export async function ensureSystemPackages(
  packages: readonly SystemPackage[],
  say: (text: string) => void,
): Promise<void> {
  const missing = packages.filter((item) => !item.present()).map((item) => item.name);
  if (missing.length === 0) return;
  const line = `apt-get install -y --no-install-recommends ${missing.join(' ')}`;
  if (!isDebian())
    throw new ComponentFailed(`missing: ${missing.join(', ')}; install them with your system's package manager`);
  if (process.getuid?.() !== 0) throw new ComponentFailed(`missing: ${missing.join(', ')}; type\n  sudo ${line}`);
  say(`installing ${missing.join(', ')} (apt) ...`);
  await withoutAutostart(async () => {
    await apt(['update', '-q'], say);
    await apt(['install', '-y', '-q', '--no-install-recommends', ...missing], say);
  });
  const still = packages.filter((item) => !item.present()).map((item) => item.name);
  if (still.length > 0)
    throw new ComponentFailed(`apt installed ${still.join(', ')}, but what is needed of it is absent`);
}

async function apt(args: readonly string[], say: (text: string) => void): Promise<void> {
  const deadline = Date.now() + LOCK_WAIT_MS;
  for (let told = false; ; told = true) {
    const { code, output } = await capture('apt-get', args);
    if (code === 0) return;
    const busy = /Could not get lock|Unable to (acquire|lock)|is another process using it/.test(output);
    if (!busy || Date.now() > deadline)
      throw new ComponentFailed(
        `apt-get ${args.join(' ')} failed with ${code}:\n${output.trimEnd().split('\n').slice(-6).join('\n')}`,
      );
    if (!told) say('another apt is at work; waiting for it ...');
    await sleep(2_000);
  }
}

async function capture(command: string, args: readonly string[]): Promise<{ code: number; output: string }> {
  return await new Promise((resolve) => {
    let output = '';
    const child = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' },
    });
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.once('error', (error) => resolve({ code: 127, output: error.message }));
    child.once('close', (code) => resolve({ code: code ?? 128, output }));
  });
}

/** Whether packages that are missing would be installed without asking. */
export function canInstall(): boolean {
  return isDebian() && process.getuid?.() === 0;
}

/** Debian, Ubuntu and what is made from them. */
function isDebian(): boolean {
  return existsSync('/etc/debian_version') && existsSync('/usr/bin/apt-get');
}

/** The path of a program on PATH or where Debian keeps daemons, which is not on everybody's PATH. */
function locate(program: string): string | undefined {
  return `${process.env.PATH ?? ''}:/usr/sbin:/usr/local/sbin`
    .split(':')
    .filter((directory) => directory !== '')
    .map((directory) => `${directory}/${program}`)
    .find((path) => existsSync(path));
}

function onPath(program: string): boolean {
  return locate(program) !== undefined;
}

/** The nginx to run. @throws ComponentFailed when there is none. */
export function nginxBinary(): string {
  const path = locate('nginx');
  if (path === undefined) throw new ComponentFailed('nginx is not installed');
  return path;
}
