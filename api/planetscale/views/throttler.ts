import type { DatabaseRecord } from '../../../domain/deploy/database';
import { time } from './shared';

/** What a ratio does, for people: 0 is full speed, which few expect. */
export function throttleText(ratio: number): string {
  const percent = Math.round(ratio * 100);
  return percent === 0 ? 'full speed' : `rests ${percent} % of the time, works at ${100 - percent} % of full speed`;
}

/** The throttle of a database or a request as PlanetScale's clients read it: whole percent of rest. */
export function throttlerView(
  database: DatabaseRecord,
  configurable: { readonly id: string; readonly name: string; readonly createdAt: Date; readonly updatedAt: Date },
  ratio: number,
): Record<string, unknown> {
  return {
    keyspaces: [database.name],
    configurable: {
      id: configurable.id,
      name: configurable.name,
      created_at: time(configurable.createdAt),
      updated_at: time(configurable.updatedAt),
      deleted_at: null,
    },
    configurations: [{ keyspace_name: database.name, ratio: Math.round(ratio * 100) }],
    throttle_ratio: ratio,
    throttle: throttleText(ratio),
  };
}
