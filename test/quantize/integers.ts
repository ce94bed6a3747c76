/** What fixed point makes of weights that were rounded beforehand. */
import type { Dataset } from '../../lib/datasets';
import { importGraph } from '../../lib/graph';
import { toLayers } from '../../lib/graph/layered';
import type { Network } from '../../lib/graph/network';
import { type ClipValues, withQuantizedActivations } from '../../lib/graph/quantized';
import { toFixedPoint } from '../../lib/quantize/fixed-point';
import { withInputGrid } from '../../lib/quantize/input-grid';
import { Net, weights } from '../graph/make';
import { Random } from '../support/random';

export interface RoundedWeight {
  /** Whether it reads the net's input. */
  first: boolean;
  /** In steps of the file; and what is in the file. */
  steps: number;
  integer: number;
}

/** Every weight of a convolution, by layer. */
export function roundedWeights(
  network: Network,
  clips: ClipValues,
  levels: number,
  inputRange?: { min: number; max: number },
): RoundedWeight[][] {
  const layered = toLayers(withQuantizedActivations(network, levels, 0.5, (id) => clips.get(id)!));
  const fixed = toFixedPoint(layered, { format: 'int8', inputRange });
  return layered.layers.flatMap((layer, at) => {
    const integers = fixed.layers[at]!;
    if (layer.kind !== integers.kind || (layer.kind !== 'neuron' && layer.kind !== 'linear')) return [];
    // δ is θ / K, of a readout its unit.
    const delta = (c: number) =>
      layer.kind === 'neuron' && integers.kind === 'neuron'
        ? layer.stepIn[c]! / integers.stepIn[c]!
        : fixed.units[at]![c]!;
    return layer.terms.flatMap((term, t): RoundedWeight[][] => {
      const rounded = 'terms' in integers ? integers.terms[t]! : undefined;
      if (term.op !== 'conv' || rounded?.op !== 'conv') return [];
      const row = term.weight.length / layer.shape.c;
      const taps = term.window.kernel[0] * term.window.kernel[1];
      const perGroup = row / taps;
      const weights = Array.from(term.weight, (weight, i): RoundedWeight => {
        const c = Math.floor(i / row);
        const group = Math.floor((c * term.groups) / layer.shape.c);
        const unit = fixed.units[term.source]![group * perGroup + Math.floor((i % row) / taps)]!;
        return { first: term.source === 0, steps: (weight * unit) / delta(c), integer: rounded.weight[i]! };
      });
      return [weights];
    });
  });
}

export function clipsOf({ nodes }: Network, clip: number): Map<number, Float64Array> {
  const relus = nodes.filter(({ op }) => op === 'relu');
  return new Map(relus.map(({ id, shape }) => [id, new Float64Array(shape.c).fill(clip)]));
}

/** Smooth pictures of pixels 0 to 255, neighbours much alike. */
export function pictures(images: number, seed = 3): Dataset {
  const made = {
    name: 'pictures',
    size: images,
    shape: { c: 2, h: 8, w: 8 },
    async *batches(size: number) {
      const random = new Random(seed);
      for (let start = 0; start < images; start += size) {
        const count = Math.min(size, images - start);
        const drawn = new Float32Array(count * 128);
        for (let plane = 0; plane < 2 * count; plane++) {
          const [mean, down, across] = random.normal(3, 1);
          random.normal(64, 8).forEach((noise, i) => {
            const value =
              128 + 40 * mean! + 6 * down! * (Math.floor(i / 8) - 3.5) + 6 * across! * ((i % 8) - 3.5) + noise;
            drawn[plane * 64 + i] = Math.round(Math.min(255, Math.max(0, value)));
          });
        }
        yield { images: drawn, labels: new Int32Array(count), ids: [], count, start };
      }
    },
  };
  return made as unknown as Dataset;
}

/** A net with 98 weights a channel on raw pixels: with 32 levels their sums leave fewer than 8 bits to each. */
export function wide(): { net: Network; data: Dataset; clips: Map<number, Float64Array> } {
  const net = new Net(['N', 2, 8, 8]);
  const seven = weights([6, 2, 7, 7], 5, 0.5 / 64);
  let x = net.add('Relu', [net.add('Conv', ['x', seven, weights([6], 4, 0.2)], { pads: [3, 3, 3, 3] })]);
  x = net.add('Relu', [net.conv(x, 6, 6)]);
  const flat = net.add('Flatten', [x], { axis: 1 });
  const model = net.model([net.add('Gemm', [flat, weights([3, 384]), weights([3])], { transB: 1 })]);
  const imported = importGraph(model);
  return {
    net: withInputGrid(imported, { step: 1, lo: 0, hi: 255 }),
    data: pictures(64),
    clips: clipsOf(imported, 4),
  };
}

/**
 * K by sums depends on all weights of a channel, so rounding changes it by a little and the file's steps are not quite those that
 * were rounded to; the integers are.
 */
export function checkLimitedBySums(weights: readonly RoundedWeight[]): void {
  const largest = weights.reduce((most, { integer }) => Math.max(most, Math.abs(integer)), 0);
  expect(largest).toBeGreaterThan(20);
  expect(largest).toBeLessThan(120);
  for (const { steps, integer } of weights) expect(Math.abs(steps - integer)).toBeLessThan(0.25);
  // Far nearer than what was never rounded: 0.25 on average.
  expect(weights.reduce((sum, { steps, integer }) => sum + Math.abs(steps - integer), 0) / weights.length).toBeLessThan(
    0.05,
  );
}
