/** A small detector, three outputs of 5×5 cells, and images with annotated objects for it, in memory. */
import {
  type Dataset,
  type InputScaling,
  imageGeometry,
  parseInputScaling,
  type TruthObject,
} from '../../lib/datasets';
import { type Detection, detect, parseDecoder } from '../../lib/detect';
import { importGraph } from '../../lib/graph';
import type { OnnxModel } from '../../lib/onnx';
import { SpikingNetwork } from '../../lib/simulate';
import { Net, scalar } from '../graph/make';
import { Random } from '../support/random';
import { SIZE } from './small';

export const NAMES = ['ant', 'bee', 'cat'];

/** Objectness and classes have their activation in the net: it stands behind the last neuron. */
export const decoder = parseDecoder({
  heads: [
    {
      stride: 1,
      objectness: { output: 0, activation: 'none' },
      box: { output: 1, center: { activation: 'sigmoid' }, size: { activation: 'exp', unit: 'cell' } },
      classes: { output: 2, activation: 'none' },
    },
  ],
  threshold: 0.05,
});

/** Six levels in its activations, or plain ReLUs. */
export function detectorModel(channels: number, { size = 5, relu = false } = {}): OnnxModel {
  const net = new Net(['N', channels, size, size]);
  const activation = (x: string) => {
    if (relu) return net.add('Relu', [x]);
    const level = net.add('Floor', [net.add('Add', [net.add('Mul', [x, scalar(5)]), scalar(0.5)])]);
    return net.add('Div', [net.add('Clip', [level, scalar(0), scalar(6)]), scalar(5)]);
  };
  let x = activation(net.conv('x', 4, channels));
  for (let i = 0; i < 2; i++) x = activation(net.add('Add', [net.conv(x, 4, 4), x]));
  const objectness = net.add('Sigmoid', [net.conv(x, 1, 4, 1)]);
  const box = net.conv(x, 4, 4, 1);
  const classes = net.add('Softmax', [net.conv(x, NAMES.length, 4, 1)], { axis: 1 });
  return net.model([objectness, box, classes]);
}

export function detector(): SpikingNetwork {
  return SpikingNetwork.from(importGraph(detectorModel(2)), { format: 'int8', inputRange: { min: -3, max: 3 } });
}

const scaling: InputScaling = parseInputScaling({ resize: { rule: 'stretch', size: 5 } });
const size = { width: 100, height: 60 };
export const geometry = imageGeometry(size, scaling);

const pixels = (images: number) => new Random(11).normal(images * SIZE, 0.8);
export const pixelsOf = (at: number): Float32Array => pixels(at + 1).subarray(at * SIZE);

/** Objects near what the net finds, so that some are found and some are not. */
async function objectsOf(snn: SpikingNetwork, at: number): Promise<TruthObject[]> {
  const { outputs } = await snn.simulate(pixelsOf(at), 1, { mode: 'rest' });
  return detect(outputs, decoder, geometry)
    .slice(0, at % 4)
    .map(([label, , x1, y1, x2, y2]: Detection, i) => {
      const box = [x1 + i * 4, y1, x2 - x1, y2 - y1] as const;
      return { label, box, area: 20 * box[2], crowd: i === 2 && at % 3 === 0, difficult: i === 1 && at % 2 === 1 };
    });
}

/** `unreadable`: positions of images that cannot be read. */
export async function annotated(
  snn: SpikingNetwork,
  images: number,
  { kind = 'coco', unreadable = [] as number[], names = NAMES } = {},
): Promise<Dataset> {
  const all = [...Array(images).keys()];
  const truths = await Promise.all(
    all.map(async (at) => ({ id: `image ${at}`, ...size, objects: await objectsOf(snn, at) })),
  );
  const made = {
    name: 'memory',
    kind,
    size: images,
    shape: { c: 2, h: 5, w: 5 },
    scaling,
    classNames: names,
    detection: { categories: names.map((name, i) => ({ id: 10 * i, name })), images: truths },
    notes: [],
    identity: async () => '0'.repeat(64),
    fileSizes: async (positions: number[]) => positions.map(() => null),
    async *batches(batch: number, chosen = all) {
      for (let start = 0; start < chosen.length; start += batch) {
        const asked = chosen.slice(start, start + batch);
        const positions = asked.filter((at) => !unreadable.includes(at));
        yield {
          images: Float32Array.from(positions.flatMap((at) => [...pixelsOf(at)])),
          labels: Int32Array.from(positions, () => -1),
          ids: positions.map((at) => `image ${at}`),
          positions,
          fileBytes: positions.map(() => null),
          count: positions.length,
          start,
          failures: asked
            .filter((at) => unreadable.includes(at))
            .map((at) => ({
              position: at,
              id: `image ${at}`,
              fileBytes: null,
              error: { code: 'ERR_CASC_IMAGE', message: 'gone' },
            })),
        };
      }
    },
  };
  return made as unknown as Dataset;
}
