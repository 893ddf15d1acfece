const limit = 1_000;

/** What looks like a secret, and what is put in its place. */
const secrets: readonly (readonly [RegExp, string])[] = [
  [/\bgw_([A-Za-z0-9]+)_[A-Za-z0-9_-]+/g, 'gw_$1_***'],
  [/\b(bearer|basic)\s+[^\s"',;]+/gi, '$1 ***'],
  // `password=x`, `password: x`, `"clientSecret": "x"`, `X-API-Key: x`; what a scheme word announces is gone by now.
  [
    /([\w-]*(?:password|passwd|secret|token|api[_-]?key|authorization)["']?\s*[:=]\s*["']?)(?!(?:bearer|basic)\b)[^\s"'&,;}]+/gi,
    '$1***',
  ],
  [/:\/\/([^\s:/@]+):[^\s@/]+@/g, '://$1:***@'],
  [/\b[0-9a-f]{64}\b/gi, '***'],
];

/** A message fit to be stored and shown: without what looks like a secret, at most 1,000 characters. */
export function scrub(message: string): string {
  const clean = secrets.reduce((text, [pattern, replacement]) => text.replace(pattern, replacement), message);
  return clean.length > limit ? `${clean.slice(0, limit - 1)}…` : clean;
}
