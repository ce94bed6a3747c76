import { type Dataset, parseInputScaling } from '../../lib/datasets';
import { numel, type Shape } from '../../lib/graph/network';
import { Random } from './random';

/** A data set of noise, the same in every pass, or of one value. */
export function memoryDataset(shape: Shape, images: number, value?: number): Dataset {
  const size = numel(shape);
  const made = {
    name: 'memory',
    size: images,
    shape,
    scaling: parseInputScaling({ mean: [0.5], std: [0.25] }),
    classNames: null,
    notes: [],
    async *batches(batch: number) {
      const random = new Random(3);
      for (let start = 0; start < images; start += batch) {
        const count = Math.min(batch, images - start);
        const pixels =
          value === undefined ? random.normal(count * size, 0.7) : new Float32Array(count * size).fill(value);
        yield { images: pixels, labels: new Int32Array(count), ids: [], count, start };
      }
    },
  };
  return made as unknown as Dataset;
}
