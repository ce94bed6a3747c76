/** Clip values λ from a histogram of a layer's activations. Loops over histogram bins, never over neurons. */
import { CascError } from '../errors';
import type { NativeHistogram } from '../native';

export type ClipMethod = 'mse' | 'percentile';

const BINS = 32768;
/** Candidates of the search by squared error, as shares of the largest activation. */
const CANDIDATES = 400;

/** Value in the middle of a bin: float32 whose upper 16 bits are the bin's number. */
const CENTRES = (() => {
  const bits = new Uint32Array(BINS);
  for (let bin = 0; bin < BINS; bin++) bits[bin] = bin * 65536 + 32768;
  return Float64Array.from(new Float32Array(bits.buffer));
})();

/** The p-quantile of all activations, non-positive ones included; the paper's code uses 0.999. */
export function clipByPercentile(histogram: NativeHistogram, quantile: number): number {
  const total = histogram.positive.reduce((sum, n) => sum + n, histogram.nonPositive);
  let above = total * (1 - quantile);
  for (let bin = BINS - 1; bin >= 0; bin--) {
    const n = histogram.positive[bin]!;
    if (n > 0 && above < n) return Math.min(CENTRES[bin]!, histogram.max);
    above -= n;
  }
  return 0;
}

/** The λ with the least squared error between an activation and (λ/Q)·clip(⌊Q·z/λ + φ⌋, 0, Q). */
export function clipByError(histogram: NativeHistogram, levels: number, shift: number): number {
  const values: number[] = [];
  const counts: number[] = [];
  for (let bin = 0; bin < BINS; bin++) {
    if (histogram.positive[bin]! > 0) {
      values.push(CENTRES[bin]!);
      counts.push(histogram.positive[bin]!);
    }
  }
  let best = 0;
  let least = Number.POSITIVE_INFINITY;
  for (let i = 1; i <= CANDIDATES; i++) {
    const clip = (histogram.max * i) / CANDIDATES;
    const step = clip / levels;
    let error = 0;
    for (let b = 0; b < values.length && error < least; b++) {
      const level = Math.min(levels, Math.floor(values[b]! / step + shift));
      error += counts[b]! * (values[b]! - level * step) ** 2;
    }
    if (error < least) {
      least = error;
      best = clip;
    }
  }
  return best;
}

export interface ClipOptions {
  method: ClipMethod;
  percentile: number;
  levels: number;
  shift: number;
}

/** Throws ERR_CASC_CALIBRATION where the layer saw nothing that could set a clip value. */
export function chooseClip(layer: string, histogram: NativeHistogram, options: ClipOptions): number {
  if (histogram.nonFinite > 0) {
    throw new CascError(
      'ERR_CASC_CALIBRATION',
      `activation ${layer} became NaN or infinite on ${histogram.nonFinite} values of the calibration data; check the input scaling and the weights`,
      { node: layer },
    );
  }
  const clip =
    options.method === 'mse'
      ? clipByError(histogram, options.levels, options.shift)
      : clipByPercentile(histogram, options.percentile);
  if (!(clip > 0)) {
    throw new CascError(
      'ERR_CASC_CALIBRATION',
      `activation ${layer} never rose above zero on the calibration data, so no clip value can be chosen; use more or other images, or check the input scaling`,
      { node: layer },
    );
  }
  return clip;
}
