import type { NativeChannelHistogram, NativeHistogram } from '../../lib/native';
import { chooseChannelClips, chooseClip, clipByError, clipByPercentile } from '../../lib/quantize/clip-values';
import { addChannels, distributionOf } from '../../lib/quantize/histograms';
import { Random } from '../support/random';

function histogramOf(values: ArrayLike<number>): NativeHistogram {
  const floats = Float32Array.from(values);
  const bits = new Uint32Array(floats.buffer);
  const positive = new Float64Array(32768);
  let nonPositive = 0;
  floats.forEach((value, i) => {
    if (value > 0) positive[bits[i]! >>> 16]!++;
    else nonPositive++;
  });
  return { positive, nonPositive, max: Math.max(...floats), min: Math.min(...floats), nonFinite: 0 };
}

const values = Array.from(new Random(1).normal(20000), Math.abs);
const options = { method: 'mse', percentile: 0.999, levels: 8, shift: 0.5 } as const;

test('the percentile is the quantile of all values, to the width of a bin', () => {
  const sorted = [...values].sort((a, b) => a - b);
  for (const p of [0.5, 0.9, 0.99, 0.999]) {
    const exact = sorted[Math.ceil(p * sorted.length) - 1]!;
    expect(Math.abs(clipByPercentile(histogramOf(values), p) / exact - 1)).toBeLessThan(1 / 64);
  }
  expect(clipByPercentile(histogramOf(values), 1)).toBeCloseTo(sorted.at(-1)!, 1);
});

test('the clip value of least squared error beats its neighbours on the values themselves', () => {
  const error = (clip: number, levels: number, shift: number) =>
    values.reduce((sum, z) => {
      const step = clip / levels;
      return sum + (z - Math.max(0, Math.min(levels, Math.floor(z / step + shift))) * step) ** 2;
    }, 0);
  for (const levels of [2, 4, 8, 32]) {
    for (const shift of [0, 0.5]) {
      const best = clipByError(distributionOf(histogramOf(values)), Math.max(...values), levels, shift);
      for (const factor of [0.8, 0.9, 1.1, 1.25]) {
        expect(error(best, levels, shift)).toBeLessThan(error(best * factor, levels, shift) * 1.001);
      }
    }
  }
});

test('a layer that never fires and one that explodes are refused by name', () => {
  expect(() => chooseClip('/relu3', histogramOf([-1, 0, -2]), options)).toThrow(
    /\/relu3 never rose above zero.*use more/,
  );
  const broken = { ...histogramOf([1, 2]), nonFinite: 3 };
  expect(() => chooseClip('/relu3', broken, options)).toThrow(/\/relu3 became NaN or infinite on 3 values/);
});

function channelsOf(channels: number[][]): NativeChannelHistogram {
  const counts = new Uint32Array(channels.length * 1024);
  const first = new Int32Array(channels.length);
  channels.forEach((list, c) => {
    const { positive } = histogramOf(list);
    const last = positive.reduce((found, n, bin) => (n > 0 ? bin : found), -1);
    if (last < 0) return;
    first[c] = (Math.floor(last / 128) - 7) * 128;
    for (let i = 0; i < 1024; i++) counts[c * 1024 + i] = positive[first[c]! + i] ?? 0;
  });
  return { counts, first };
}

test('channels of two batches add up to those of one', () => {
  const random = new Random(4);
  const draw = (scale: number) => Array.from(random.normal(500, scale));
  const batches = [
    [draw(1), draw(1e-3), [-1], draw(1), [-1]],
    [draw(1), draw(10), draw(1), draw(1e-4), [-2]],
  ];
  for (const order of [batches, [...batches].reverse()]) {
    const total = channelsOf(order[0]!);
    addChannels(total, channelsOf(order[1]!));
    expect(total).toEqual(channelsOf(order[0]!.map((list, c) => [...list, ...order[1]![c]!])));
  }
});

test('a channel gets the clip value of its own values; a silent one that of the layer', () => {
  const channels = [values, values.map((v) => v / 10), [-1, 0], values.map((v) => v / 1e5)];
  const clips = chooseChannelClips(channelsOf(channels), 3, 8, 0.5);
  expect(clips[0]! / clipByError(distributionOf(histogramOf(values)), Math.max(...values), 8, 0.5)).toBeCloseTo(1, 1);
  expect((10 * clips[1]!) / clips[0]!).toBeCloseTo(1, 1);
  expect(clips[2]).toBe(3);
  expect(clips[3]).toBe(3 / 64);
});
