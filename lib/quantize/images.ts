/** Some calibration images at once, for what goes over them again and again. */
import type { Dataset } from '../datasets';
import { CascError } from '../errors';
import { type Network, numel } from '../graph/network';
import { checkShape } from './calibrate';

/** Images read at a time. */
const BATCH = 32;

/** `images` of the data set, from all over it. Throws ERR_CASC_SHAPE, and ERR_CASC_CALIBRATION where it gives fewer. */
export async function readImages(
  network: Network,
  dataset: Dataset,
  images: number,
  signal: AbortSignal | undefined,
): Promise<Float32Array> {
  checkShape(network, dataset);
  const size = numel(network.nodes[network.input]!.shape);
  const all = new Float32Array(images * size);
  let taken = 0;
  for await (const batch of dataset.batches(BATCH)) {
    signal?.throwIfAborted();
    for (let i = 0; i < batch.count && taken < images; i++) {
      // The taken-th of the images is the first whose share of the data set is reached.
      if ((batch.start + i + 1) * images <= taken * dataset.size) continue;
      all.set(batch.images.subarray(i * size, (i + 1) * size), taken++ * size);
    }
  }
  if (taken < images || taken === 0) {
    throw new CascError('ERR_CASC_CALIBRATION', `${dataset.name}: gave ${taken} images, ${images} were expected`);
  }
  return all;
}
