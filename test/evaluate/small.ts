/** A small classifier and labelled images for it, in memory. */
import type { Dataset } from '../../lib/datasets';
import { importGraph } from '../../lib/graph';
import { SpikingNetwork } from '../../lib/simulate';
import { Net, scalar, weights } from '../graph/make';
import { Random } from '../support/random';

export const SIZE = 2 * 5 * 5;
export const CLASSES = 4;

export function classifier(): SpikingNetwork {
  const net = new Net(['N', 2, 5, 5]);
  const activation = (x: string) => {
    const level = net.add('Floor', [net.add('Add', [net.add('Mul', [x, scalar(5)]), scalar(0.5)])]);
    return net.add('Div', [net.add('Clip', [level, scalar(0), scalar(6)]), scalar(5)]);
  };
  let x = activation(net.conv('x', 4, 2));
  for (let i = 0; i < 3; i++) x = activation(net.add('Add', [net.conv(x, 4, 4), x]));
  const flat = net.add('Flatten', [x], { axis: 1 });
  const logits = net.add('Gemm', [flat, weights([CLASSES, 100]), weights([CLASSES], 7)], { transB: 1 });
  const network = importGraph(net.model([net.add('Softmax', [logits], { axis: 1 })]));
  return SpikingNetwork.from(network, { format: 'int8', inputRange: { min: -3, max: 3 } });
}

/** A data set in memory. */
export function dataset(images: number, highest = CLASSES - 1): Dataset {
  const random = new Random(11);
  const values = random.normal(images * SIZE, 0.8);
  const labels = Int32Array.from({ length: images }, () => random.int(0, highest));
  const made = {
    name: 'memory',
    size: images,
    shape: { c: 2, h: 5, w: 5 },
    scaling: {},
    classNames: null,
    notes: [],
    identity: async () => '0'.repeat(64),
    async *batches(size: number, chosen = [...labels.keys()]) {
      for (let start = 0; start < chosen.length; start += size) {
        const positions = chosen.slice(start, start + size);
        yield {
          images: Float32Array.from(positions.flatMap((at) => [...values.subarray(at * SIZE, (at + 1) * SIZE)])),
          labels: Int32Array.from(positions, (at) => labels[at]!),
          ids: positions.map((at) => `image ${at}`),
          positions,
          fileBytes: positions.map(() => null),
          count: positions.length,
          start,
          failures: [],
        };
      }
    },
  };
  return made as unknown as Dataset;
}
