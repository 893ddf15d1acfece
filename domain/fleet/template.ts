import { Failure } from '../failures';
import { isSafeText, type ProfileValues, type ValueSpec } from './values';

/**
 * Fills in a template's `{{name}}`. Values were checked by their types before; they are checked once more here, where
 * they become part of a file, and so is each secret.
 * @param where what the template is, for messages.
 * @param secrets the secrets themselves, by the name of their value.
 * @throws Failure PROFILE_INVALID for a `{{` that begins no known name, or a value that may mean something in a file;
 * SECRET_UNAVAILABLE for such a secret. No message holds a secret.
 */
export function fillTemplate(
  template: string,
  where: string,
  specs: Readonly<Record<string, ValueSpec>>,
  values: ProfileValues,
  secrets: Readonly<Record<string, string>>,
): string {
  let result = '';
  let from = 0;
  for (let at = template.indexOf('{{'); at !== -1; at = template.indexOf('{{', from)) {
    const end = template.indexOf('}}', at);
    const name = end === -1 ? '' : template.slice(at + 2, end);
    if (!/^[a-z][A-Za-z0-9]{0,63}$/.test(name))
      throw new Failure('PROFILE_INVALID', `${where} has a {{ that no name of a value follows`);
    result += template.slice(from, at) + textFor(name, where, specs, values, secrets);
    from = end + 2;
  }
  return result + template.slice(from);
}

function textFor(
  name: string,
  where: string,
  specs: Readonly<Record<string, ValueSpec>>,
  values: ProfileValues,
  secrets: Readonly<Record<string, string>>,
): string {
  const spec = Object.hasOwn(specs, name) ? specs[name] : undefined;
  if (!spec) throw new Failure('PROFILE_INVALID', `${where} names {{${name}}}, which is not a value of the profile`);
  if (spec.type === 'secretRef') {
    const secret = Object.hasOwn(secrets, name) ? secrets[name]! : '';
    if (secret === '' || !isSafeText(secret))
      throw new Failure('SECRET_UNAVAILABLE', `the secret for {{${name}}} is missing or cannot stand in a file`);
    return secret;
  }
  const text = Object.hasOwn(values, name) ? String(values[name]) : undefined;
  if (text === undefined || !isSafeText(text))
    throw new Failure('PROFILE_INVALID', `${where}: the value of {{${name}}} is missing or cannot stand in a file`);
  return text;
}
