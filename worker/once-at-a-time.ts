/**
 * Does something for each key once at a time: whoever asks while it is done has it done once more, together with everybody
 * else who does.
 */
export function onceAtATime(action: (key: string) => Promise<void>): (key: string) => Promise<void> {
  const present = new Map<string, Promise<void>>();
  const next = new Map<string, Promise<void>>();
  const begin = (key: string): Promise<void> => {
    next.delete(key);
    const doing = action(key).finally(() => {
      if (present.get(key) === doing) present.delete(key);
    });
    present.set(key, doing);
    return doing;
  };
  return (key) => {
    const doing = present.get(key);
    if (!doing) return begin(key);
    const waiting = next.get(key) ?? doing.catch(() => undefined).then(() => begin(key));
    next.set(key, waiting);
    return waiting;
  };
}
