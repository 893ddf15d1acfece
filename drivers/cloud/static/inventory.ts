import { LineCounter, parseDocument, visit, type Document } from 'yaml';
import { z } from 'zod';
import { contains, ipv4, type Network } from '../../../domain/address';
import { Failure } from '../../../domain/failures';
import { printable } from '../../../domain/hostname';
import { fingerprintOf } from './host-key';

/** Characters of an inventory, and hosts in it. */
const MAX_LENGTH = 1024 * 1024;
const MAX_HOSTS = 5_000;
/** Messages about one inventory. */
const MAX_PROBLEMS = 10;

/** Networks whose addresses name no single host, or the metadata service of a cloud. */
const UNUSABLE: readonly Network[] = [
  { base: 0, bits: 8 },
  { base: ipv4('169.254.0.0'), bits: 16 },
  { base: ipv4('224.0.0.0'), bits: 3 },
];

const shown = (what: string) => ({ error: ({ input }: { input?: unknown }) => `${what}, not ${printable(input)}` });
const name = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, shown('must be lower-case letters, digits and hyphens'));

const literal = z.string().superRefine((value, context) => {
  try {
    const number = ipv4(value);
    if (!UNUSABLE.some((network) => contains(network, number))) return;
    context.addIssue({ code: 'custom', message: `${value} is not the address of a host` });
  } catch (error) {
    context.addIssue({ code: 'custom', message: (error as Error).message });
  }
});

const hostKey = z.string().transform((value, context) => {
  const fingerprint = fingerprintOf(value);
  if (fingerprint !== undefined) return fingerprint;
  const message = `must be a fingerprint (SHA256:...) or a public key in one line, not ${printable(value)}`;
  context.addIssue({ code: 'custom', message });
  return z.NEVER;
});

const host = z.strictObject({
  /** Unique in the inventory; the leases go by it, so a host that is renamed is another one. */
  name,
  host: literal,
  port: z.number().int().min(1).max(65535).default(22),
  user: z.string().regex(/^[a-z_][a-z0-9_-]{0,31}$/, shown('must be the name of a Unix user')),
  hostKey,
  serves: literal,
  region: name,
  labels: z
    .record(
      z.string().regex(/^[a-z0-9]([a-z0-9./-]{0,61}[a-z0-9])?$/, shown('must be a label')),
      z.string().regex(/^[A-Za-z0-9._/ -]{0,128}$/, shown('must be letters, digits and . _ / -')),
    )
    .default({}),
});

const schema = z.strictObject({ hosts: z.array(host).min(1).max(MAX_HOSTS) });

/** A host of an inventory. `hostKey` is its fingerprint, whatever the file gives. */
export type InventoryHost = z.output<typeof host>;

/**
 * Reads an inventory: the YAML file that names the hosts of the `static` backend. Whatever a host's members can reach
 * (an SSH connection, an edge's configuration) gets literal addresses and narrow names only.
 * @param gateways the networks that gateways may live in; every `serves` lies in one of them.
 * @param file the name that messages give it.
 * @throws Failure INVALID_INPUT naming the line and the member of everything that is wrong.
 */
export function parseInventory(text: string, gateways: readonly Network[], file = 'inventory'): InventoryHost[] {
  if (text.length > MAX_LENGTH) throw refused(file, [`  it is longer than ${MAX_LENGTH} characters`]);
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true, version: '1.2' });
  const at = (path: readonly PropertyKey[]) =>
    `  line ${lineOf(document, lines, path)}, ${path.map(String).join('.') || 'the whole'}`;
  const [broken] = [...document.errors, ...document.warnings];
  if (broken) throw refused(file, [`  line ${lines.linePos(broken.pos[0]).line}: ${oneLine(broken.message)}`]);
  const trapped = trap(document);
  if (trapped) throw refused(file, [`  line ${lines.linePos(trapped.offset).line}: ${trapped.message}`]);
  const result = schema.safeParse(document.toJS({ maxAliasCount: 0 }));
  if (!result.success)
    throw refused(
      file,
      result.error.issues.map(({ path, message }) => `${at(path)}: ${oneLine(message)}`),
    );
  const { hosts } = result.data;
  const problems = [
    ...outside(hosts, gateways),
    ...repeated(hosts, 'name', (one) => one.name),
    ...repeated(hosts, 'host', (one) => `${one.host}:${one.port}`),
    ...repeated(hosts, 'serves', (one) => one.serves),
  ];
  if (problems.length > 0)
    throw refused(
      file,
      problems.map(({ path, message }) => `${at(path)}: ${message}`),
    );
  return hosts;
}

interface Problem {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

/** What zod does not see: an alias lets a small file become a large value, and `__proto__` is no member like others. */
function trap(document: Document): { readonly message: string; readonly offset: number } | undefined {
  let found: { message: string; offset: number } | undefined;
  visit(document, {
    Alias(_, node) {
      found = { message: 'it uses a YAML alias', offset: node.range?.[0] ?? 0 };
      return visit.BREAK;
    },
    Scalar(key, node) {
      if (key !== 'key' || node.value !== '__proto__') return undefined;
      found = { message: 'there is no member __proto__', offset: node.range?.[0] ?? 0 };
      return visit.BREAK;
    },
  });
  return found;
}

function outside(hosts: readonly InventoryHost[], gateways: readonly Network[]): Problem[] {
  return hosts.flatMap(({ serves }, index) =>
    gateways.some((network) => contains(network, ipv4(serves)))
      ? []
      : [{ path: ['hosts', index, 'serves'], message: `${serves} is outside the networks that gateways may live in` }],
  );
}

/** Two entries that are one machine would be leased twice. */
function repeated(hosts: readonly InventoryHost[], member: string, keyOf: (one: InventoryHost) => string): Problem[] {
  const seen = new Set<string>();
  return hosts.flatMap((one, index) => {
    const key = keyOf(one);
    if (seen.has(key)) return [{ path: ['hosts', index, member], message: `another host has ${key}` }];
    seen.add(key);
    return [];
  });
}

/** The line of the member, or of the nearest thing around it that is there. */
function lineOf(document: Document, lines: LineCounter, path: readonly PropertyKey[]): number {
  for (let length = path.length; length > 0; length--) {
    const node = document.getIn(path.slice(0, length), true) as { range?: readonly number[] | null } | undefined;
    if (node?.range) return lines.linePos(node.range[0]!).line;
  }
  return 1;
}

function oneLine(message: string): string {
  return message.replace(/[^\x20-\x7e]+/g, ' ').slice(0, 200);
}

function refused(file: string, problems: readonly string[]): Failure {
  const rest = problems.length - MAX_PROBLEMS;
  const told = [...problems.slice(0, MAX_PROBLEMS), ...(rest > 0 ? [`  and ${rest} more`] : [])];
  return new Failure('INVALID_INPUT', `${file} is not right:\n${told.join('\n')}`);
}
