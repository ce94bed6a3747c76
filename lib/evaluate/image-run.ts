/** What a simulation says of one image of its batch. */
import type { SimulationResult } from '../simulate';
import type { ImageRun } from './record';

export function imageRun(result: SimulationResult, image: number): ImageRun {
  const { phases, quietSteps, layerSpikes, imageOperations, hash } = result;
  const width = layerSpikes.layers.length;
  const row = <T extends ArrayLike<number> & { subarray(from: number, to: number): Iterable<number> }>(
    values: T,
    length: number,
  ) => [...values.subarray(image * length, (image + 1) * length)];
  return {
    sleep: row(phases.sleepSteps, phases.count),
    rest: row(phases.atRest, phases.count).map(Boolean),
    quiet: quietSteps[image]!,
    spikes: { positive: row(layerSpikes.positive, width), negative: row(layerSpikes.negative, width) },
    operations: { wake: imageOperations.wake[image]!, sleep: imageOperations.sleep[image]! },
    hash: hash[image]!.toString(16).padStart(16, '0'),
  };
}
