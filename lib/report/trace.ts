/** A trace of one simulation, as JSON (DESIGN.md, "The command line"). */
import type { SimulationResult } from '../simulate';

export interface Trace {
  /** Awake and sleep steps run. */
  steps: number;
  /** [step][images · outputs]: summed over steps, not divided. */
  accumulatedOutput: number[][];
  /** Net spike counts by layer, [images · C·H·W]. */
  spikeCounts: Record<string, number[]>;
  /** Steps after which every image was at rest, the silent one included; null if one was not. */
  quiescentAt: number | null;
}

/**
 * `result` must have been simulated with everyStep.
 *
 * @example
 * const result = await snn.simulate(images, count, { everyStep: true, counts: true });
 * await writeWhole('trace.json', JSON.stringify(traceOf(result, snn.readoutSize)));
 */
export function traceOf(result: SimulationResult, outputs: number): Trace {
  const { steps, images, accumulated, counts, atRest, quietSteps } = result;
  const awake = steps.length - steps.filter(({ wake, sleep }) => wake === steps.at(-1)!.wake && sleep > 0).length;
  return {
    steps: steps.length,
    accumulatedOutput: steps.map((_, s) => {
      const row: number[] = [];
      for (let image = 0; image < images; image++) {
        const start = (image * steps.length + s) * outputs;
        for (let i = start; i < start + outputs; i++) row.push(accumulated[i]!);
      }
      return row;
    }),
    spikeCounts: Object.fromEntries(Object.entries(counts ?? {}).map(([layer, values]) => [layer, [...values]])),
    quiescentAt: atRest.every(Boolean) ? awake + Math.max(...quietSteps) : null,
  };
}
