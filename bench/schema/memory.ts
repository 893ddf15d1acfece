import { all, atMost, short, type Row } from '../figures';
import type { Rig } from './rig';

/** The most that the process of an engine holds through a whole change, by the rows of its table. */
export async function benchMemory(rig: Rig): Promise<Row[]> {
  const { server, plan } = rig;
  const peaks: number[] = [];
  for (const rows of plan.memory) {
    rig.say(`${server.name}: memory at ${rows} rows`);
    await server.fill(rows);
    await rig.change(async (engine) => {
      for (const verb of ['prepare', 'copy', 'prove', 'cutOver', 'revert', 'finish'] as const) await engine.run(verb);
      peaks.push(await engine.peakMb());
    });
  }
  return plan.memory.map((rows, i) => {
    const figures = {
      group: `${server.name}: memory of the engine's process`,
      name: `${rows} rows`,
      p50: peaks[i]!,
      unit: 'MB',
    };
    if (i < plan.memory.length - 1) return figures;
    const growth = peaks[i]! / peaks[0]!;
    return {
      ...figures,
      bar: all(atMost(peaks[i]!, 200, 'MB'), atMost(growth, 1.5, `times that at ${short(plan.memory[0]!)}`)),
    };
  });
}
