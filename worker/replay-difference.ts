import { temporal } from '@temporalio/proto';

type HistoryEvent = temporal.api.history.v1.IHistoryEvent;

/** Where the present code would have done something else than a history says. */
export interface Difference {
  /** The event that does not fit; absent where the SDK's message points to none. */
  readonly eventId?: number;
  /** As in `ActivityTaskScheduled`. */
  readonly eventType?: string;
  readonly message: string;
}

/** Reads the error of a replay; it tells of the event in words only. */
export function differenceOf(error: Error, events: readonly HistoryEvent[]): Difference {
  // Core's message holds the failure as Rust prints it.
  const inner = /message: ("(?:[^"\\]|\\.)*")/.exec(error.message)?.[1];
  const message = inner === undefined ? error.message : unquote(inner);
  const event = events.find((each) => isMeant(message, each));
  return event ? { message, eventId: Number(String(event.eventId)), eventType: eventType(event) } : { message };
}

function unquote(text: string): string {
  try {
    return JSON.parse(text) as string;
  } catch {
    return text.slice(1, -1);
  }
}

/** Whether a message speaks of an event: by its id, by the name it recorded, or by its number among local activities. */
function isMeant(message: string, event: HistoryEvent): boolean {
  const id = /HistoryEvent\(id: (\d+)/.exec(message)?.[1];
  if (id !== undefined) return String(event.eventId) === id;
  const marker = markerText(event);
  const recorded = /of (?:scheduled event|recorded marker) '([^']+)'/.exec(message)?.[1];
  if (recorded !== undefined) {
    const scheduled = event.activityTaskScheduledEventAttributes;
    return (
      [scheduled?.activityType?.name, scheduled?.activityId].includes(recorded) || marker.includes(`"${recorded}"`)
    );
  }
  const local = /LocalActivity\((\d+)\)/.exec(message)?.[1];
  return local !== undefined && marker.includes(`"seq":${local},`);
}

/** What a local activity's marker says of it. */
function markerText({ markerRecordedEventAttributes: marker }: HistoryEvent): string {
  const payloads = Object.values(marker?.details ?? {}).flatMap((each) => each.payloads ?? []);
  return payloads
    .map(({ data }) =>
      Buffer.from(data ?? [])
        .toString()
        .replace(/": /g, '":'),
    )
    .join('\n');
}

function eventType(event: HistoryEvent): string {
  const name = temporal.api.enums.v1.EventType[event.eventType ?? 0] ?? 'EVENT_TYPE_UNSPECIFIED';
  const words = name.replace('EVENT_TYPE_', '').toLowerCase().split('_');
  return words.map((word) => word.slice(0, 1).toUpperCase() + word.slice(1)).join('');
}
