import { Failure } from '../failures';
import { MAX_THROTTLE } from '../schema/pace';

/**
 * The share of rest that a copy takes, from a client's number: 0 is full speed, 0.95 a twentieth of it.
 * @throws Failure INVALID_INPUT
 */
export function throttleRatio(value: number): number {
  if (value >= 0 && value <= MAX_THROTTLE) return value;
  throw new Failure('INVALID_INPUT', `throttle_ratio must be between 0 and ${MAX_THROTTLE}`);
}

/** From whole percent, as PlanetScale has it. @throws Failure INVALID_INPUT */
export function throttleOfPercent(percent: number): number {
  if (Number.isInteger(percent) && percent >= 0 && percent <= MAX_THROTTLE * 100) return percent / 100;
  throw new Failure('INVALID_INPUT', `ratio must be a whole number between 0 and ${MAX_THROTTLE * 100}`);
}

/** The ratio of a volume: 1 is slowest, 11 is full speed; what is beyond is taken as the bound. */
export function throttleOfVolume(volume: number): number {
  const bounded = Math.min(Math.max(volume, 1), 11);
  return Math.max(0, (21 - 2 * bounded) / 20);
}
