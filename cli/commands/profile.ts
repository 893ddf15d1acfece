import { statSync } from 'node:fs';
import { dirname, basename } from 'node:path';
import { readProfile, type Profile } from '../../domain/fleet/profile';
import type { loadProfile } from '../../drivers/profiles/load';
import { Exit } from '../exit';
import { fleetApi, isNotFound, type FleetApi, type FleetOptions } from '../fleet-api';
import type { ProfileJson } from '../fleet-shapes';
import type { Io } from '../io';
import { CliProblem } from '../problem';
import { printJson } from '../registration';
import { table, type Column } from '../table';
import { ago, count, fields, moment, paint } from '../text';

/** Milliseconds for a profile, which may be megabytes. */
const PUSH_MS = 60_000;

export interface PushOptions extends FleetOptions {
  readonly name?: string;
}
export interface ShowOptions extends FleetOptions {
  readonly revision?: string;
}

/** `gatewright profile push DIRECTORY` */
export async function push(io: Io, options: PushOptions, directory: string): Promise<Exit> {
  const read = load(directory);
  const profile = options.name === undefined ? read : { ...read, name: options.name };
  const api = fleetApi(io, options);
  const before = await latest(api, profile.name);
  const { body } = await api.client.put<ProfileJson>(api.path('profiles', profile.name), {
    body: profile,
    timeoutMs: PUSH_MS,
  });
  if (options.output === 'json') {
    printJson(io, body);
    return Exit.ok;
  }
  const same = before?.revision === body.revision;
  io.out(
    fields(io, [
      ['profile', body.name],
      ['revision', `${body.revision}${same ? ', as it was' : ''}`, same ? undefined : 'green'],
      ['holds', holds(profile)],
      ['next', same ? undefined : 'apply the gateways that have it again; their replicas change one at a time'],
    ]),
  );
  return Exit.ok;
}

/** A profile of a directory, or of the `profile.yaml` in it. */
function load(path: string): Profile {
  let directory = path;
  try {
    if (!statSync(path).isDirectory()) directory = dirname(path);
  } catch (error) {
    throw unreadable(path, (error as NodeJS.ErrnoException).code ?? '');
  }
  if (directory !== path && basename(path) !== 'profile.yaml') throw unreadable(path, 'its file is named profile.yaml');
  return (require('../../drivers/profiles/load') as { loadProfile: typeof loadProfile }).loadProfile(directory);
}

function unreadable(path: string, why: string): CliProblem {
  return new CliProblem({ title: 'The profile cannot be read', code: 'NO_PROFILE', detail: `${path}: ${why}` }, [
    'gatewright profile push DIRECTORY    with a profile.yaml in it',
  ]);
}

async function latest(api: FleetApi, name: string): Promise<ProfileJson | null> {
  try {
    return await api.client.get<ProfileJson>(api.path('profiles', name));
  } catch (error) {
    if (isNotFound(error)) return null;
    throw error;
  }
}

/** `gatewright profile list` */
export async function list(io: Io, options: FleetOptions): Promise<Exit> {
  const api = fleetApi(io, options);
  const { profiles } = await api.client.get<{ profiles: ProfileJson[] }>(api.path('profiles'));
  if (options.output === 'json') printJson(io, { profiles });
  else if (profiles.length === 0) io.out('No profiles of its own: its gateways have the shipped one.\n');
  else {
    const columns: Column<ProfileJson>[] = [
      { head: 'profile', cell: ({ name }) => name },
      { head: 'revision', align: 'right', cell: ({ revision }) => String(revision) },
      { head: 'made', cell: ({ created_at }) => ago(created_at, io.now()) },
      { head: 'holds', spare: 1, cell: ({ document }) => holds(document as Profile) },
    ];
    io.out(table(io, columns, profiles));
  }
  return Exit.ok;
}

/** `gatewright profile show NAME` */
export async function show(io: Io, options: ShowOptions, name: string): Promise<Exit> {
  const api = fleetApi(io, options);
  let stored: ProfileJson;
  try {
    stored = await api.client.get<ProfileJson>(api.path('profiles', name), { revision: options.revision });
  } catch (error) {
    if (!isNotFound(error)) throw error;
    const revision = options.revision === undefined ? '' : ` of revision ${options.revision}`;
    throw new CliProblem({ title: `There is no profile ${name}${revision}`, code: 'NOT_FOUND' }, [
      'gatewright profile list',
    ]);
  }
  if (options.output === 'json') printJson(io, stored);
  else io.out(profileText(io, stored));
  return Exit.ok;
}

function holds({ files, scripts, values }: Profile): string {
  return [
    count(Object.keys(values).length, 'value'),
    count(files.length, 'file'),
    count(scripts.length, 'script'),
  ].join(', ');
}

function profileText(io: Io, stored: ProfileJson): string {
  const { values, files, scripts, health } = readProfile(stored.document);
  const head = fields(io, [
    ['profile', stored.name],
    ['revision', String(stored.revision)],
    ['made', `${ago(stored.created_at, io.now())}, ${moment(stored.created_at)}`],
    ['health', health.kind === 'http' ? `GET :${health.port}${health.path} is ${health.expect.status}` : 'a script'],
  ]);
  const named = Object.entries(values);
  const sections = [
    named.length > 0 &&
      table(
        io,
        [
          { head: 'value', cell: ([key]) => key },
          { head: 'type', cell: ([, { type }]) => type },
          { head: 'default', cell: ([, spec]) => ('default' in spec ? String(spec.default ?? '') : '') },
        ],
        named,
      ),
    files.length > 0 &&
      table(
        io,
        [
          { head: 'file', cell: ({ path }) => path },
          { head: 'mode', cell: ({ mode }) => mode },
          { head: 'owner', cell: ({ owner }) => owner ?? '' },
          { head: 'size', align: 'right', cell: ({ content }) => size(content) },
          { head: 'filled in', cell: ({ template }) => (template ? 'yes' : '') },
        ],
        files,
      ),
    scripts.length > 0 &&
      table(
        io,
        [
          { head: 'script', cell: ({ name: script }) => script },
          { head: 'runs', cell: ({ runs }) => runs },
          { head: 'size', align: 'right', cell: ({ content }) => size(content) },
        ],
        scripts,
      ),
  ].filter((section) => section !== false);
  return `${[head, ...sections].join('\n')}\n${paint(io, 'dim', '--output json shows what is in them.')}\n`;
}

function size(content: string): string {
  const bytes = Buffer.byteLength(content);
  return bytes < 1_000 ? `${bytes} B` : `${(bytes / 1_000).toFixed(1)} kB`;
}
