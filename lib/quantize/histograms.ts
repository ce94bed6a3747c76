/** Distributions of activations, batch by batch: for a layer, and for each of its channels. */
import type { NativeChannelHistogram, NativeHistogram } from '../native';

export const CHANNEL_BINS = 1024;

const BINS = 32768;

/** Value in the middle of a bin: float32 whose upper 16 bits are the bin's number. */
export const CENTRES = (() => {
  const bits = new Uint32Array(BINS);
  for (let bin = 0; bin < BINS; bin++) bits[bin] = bin * 65536 + 32768;
  return Float64Array.from(new Float32Array(bits.buffer));
})();

/** Values above zero and how often they were seen, in increasing order. */
export interface Distribution {
  values: Float64Array;
  counts: Float64Array;
}

/** Both together, as one run over all their images would have counted. */
export function merge(a: NativeHistogram, b: NativeHistogram): NativeHistogram {
  return {
    positive: a.positive.map((n, i) => n + b.positive[i]!),
    nonPositive: a.nonPositive + b.nonPositive,
    max: Math.max(a.max, b.max),
    min: Math.min(a.min, b.min),
    nonFinite: a.nonFinite + b.nonFinite,
  };
}

/** Adds `b` to `a` in place: what leaves the window of eight octaves below a channel's largest value is forgotten. */
export function addChannels(a: NativeChannelHistogram, b: NativeChannelHistogram): void {
  for (let c = 0; c < a.first.length; c++) {
    const into = window(a, c);
    const from = window(b, c);
    const [mine, theirs] = [a.first[c]!, b.first[c]!];
    if (!from.some(Boolean)) continue;
    const first = into.some(Boolean) ? Math.max(mine, theirs) : theirs;
    if (first > mine) {
      into.copyWithin(0, first - mine);
      into.fill(0, Math.max(0, CHANNEL_BINS - (first - mine)));
    }
    a.first[c] = first;
    for (let i = Math.max(0, first - theirs); i < CHANNEL_BINS; i++) into[i - (first - theirs)]! += from[i]!;
  }
}

function window({ counts }: NativeChannelHistogram, channel: number): Uint32Array {
  return counts.subarray(channel * CHANNEL_BINS, (channel + 1) * CHANNEL_BINS);
}

export function distributionOf({ positive }: NativeHistogram): Distribution {
  return distribution(positive, 0);
}

export function channelDistribution(histogram: NativeChannelHistogram, channel: number): Distribution {
  return distribution(window(histogram, channel), histogram.first[channel]!);
}

function distribution(bins: ArrayLike<number>, first: number): Distribution {
  const values: number[] = [];
  const counts: number[] = [];
  for (let i = 0; i < bins.length; i++) {
    if (bins[i] === 0) continue;
    values.push(CENTRES[first + i]!);
    counts.push(bins[i]!);
  }
  return { values: Float64Array.from(values), counts: Float64Array.from(counts) };
}
