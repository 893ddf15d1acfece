import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Connection } from './client';
import type { Io } from './io';
import { CliProblem, usage } from './problem';

/** Where the options of a command say that the API is. */
export interface ConnectionOptions {
  readonly api?: string;
  readonly tokenFile?: string;
  readonly home: string;
}

/** What `gatewright up` leaves in its home for other commands, among other things. */
export interface EnvironmentRecord {
  readonly apiUrl: string;
  readonly tokenFile: string;
  readonly temporalAddress?: string;
  /** Whose gateways are meant where nobody says: the demo's. */
  readonly organization?: string;
}

/** The file of {@link EnvironmentRecord}. */
export function environmentFile(home: string): string {
  return join(resolve(home), 'run', 'environment.json');
}

/** What a running environment says of itself; undefined where none has run. */
export function environmentRecord(home: string): EnvironmentRecord | undefined {
  try {
    return JSON.parse(readFileSync(environmentFile(home), 'utf8')) as EnvironmentRecord;
  } catch {
    return undefined;
  }
}

/**
 * Finds the API and its token: options first, then GATEWRIGHT_API and GATEWRIGHT_TOKEN or GATEWRIGHT_TOKEN_FILE, then
 * the environment of the home. A home's token is only ever sent to that home's own API.
 * @throws CliProblem saying what is missing.
 */
export function connect(io: Io, options: ConnectionOptions): Connection {
  const home = environmentRecord(options.home);
  const named = options.api ?? nonEmpty(io.env['GATEWRIGHT_API']);
  const url = baseUrl(named ?? home?.apiUrl);
  if (url === undefined)
    throw new CliProblem({ title: `No environment has been started in ${options.home}`, code: 'NO_API' }, [
      'npm start                      to start one',
      '--home DIR                     to name another one',
      '--api URL --token-file FILE    to name an API elsewhere',
    ]);
  const { token, source } = findToken(io, options, url, home);
  return { url, authorization: authorization(token, source), tokenSource: source };
}

function findToken(io: Io, options: ConnectionOptions, url: string, home: EnvironmentRecord | undefined) {
  if (options.tokenFile) return { token: readToken(options.tokenFile), source: `that of ${options.tokenFile}` };
  const { GATEWRIGHT_TOKEN: text, GATEWRIGHT_TOKEN_FILE: file } = io.env;
  if (text) return { token: text.trim(), source: 'that of GATEWRIGHT_TOKEN' };
  if (file) return { token: readToken(file), source: `that of ${file} (GATEWRIGHT_TOKEN_FILE)` };
  if (home && baseUrl(home.apiUrl) === url) return { token: readToken(home.tokenFile), source: 'the home’s own' };
  throw new CliProblem({ title: `No token for ${url}`, code: 'NO_TOKEN' }, [
    '--token-file FILE, or GATEWRIGHT_TOKEN, or GATEWRIGHT_TOKEN_FILE',
    'gatewright token create NAME --direct    makes the first one in the database itself',
  ]);
}

function readToken(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    throw new CliProblem({
      title: 'The token file cannot be read',
      code: 'NO_TOKEN',
      detail: `${file}: ${(error as NodeJS.ErrnoException).code}`,
    });
  }
}

/** `gw_<id>_<secret>` goes behind Bearer, `<id>:<secret>` stands alone. */
function authorization(token: string, source: string): string {
  if (!/^[\x21-\x7e]+$/.test(token))
    throw new CliProblem({
      title: 'This is not a token',
      code: 'NO_TOKEN',
      detail: `Expected gw_<id>_<secret>: ${source}.`,
    });
  return token.includes(':') ? token : `Bearer ${token}`;
}

/** @throws CliProblem (usage) for what is not an http address. */
function baseUrl(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^https?:$/.test(url.protocol) || url.search || url.hash || url.username)
    throw usage(`not the address of an API: ${text}`, '--api http://127.0.0.1:8080');
  return url.href.replace(/\/+$/, '');
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}
