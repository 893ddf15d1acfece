import type { AttemptEnded, AttemptStarted, JournalEntry } from '../domain/journal';
import type { Follower } from './follow';
import type { Io } from './io';
import { stateColour } from './run-text';
import { connectionText, duration, paint, tame, words, type Colour } from './text';

const outcomes: Readonly<Record<AttemptEnded['outcome'], Colour>> = {
  succeeded: 'green',
  failed: 'red',
  cancelled: 'yellow',
  unknown: 'yellow',
};

/** Shows a run as it goes on, one line for each entry of the journal. */
export function lineFollower(io: Io, steps: readonly string[]): Follower {
  const width = Math.max(4, ...steps.map((name) => name.length));
  const began = new Map<string, number>();
  const key = ({ phase, activityId, attempt }: AttemptStarted | AttemptEnded): string =>
    `${phase}/${activityId}/${attempt}`;
  return {
    entry(entry) {
      if (entry.type === 'attempt.started') began.set(key(entry), Date.parse(entry.at));
      const start = entry.type === 'attempt.ended' ? began.get(key(entry)) : undefined;
      const took = start === undefined ? '' : `  ${duration(Date.parse(entry.at) - start)}`;
      const [name, phase, what, colour, more] = parts(entry, took);
      const head = `${entry.at.slice(11, 23)}  ${name.padEnd(width)}  ${phase.padEnd(4)}  `;
      io.out(`${paint(io, 'dim', head)}${paint(io, colour, what)}${tame(more)}\n`);
    },
    connection(up) {
      io.err(`${connectionText(up)}\n`);
    },
  };
}

type Line = readonly [name: string, phase: string, what: string, colour: Colour | undefined, more: string];

function parts(entry: JournalEntry, took: string): Line {
  const said = 'error' in entry && entry.error ? `  ${entry.error.code}  ${entry.error.message}` : '';
  const error = said.replaceAll('\n', '\n  | ');
  switch (entry.type) {
    case 'attempt.started':
      return [entry.step, entry.phase, 'started', undefined, again(entry)];
    case 'attempt.ended':
      return [entry.step, entry.phase, entry.outcome, outcomes[entry.outcome], `${took}${again(entry)}${error}`];
    case 'step.resolved': {
      const { action, by, reason } = entry.resolution;
      return [entry.step, 'undo', action, 'yellow', `  by ${by}: ${reason}`];
    }
    case 'step.output':
      return [entry.step, 'do', 'printed', undefined, entry.lines.map((line) => `\n  | ${line}`).join('')];
    case 'message.ignored':
      return ['run', '', `ignored ${entry.message}`, 'yellow', `  by ${entry.by}: ${entry.reason.message}`];
    case 'run.state':
      return ['run', '', words(entry.state), stateColour(entry.state), error];
  }
}

function again({ attempt }: AttemptStarted | AttemptEnded): string {
  return attempt === 1 ? '' : `  attempt ${attempt}`;
}
