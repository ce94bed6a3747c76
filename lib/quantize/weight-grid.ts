/** The multiples that fixed point will round the weights of an activation's convolutions to. */
import { addBias, type LinearTerm, type Values } from '../graph/compose';
import type { ConvNode } from '../graph/network';
import { LIMIT } from './limit';
import { Rows } from './rows';

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

/** All convolutions that meet at one activation, or make one readout; without its shortcuts, small beside them. */
export function rowsOf(inputs: readonly WeighedInput[], levels: number): Rows {
  const { shape } = inputs[0]!.conv;
  const terms = inputs.map(({ conv }, source): LinearTerm => {
    const { window, groups } = conv;
    return { op: 'conv', source, weight: Float64Array.from(conv.weight), window, groups };
  });
  const units = inputs.map(({ conv, units }) => (units.length === 1 ? repeated(units[0]!, conv) : units));
  const bias = inputs.reduce<Values>(
    (sum, { conv }) => (conv.bias ? addBias(sum, Float64Array.from(conv.bias), shape) : sum),
    new Float64Array(shape.c),
  );
  return new Rows(
    { terms, bias, shape },
    units,
    inputs.map(({ reach }) => reach),
    levels,
  );
}

function repeated(unit: number, { weight, window, groups, shape }: ConvNode): Float64Array {
  const taps = window.kernel[0] * window.kernel[1];
  return new Float64Array((weight.length / shape.c / taps) * groups).fill(unit);
}

export interface WeightGrid {
  /** δ by output channel; 0 where all weights are zero. */
  step: Float64Array;
  /** The |weight · unit| that becomes the largest integer; 0 where sums, not weights, limit K. */
  largest: Float64Array;
}

/** δ = step / K, K as large as the bits of weights and the limit of sums allow (see fixed-point.ts). */
export function neuronGrid(rows: Rows, steps: Float64Array, levels: number, most: number): WeightGrid {
  const { channels } = rows;
  const step = new Float64Array(channels);
  const largest = new Float64Array(channels);
  for (let c = 0; c < channels; c++) {
    const size = rows.largest(c);
    if (!(size > 0)) continue;
    const theta = steps[c] ?? steps[0]!;
    const byWeight = Math.floor((most * theta) / size);
    const bySum = Math.floor((LIMIT * theta) / (rows.total(c) + theta * (levels + 1)));
    step[c] = theta / Math.max(1, Math.min(byWeight, bySum));
    if (byWeight >= 1 && byWeight <= bySum) largest[c] = size;
  }
  return { step, largest };
}

/** One unit for all channels of a readout. */
export function readoutGrid(rows: Rows, most: number): WeightGrid {
  const { channels } = rows;
  const largest = Math.max(...Array.from({ length: channels }, (_, c) => rows.largest(c)));
  return {
    step: new Float64Array(channels).fill(largest / most),
    largest: new Float64Array(channels).fill(largest),
  };
}
