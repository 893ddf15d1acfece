import { Failure } from '../../domain/failures';
import { ScriptRuns, type Profile } from '../../domain/fleet/profile';
import { configurationRevision } from '../../domain/fleet/revision';
import { fillTemplate } from '../../domain/fleet/template';
import type { ProfileValues } from '../../domain/fleet/values';
import { hostScript } from './host-script';
import { MAX_UPLOAD, type Upload } from './upload';

/** What a machine is to be: a profile, its values, and the secrets that the values name. */
export interface Configuration {
  readonly profile: Profile;
  /** As `profileValues` read them: complete and of the right types. */
  readonly values: ProfileValues;
  /** The secrets themselves, by the name of their value; they go into files of the machine and nowhere else. */
  readonly secrets: Readonly<Record<string, string>>;
}

/**
 * The files that an operation's directory on the machine is to hold: the runner, its plan, the profile's files and
 * scripts. Of the plan's words none holds a space or anything that a shell would take for more than a word.
 * @throws Failure PROFILE_INVALID, SECRET_UNAVAILABLE (see `fillTemplate`)
 */
export async function operationFiles(directory: string, configuration: Configuration): Promise<Upload[]> {
  const { profile, values, secrets } = configuration;
  const revision = await configurationRevision(profile, values);
  const plan = [
    `profile ${profile.name} ${revision}`,
    ...profile.files.map(
      ({ path, mode, owner }, index) => `file ${index} ${mode.replace(/^0+(?=.)/, '')} ${owner ?? '-'} ${path}`,
    ),
    ...profile.scripts.map(
      ({ name, timeoutMs, runs }) =>
        `script ${name} ${Math.ceil(timeoutMs / 1_000)} ${runs === ScriptRuns.once ? 'once' : 'always'}`,
    ),
  ];
  // Not brought to disk: what comes of a crash is another upload, and the runner syncs what it places.
  const put = (name: string, content: string): Upload => ({
    ...{ path: `${directory}/${name}`, content, mode: 0o600, sync: false },
  });
  const files = [
    put('plan', `${plan.join('\n')}\n`),
    put('values.json', `${JSON.stringify(values)}\n`),
    put('runner.sh', hostScript('runner.sh')),
    ...profile.files.map((file, index) =>
      put(
        `file-${index}`,
        file.template ? fillTemplate(file.content, file.path, profile.values, values, secrets) : file.content,
      ),
    ),
    ...profile.scripts.map(({ name, content }) => put(`script-${name}`, content)),
  ];
  if (files.some(({ content }) => Buffer.byteLength(content) > MAX_UPLOAD))
    throw new Failure('PROFILE_INVALID', `a file has more than ${MAX_UPLOAD} bytes`);
  return files;
}
