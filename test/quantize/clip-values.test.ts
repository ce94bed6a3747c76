import type { NativeHistogram } from '../../lib/native';
import { chooseClip, clipByError, clipByPercentile } from '../../lib/quantize/clip-values';
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

const values = new Random(1).normal(20000).map(Math.abs);
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
      const best = clipByError(histogramOf(values), levels, shift);
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
