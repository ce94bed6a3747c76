/** Clip values λ from distributions of a layer's activations. Loops over histogram bins, never over neurons. */
import { CascError } from '../errors';
import type { NativeChannelHistogram, NativeHistogram } from '../native';
import { CENTRES, channelDistribution, type Distribution, distributionOf } from './histograms';

/** Candidates of the search by squared error, as shares of the largest activation. */
const CANDIDATES = 400;
/** Of a channel; its neighbours are 1 % apart. */
const CHANNEL_CANDIDATES = 100;
/**
 * The smallest clip value of a channel, as a share of the layer's. Below it the channel hardly matters, while thresholds
 * so small would leave no bits for its weights.
 */
const SMALLEST_SHARE = 1 / 64;

/** The p-quantile of all activations, non-positive ones included; the paper's code uses 0.999. */
export function clipByPercentile(histogram: NativeHistogram, quantile: number): number {
  const total = histogram.positive.reduce((sum, n) => sum + n, histogram.nonPositive);
  let above = total * (1 - quantile);
  for (let bin = CENTRES.length - 1; bin >= 0; bin--) {
    const n = histogram.positive[bin]!;
    if (n > 0 && above < n) return Math.min(CENTRES[bin]!, histogram.max);
    above -= n;
  }
  return 0;
}

/** The λ up to `max` with the least squared error between an activation and (λ/Q)·clip(⌊Q·z/λ + φ⌋, 0, Q). */
export function clipByError(
  { values, counts }: Distribution,
  max: number,
  levels: number,
  shift: number,
  candidates = CANDIDATES,
): number {
  let best = 0;
  let least = Number.POSITIVE_INFINITY;
  for (let i = 1; i <= candidates; i++) {
    const clip = (max * i) / candidates;
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
  method: 'mse' | 'percentile';
  percentile: number;
  levels: number;
  shift: number;
}

/** Throws ERR_CASC_CALIBRATION where the layer saw nothing that could set a clip value. */
export function chooseClip(layer: string, histogram: NativeHistogram, options: ClipOptions): number {
  const { method, levels, shift, percentile } = options;
  if (histogram.nonFinite > 0) {
    throw new CascError(
      'ERR_CASC_CALIBRATION',
      `activation ${layer} became NaN or infinite on ${histogram.nonFinite} values of the calibration data; check the input scaling and the weights`,
      { node: layer },
    );
  }
  const clip =
    method === 'mse'
      ? clipByError(distributionOf(histogram), histogram.max, levels, shift)
      : clipByPercentile(histogram, percentile);
  if (!(clip > 0)) {
    throw new CascError(
      'ERR_CASC_CALIBRATION',
      `activation ${layer} never rose above zero on the calibration data, so no clip value can be chosen; use more or other images, or check the input scaling`,
      { node: layer },
    );
  }
  return clip;
}

/** λ of each channel by squared error, where `layer` is the λ of all of them, which silent channels take. */
export function chooseChannelClips(
  histogram: NativeChannelHistogram,
  layer: number,
  levels: number,
  shift: number,
): Float64Array {
  return Float64Array.from(histogram.first, (_, c) => {
    const distribution = channelDistribution(histogram, c);
    const largest = distribution.values.at(-1);
    if (largest === undefined) return layer;
    return Math.max(clipByError(distribution, largest, levels, shift, CHANNEL_CANDIDATES), layer * SMALLEST_SHARE);
  });
}
