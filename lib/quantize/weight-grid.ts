/** The multiples that fixed point will round the weights of an activation's convolutions to. */
import type { ConvNode } from '../graph/network';
import { LIMIT } from './limit';

/** A level is at least this part of what the channel's largest weight adds for one spike: 4 of the 127 steps of int8. */
export const LEAST_STEP = 4 / 127;

/** One convolution, and what it reads. */
export interface WeighedInput {
  conv: ConvNode;
  /** What one spike of each input channel is worth, length 1 or C. */
  units: Float64Array;
  /** Largest sum of an input over all levels, in units. */
  reach: number;
}

/** Of one output channel, over all convolutions that meet there. */
export interface ChannelSize {
  /** Largest |weight · unit|. */
  largest: number;
  /** Σ |weight · unit| · reach + |bias|: the largest sum over all levels, but for shortcuts, small beside it. */
  total: number;
}

export function channelSizes(inputs: readonly WeighedInput[]): ChannelSize[] {
  const channels = inputs[0]!.conv.shape.c;
  const sizes = Array.from({ length: channels }, (): ChannelSize => ({ largest: 0, total: 0 }));
  for (const { conv, units, reach } of inputs) {
    const row = conv.weight.length / channels;
    const taps = conv.window.kernel[0] * conv.window.kernel[1];
    const perGroup = row / taps;
    for (let c = 0; c < channels; c++) {
      const first = Math.floor((c * conv.groups) / channels) * perGroup;
      const size = sizes[c]!;
      for (let i = 0; i < row; i++) {
        const unit = units[units.length === 1 ? 0 : first + Math.floor(i / taps)]!;
        const weight = Math.abs(conv.weight[c * row + i]!) * unit;
        size.largest = Math.max(size.largest, weight);
        size.total += weight * reach;
      }
      const biases = conv.bias ? conv.bias.length / channels : 0;
      let most = 0;
      for (let i = 0; i < biases; i++) most = Math.max(most, Math.abs(conv.bias![c * biases + i]!));
      size.total += most;
    }
  }
  return sizes;
}

export interface WeightGrid {
  /** δ by output channel; 0 where all weights are zero. */
  step: Float64Array;
  /** The |weight · unit| that becomes the largest integer; 0 where sums, not weights, limit K. */
  largest: Float64Array;
}

/** δ = step / K, K as large as the bits of weights and the limit of sums allow (see fixed-point.ts). */
export function neuronGrid(
  sizes: readonly ChannelSize[],
  steps: Float64Array,
  levels: number,
  most: number,
): WeightGrid {
  const step = new Float64Array(sizes.length);
  const largest = new Float64Array(sizes.length);
  sizes.forEach((size, c) => {
    if (!(size.largest > 0)) return;
    const theta = steps[c] ?? steps[0]!;
    const byWeight = Math.floor((most * theta) / size.largest);
    const bySum = Math.floor((LIMIT * theta) / (size.total + theta * (levels + 1)));
    step[c] = theta / Math.max(1, Math.min(byWeight, bySum));
    if (byWeight >= 1 && byWeight <= bySum) largest[c] = size.largest;
  });
  return { step, largest };
}

/** One unit for all channels of a readout. */
export function readoutGrid(sizes: readonly ChannelSize[], most: number): WeightGrid {
  const largest = Math.max(...sizes.map((size) => size.largest));
  return {
    step: new Float64Array(sizes.length).fill(largest / most),
    largest: new Float64Array(sizes.length).fill(largest),
  };
}
