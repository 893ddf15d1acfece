import { z } from 'zod';
import { Failure } from '../failures';
import { printable } from '../hostname';
import { valueSpecs } from './values';

/** How often a script runs. */
export const ScriptRuns = {
  /** Once for each revision and whenever a file of the profile had to be placed. */
  once: 'once per revision',
  /** At every configuration, last of all health: it must find out itself whether there is something to do. */
  always: 'always',
} as const;
export type ScriptRuns = (typeof ScriptRuns)[keyof typeof ScriptRuns];

/** Characters of one file or script. */
const MAX_CONTENT = 1024 * 1024;
/** Characters of all of them. */
const MAX_TOTAL = 4 * 1024 * 1024;

const name = z.string().regex(/^[a-z][a-z0-9-]{1,40}$/, 'must be 2 to 41 lower-case letters, digits and hyphens');
const mode = z.string().regex(/^0[0-7]{3}$/, 'must be four octal digits without special bits, as in "0644"');
const owner = z.string().regex(/^[a-z_][a-z0-9_-]{0,31}:[a-z_][a-z0-9_-]{0,31}$/, 'must be user:group');
const path = z
  .string()
  .max(200)
  .regex(
    /^\/?\.?[A-Za-z0-9_][A-Za-z0-9._-]{0,127}(\/\.?[A-Za-z0-9_][A-Za-z0-9._-]{0,127}){0,15}$/,
    'must be a plain path without . and ..',
  )
  .refine(
    (value) => !/^(operations|lock|holder|state\.json)(\/|$)/.test(value),
    'must not be one of Gatewright’s own files',
  );
const content = z.string().max(MAX_CONTENT);
const timeoutMs = z.number().int().min(1_000).max(3_600_000);

/** A file; its path begins at Gatewright's directory on the machine unless it begins with a slash. */
const file = z.strictObject({
  path,
  mode,
  owner: owner.optional(),
  content,
  /** Whether `{{name}}` in the content stands for a value; else it is taken as it is. */
  template: z.boolean().optional(),
});
const script = z.strictObject({ name, content, timeoutMs, runs: z.enum(ScriptRuns) });
const placeholder = z.string().regex(/^\{\{[a-z][A-Za-z0-9]{0,63}\}\}$/, 'must be {{name}}');
const health = z.discriminatedUnion('kind', [
  /** Passes when `GET http://<the replica's own address>:<port><path>` answers what is expected. */
  z.strictObject({
    kind: z.literal('http'),
    port: z.union([z.number().int().min(1).max(65535), placeholder]),
    path: z.string().regex(/^\/[A-Za-z0-9._~/-]{0,200}$/, 'must be the path of a URL'),
    expect: z.strictObject({
      status: z.number().int().min(200).max(599),
      /** Members that the answer's JSON object has to have. */
      json: z.record(z.string().max(64), z.union([z.string().max(200), z.number(), z.boolean()])).optional(),
    }),
  }),
  /** Passes when the script ends with 0; it may take a minute at most. */
  z.strictObject({ kind: z.literal('script'), content, timeoutMs: timeoutMs.max(60_000) }),
]);

const profileSchema = z
  .strictObject({
    name,
    values: valueSpecs,
    files: z.array(file).max(64),
    scripts: z.array(script).max(32),
    health,
  })
  .superRefine((profile, context) => {
    const once = (member: 'files' | 'scripts', keys: readonly string[]): void =>
      keys.forEach((key, at) => {
        if (keys.indexOf(key) < at)
          context.addIssue({ code: 'custom', path: [member, at], message: `is a second ${printable(key)}` });
      });
    once(
      'files',
      profile.files.map((one) => one.path),
    );
    once(
      'scripts',
      profile.scripts.map((one) => one.name),
    );
    const all = [...profile.files, ...profile.scripts].map((one) => one.content);
    if (all.reduce((sum, one) => sum + one.length, 0) > MAX_TOTAL)
      context.addIssue({ code: 'custom', path: ['files'], message: `are more than ${MAX_TOTAL} characters` });
    const asked = profile.files.flatMap((one) => (one.template ? placeholdersIn(one.content) : []));
    if (profile.health.kind === 'http') asked.push(...placeholdersIn(JSON.stringify(profile.health)));
    for (const value of asked)
      if (!Object.hasOwn(profile.values, value))
        context.addIssue({ code: 'custom', path: ['values'], message: `lacks ${printable(value)}, which is used` });
    if (profile.health.kind === 'http')
      for (const value of placeholdersIn(JSON.stringify(profile.health)))
        if (profile.values[value]?.type === 'secretRef')
          context.addIssue({ code: 'custom', path: ['health'], message: 'must not hold a secret' });
  });

/** What configuring a machine does, as data. It holds everything it needs, so that an old revision can come back. */
export type Profile = z.infer<typeof profileSchema>;
export type ProfileFile = Profile['files'][number];
export type ProfileScript = Profile['scripts'][number];
export type HealthCheck = Profile['health'];

/**
 * Reads a profile.
 * @throws Failure PROFILE_INVALID naming every member that is wrong (data: errors).
 */
export function readProfile(value: unknown): Profile {
  const result = profileSchema.safeParse(value);
  if (result.success) return result.data;
  const errors = result.error.issues.slice(0, 20).map((issue) => ({
    pointer: issue.path.map((part) => `/${printable(String(part)).slice(1, -1)}`).join(''),
    detail: printable(issue.message).slice(1, -1),
  }));
  const text = errors.map(({ pointer, detail }) => `${pointer.slice(1).replaceAll('/', '.') || 'it'}: ${detail}`);
  throw new Failure('PROFILE_INVALID', `the profile is not valid: ${text.join('; ')}`, { data: { errors } });
}

/** The text of a profile of which its revision is the SHA-256: the same for the same profile, whatever its order. */
export function canonicalProfile(profile: Profile): string {
  return JSON.stringify(sorted(profile));
}

/** The names between `{{` and `}}`; what is none is left for rendering to refuse. */
export function placeholdersIn(template: string): string[] {
  return [...template.matchAll(/\{\{([a-z][A-Za-z0-9]{0,63})\}\}/g)].map((match) => match[1]!);
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([key, member]) => [key, sorted(member)]),
  );
}
