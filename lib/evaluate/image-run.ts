/** What a simulation says of one image of its batch. */
import type { SimulationResult } from '../simulate';
import { runRaster } from './raster';
import type { ImageRun } from './record';

export function imageRun(result: SimulationResult, image: number): ImageRun {
  const { phases, quietSteps, layerSpikes, imageOperations, hash } = result;
  const width = layerSpikes.layers.length;
  const row = <T extends ArrayLike<number> & { subarray(from: number, to: number): Iterable<number> }>(
    values: T,
    length: number,
  ) => [...values.subarray(image * length, (image + 1) * length)];
  const sleep = row(phases.sleepSteps, phases.count);
  const steps = result.schedule.wake + sleep.reduce((sum, asleep) => sum + asleep, 0);
  return {
    sleep,
    rest: row(phases.atRest, phases.count).map(Boolean),
    quiet: quietSteps[image]!,
    spikes: { positive: row(layerSpikes.positive, width), negative: row(layerSpikes.negative, width) },
    operations: { wake: imageOperations.wake[image]!, sleep: imageOperations.sleep[image]! },
    hash: hash[image]!.toString(16).padStart(16, '0'),
    ...(result.raster && image === 0 ? { raster: runRaster(result.raster, steps) } : {}),
  };
}
