import type { Io } from './io';

const codes = { bold: [1, 22], dim: [2, 22], red: [31, 39], green: [32, 39], yellow: [33, 39] } as const;

/** The few colours of the CLI. */
export type Colour = keyof typeof codes;

/** Colours a text where colours are wanted. */
export function paint({ colours }: Pick<Io, 'colours'>, colour: Colour | undefined, text: string): string {
  if (!colours || colour === undefined || text === '') return text;
  const [on, off] = codes[colour];
  return `\u001b[${on}m${text}\u001b[${off}m`;
}

/** A duration as people say it: `12 ms`, `2.05 s`, `12.3 s`, `4 min 10 s`, `3 h 5 min`, `2 d 4 h`. */
export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < 10_000) return `${(ms / 1_000).toFixed(2)} s`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1_000);
  if (seconds < 3_600) return pair(seconds, 60, 'min', 's');
  if (seconds < 172_800) return pair(Math.floor(seconds / 60), 60, 'h', 'min');
  return pair(Math.floor(seconds / 3_600), 24, 'd', 'h');
}

/** The same in whole seconds, rounded up, for what is counted down or up before people's eyes. */
export function wholeSeconds(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / 1_000));
  return seconds < 60 ? `${seconds} s` : duration(seconds * 1_000);
}

function pair(amount: number, size: number, large: string, small: string): string {
  const rest = amount % size;
  return `${Math.floor(amount / size)} ${large}${rest === 0 ? '' : ` ${rest} ${small}`}`;
}

/** How long something has been so, roughly: `12 s`, `3 min`, `5 h`, `4 d`. */
export function age(since: string, now: Date): string {
  const seconds = Math.max(0, Math.round((now.getTime() - Date.parse(since)) / 1_000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3_600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

/** When something was: `just now`, `12 s ago`, `in 3 min`. */
export function ago(at: string, now: Date): string {
  const ahead = Date.parse(at) - now.getTime();
  if (ahead > 1_000) return `in ${age(now.toISOString(), new Date(at))}`;
  const text = age(at, now);
  return text === '0 s' ? 'just now' : `${text} ago`;
}

/** A moment as `2026-11-21 11:15:59 UTC`. */
export function moment(at: string): string {
  return `${new Date(at).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

/** A word of the API as people read it: `needs_attention` is `needs attention`. */
export function words(value: string): string {
  return value.replaceAll('_', ' ');
}

/** `1 attempt`, `2 attempts`. */
export function count(amount: number, noun: string, nouns = `${noun}s`): string {
  return `${amount} ${amount === 1 ? noun : nouns}`;
}

/**
 * A text without control characters other than line ends, and without what turns the direction of text round: what comes
 * from outside must not steer the terminal.
 */
export function tame(text: string): string {
  // eslint-disable-next-line no-control-regex
  return text.replace(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g, ' ');
}

/** Breaks a text at spaces into lines of at most `width` columns; a longer word keeps its length. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const paragraph of tame(text).split('\n')) {
    let line = '';
    for (const word of paragraph.split(' ')) {
      if (line !== '' && line.length + 1 + word.length > width) {
        lines.push(line);
        line = word;
      } else line = line === '' ? word : `${line} ${word}`;
    }
    lines.push(line);
  }
  return lines;
}

/** Shortens a text to `width` columns. */
export function shorten(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`;
}

/** Shortens a text of one line so that no terminal takes more than `width` columns for it: wide characters take two. */
export function clip(text: string, width: number): string {
  const shown: string[] = [];
  let columns = 0;
  for (const character of text) {
    columns += character.codePointAt(0)! >= WIDE ? 2 : 1;
    if (columns > width) return width < 1 ? '' : `${shown.slice(0, -1).join('')}…`;
    shown.push(character);
  }
  return text;
}

/** No character before this one takes two columns. */
const WIDE = 0x1100;

/** A name with a value, and its colour. */
export type Field = readonly [name: string, value: string | undefined, colour?: Colour];

/** Names and values in two columns; long values go on below themselves, and what has no value is left out. */
export function fields(io: Io, all: readonly Field[], indent = 0): string {
  const shown = all.filter((field): field is [string, string, Colour?] => field[1] !== undefined);
  const width = Math.max(0, ...shown.map(([name]) => name.length)) + 2;
  const room = Math.max(20, (io.columns ?? Infinity) - width - indent);
  const margin = ' '.repeat(indent);
  return shown
    .flatMap(([name, value, colour]) =>
      wrap(value, room).map((line, index) => {
        const head = (index === 0 ? name : '').padEnd(width);
        return `${margin}${paint(io, 'dim', head)}${paint(io, colour, line)}\n`;
      }),
    )
    .join('');
}

/** What followers of a stream are told of their connection. */
export function connectionText(up: boolean): string {
  return up ? 'connected again' : 'the connection broke off; connecting again ...';
}
