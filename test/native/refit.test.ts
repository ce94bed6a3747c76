/** The closed form against the plainest one: normal equations by loops over every index, Gaussian elimination in float64. */
import type { ConvNode, Shape, Window } from '../../lib/graph/network';
import { numel } from '../../lib/graph/network';
import type { ClipSearchOptions, Correction, NativeClipSearch, NativeRegression } from '../../lib/native';
import { addon } from '../../lib/native';
import { floats, input, integers, nodes, shape, slid, window } from './dense.nodes';

interface Case {
  input: Shape;
  channels: number;
  window: Window;
  groups: number;
  every: number;
}

function list({ input: from, channels, window: w, groups }: Case) {
  const out = slid(from, w, channels);
  const weight = new Float32Array((channels * from.c * w.kernel[0] * w.kernel[1]) / groups);
  return nodes(input(from), { op: 'conv', shape: out, inputs: [0], weight, bias: null, window: w, groups }, input(out));
}

function open(c: Case, isa?: string): NativeRegression {
  return new (addon().Regression)({
    nodes: list(c),
    outputs: [],
    conv: 1,
    residual: 2,
    target: 2,
    every: c.every,
    isa,
  });
}

/** Regressors of a group at an output position, and the constant. */
function regressors(conv: ConvNode, from: Shape, x: Float32Array, group: number, at: number): number[] {
  const { kernel, strides, pads, dilations } = conv.window;
  const [oy, ox] = [Math.floor(at / conv.shape.w), at % conv.shape.w];
  const perGroup = from.c / conv.groups;
  const row: number[] = [];
  for (let c = group * perGroup; c < (group + 1) * perGroup; c++)
    for (let i = 0; i < kernel[0]; i++)
      for (let j = 0; j < kernel[1]; j++) {
        const y = oy * strides[0] + i * dilations[0] - pads[0];
        const xx = ox * strides[1] + j * dilations[1] - pads[1];
        const inside = y >= 0 && y < from.h && xx >= 0 && xx < from.w;
        row.push(inside ? x[(c * from.h + y) * from.w + xx]! : 0);
      }
  return [...row, 1];
}

function eliminate(a: number[][], b: number[]): number[] {
  const n = b.length;
  const m = a.map((row, i) => [...row, b[i]!]);
  for (let k = 0; k < n; k++) {
    const pivot = m.slice(k).reduce((best, row, i) => (Math.abs(row[k]!) > Math.abs(m[best]![k]!) ? k + i : best), k);
    [m[k], m[pivot]] = [m[pivot]!, m[k]!];
    for (let i = 0; i < n; i++) {
      if (i === k) continue;
      const factor = m[i]![k]! / m[k]![k]!;
      for (let j = k; j <= n; j++) m[i]![j]! -= factor * m[k]![j]!;
    }
  }
  return m.map((row, i) => row[n]! / row[i]!);
}

function oracle(c: Case, x: Float32Array, e: Float32Array, images: number, ridge: number) {
  const conv = list(c)[1] as ConvNode;
  const plane = conv.shape.h * conv.shape.w;
  const perGroup = c.channels / c.groups;
  const weight: number[] = [];
  const bias: number[] = [];
  const every = Math.min(c.every, plane);
  let before = 0;
  let after = 0;
  for (let m = 0; m < c.channels; m++) {
    const rows: number[][] = [];
    const wanted: number[] = [];
    for (let image = 0; image < images; image++) {
      const pixels = x.subarray(image * numel(c.input), (image + 1) * numel(c.input));
      for (let at = image % every; at < plane; at += every) {
        rows.push(regressors(conv, c.input, pixels, Math.floor(m / perGroup), at));
        wanted.push(e[(image * c.channels + m) * plane + at]!);
      }
    }
    const n = rows[0]!.length;
    const gram = Array.from({ length: n }, (_, i) =>
      Array.from({ length: n }, (__, j) => rows.reduce((sum, row) => sum + row[i]! * row[j]!, 0)),
    );
    const trace = gram.slice(0, -1).reduce((sum, row, i) => sum + row[i]!, 0);
    for (let i = 0; i + 1 < n; i++) gram[i]![i]! += (ridge * trace) / (n - 1);
    const right = Array.from({ length: n }, (_, i) => rows.reduce((sum, row, r) => sum + row[i]! * wanted[r]!, 0));
    const solution = eliminate(gram, right);
    weight.push(...solution.slice(0, -1));
    bias.push(solution[n - 1]!);
    rows.forEach((row, r) => {
      before += wanted[r]! ** 2;
      after += (wanted[r]! - row.reduce((sum, v, i) => sum + v * solution[i]!, 0)) ** 2;
    });
  }
  return { weight, bias, before, after };
}

const cases: [string, Case][] = [
  ['padded 3×3', { input: shape(2, 7, 9), channels: 3, window: window(3, 1, 1), groups: 1, every: 1 }],
  [
    'strided, padded, every third position',
    { input: shape(3, 11, 12), channels: 5, window: window(3, 2, 1), groups: 1, every: 3 },
  ],
  ['grouped and dilated', { input: shape(4, 10, 10), channels: 6, window: window(3, 1, 2, 2), groups: 2, every: 1 }],
  ['depthwise', { input: shape(5, 8, 8), channels: 5, window: window(3, 2, 0), groups: 5, every: 2 }],
  [
    '1×1 with more than a tile of channels',
    { input: shape(19, 6, 6), channels: 21, window: window(1), groups: 1, every: 1 },
  ],
  ['a Gemm', { input: shape(13), channels: 4, window: window(1), groups: 1, every: 4 }],
];
const IMAGES = 20;

async function solved(c: Case, x: Float32Array, e: Float32Array, threads: number, cut: number): Promise<Correction> {
  const regression = open(c);
  const size = numel(list(c)[1]!.shape);
  for (let first = 0; first < IMAGES; first += cut) {
    const count = Math.min(cut, IMAGES - first);
    const part = (values: Float32Array, n: number) => values.slice(first * n, (first + count) * n);
    await regression.add([part(x, numel(c.input)), part(e, size)], count, { threads, first });
  }
  const result = await regression.solve({ ridge: 0.02, threads });
  regression.dispose();
  return result;
}

describe.each(cases)('least squares: %s', (_, c) => {
  const x = floats(IMAGES * numel(c.input), 5);
  const e = floats(IMAGES * numel(list(c)[1]!.shape), 7);

  test('the correction is that of brute force', async () => {
    const expected = oracle(c, x, e, IMAGES, 0.02);
    const result = await solved(c, x, e, 2, 16);
    const difference = (a: Float32Array, b: number[]) => Math.max(...b.map((v, i) => Math.abs(v - a[i]!)));
    expect(result.weight).toHaveLength(expected.weight.length);
    expect(difference(result.weight, expected.weight)).toBeLessThan(1e-5);
    expect(difference(result.bias, expected.bias)).toBeLessThan(1e-5);
    expect(result.target).toBe(result.before);
    expect(result.before / expected.before).toBeCloseTo(1, 5);
    expect(result.after / expected.after).toBeCloseTo(1, 5);
  });

  test('the same bits with 1, 2 and 3 threads, in batches of any size', async () => {
    const one = await solved(c, x, e, 1, IMAGES);
    expect(await solved(c, x, e, 2, 7)).toEqual(one);
    expect(await solved(c, x, e, 3, 1)).toEqual(one);
  });
});

test('what never varies is left alone: inputs of zero, and columns that others determine', async () => {
  const c = cases[0]![1];
  const e = floats(IMAGES * numel(list(c)[1]!.shape), 7);
  const { weight, bias } = await solved(c, new Float32Array(IMAGES * numel(c.input)), e, 2, 16);
  expect(weight.every((v) => v === 0)).toBe(true);
  expect(bias.every((v) => Number.isFinite(v) && v !== 0)).toBe(true);

  const twice: Case = { input: shape(2, 4, 4), channels: 1, window: window(1), groups: 1, every: 1 };
  const plane = integers(16, 3);
  const regression = open(twice);
  await regression.add([Float32Array.of(...plane, ...plane), plane], 1, { threads: 1, first: 0 });
  const exact = await regression.solve({ ridge: 0, threads: 1 });
  expect([...exact.weight].map((v) => Math.round(v * 1e6) / 1e6)).toEqual([1, 0]);
  expect(exact.after / exact.before).toBeLessThan(1e-6);
});

describe('the ridge that is not given', () => {
  const c: Case = { input: shape(9, 4, 4), channels: 3, window: window(1), groups: 1, every: 1 };
  const candidates = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10];
  const x = floats(4 * numel(c.input), 31);
  const of = (values: Float32Array, odd: number) =>
    Float32Array.from(
      [odd, odd + 2].flatMap((i) => [...values.slice((i * values.length) / 4, ((i + 1) * values.length) / 4)]),
    );
  /** Signal in the regressors by so much, and noise. */
  const residuals = (signal: number) =>
    floats(4 * 3 * 16, 32).map((noise, i) => {
      const [image, m, at] = [Math.floor(i / 48), Math.floor(i / 16) % 3, i % 16];
      return noise + signal * (x[(image * 9 + m) * 16 + at]! - x[(image * 9 + 8 - m) * 16 + at]!);
    });

  function heldOut(e: Float32Array, ridge: number): number {
    let error = 0;
    for (const odd of [0, 1]) {
      const { weight, bias } = oracle(c, of(x, odd), of(e, odd), 2, ridge);
      const [xs, es] = [of(x, 1 - odd), of(e, 1 - odd)];
      for (let image = 0; image < 2; image++)
        for (let m = 0; m < 3; m++)
          for (let at = 0; at < 16; at++) {
            let left = es[(image * 3 + m) * 16 + at]! - bias[m]!;
            for (let k = 0; k < 9; k++) left -= weight[m * 9 + k]! * xs[(image * 9 + k) * 16 + at]!;
            error += left ** 2;
          }
    }
    return error;
  }

  test.each([0, 0.3, 0.5, 1, 30])('explains held-out images best, by brute force: signal %f', async (signal) => {
    const e = residuals(signal);
    const errors = candidates.map((ridge) => heldOut(e, ridge));
    const best = candidates[errors.indexOf(Math.min(...errors))]!;
    for (const threads of [1, 2]) {
      const regression = open(c);
      await regression.add([x.slice(0, numel(c.input)), e.slice(0, 48)], 1, { threads, first: 0 });
      await regression.add([x.slice(numel(c.input)), e.slice(48)], 3, { threads, first: 1 });
      const chosen = await regression.solve({ threads });
      expect(chosen.ridge).toBe(best);
      expect(chosen).toEqual(await regression.solve({ ridge: best, threads }));
      regression.dispose();
    }
  });

  test('is strong for noise and weak for a clear signal', async () => {
    const errors = (signal: number) => candidates.map((ridge) => heldOut(residuals(signal), ridge));
    const best = (signal: number) => errors(signal).indexOf(Math.min(...errors(signal)));
    expect(best(0)).toBeGreaterThan(5);
    expect(best(30)).toBeLessThan(2);
  });
});

describe('begun anew', () => {
  const c = cases[1]![1];
  const x = floats(IMAGES * numel(c.input), 5);
  const [e1, e2] = [7, 8].map((seed) => floats(IMAGES * numel(list(c)[1]!.shape), seed));
  const description = { nodes: list(c), outputs: [], conv: 1, residual: 2, target: 2, every: c.every };

  test('the same bits as from the start', async () => {
    const regression = open(c);
    await regression.add([x, e1!], IMAGES, { threads: 2, first: 0 });
    const first = await regression.solve({ threads: 2 });
    for (const e of [e2!, e1!, e2!]) {
      regression.restart(description);
      await regression.add([x, e], IMAGES, { threads: 2, first: 0 });
    }
    const fresh = open(c);
    await fresh.add([x, e2!], IMAGES, { threads: 2, first: 0 });
    const again = await regression.solve({ threads: 2 });
    expect(again).toEqual(await fresh.solve({ threads: 2 }));
    expect(again).not.toEqual(first);
  });

  test('refused with another convolution, and nothing has changed then', async () => {
    const regression = open(c);
    const other: Case[] = [
      { ...c, channels: 4 },
      { ...c, window: window(3, 2, 2) },
      { ...c, input: shape(4, 11, 12) },
      { ...c, every: 2 },
    ];
    for (const wrong of other) {
      const nodesOf = { ...description, nodes: list(wrong), every: wrong.every };
      expect(() => regression.restart(nodesOf)).toThrow(expect.objectContaining({ code: 'ERR_CASC_ARGUMENT' }));
    }
    await regression.add([x, e1!], IMAGES, { threads: 2, first: 0 });
    // Nothing of it did any harm.
    expect(await regression.solve({ ridge: 0.02, threads: 2 })).toEqual(await solved(c, x, e1!, 1, IMAGES));
    regression.dispose();
    expect(() => regression.restart(description)).toThrow(expect.objectContaining({ code: 'ERR_CASC_DISPOSED' }));
  });
});

/* ---------------------------------------------------------------- clip values */

const sampled = shape(4, 8, 8);

function openSearch(every = 1, pooled = false): NativeClipSearch {
  const list2 = nodes(input(sampled), input(sampled));
  return new (addon().ClipSearch)({ nodes: list2, outputs: [], value: 0, wanted: 1, every, pooled });
}

const options: ClipSearchOptions = { levels: 5, shift: 0.5, shared: false, most: 1e9, threads: 2 };

function stairs(clip: number, { levels, shift }: ClipSearchOptions, value: number): number {
  const step = clip / levels;
  return step * Math.min(levels, Math.max(0, Math.floor(value / step + shift)));
}

/** Values and wanted ones of channel c, as 20 images have them. */
function pairs(every = 1) {
  const value = floats(20 * numel(sampled), 21, 3);
  const noise = floats(value.length, 22, 0.5);
  const wanted = value.map((v, i) => Math.max(0, v + noise[i]!) ** 2);
  const channel = (c: number) => {
    const taken: [number, number][] = [];
    for (let image = 0; image < 20; image++)
      for (let at = image % every; at < 64; at += every) {
        const i = image * 256 + c * 64 + at;
        taken.push([value[i]!, wanted[i]!]);
      }
    return taken;
  };
  return { value, wanted, channel };
}

test.each([1, 5])('clip values have the least error, by brute force (every %i)', async (every) => {
  const { value, wanted, channel } = pairs(every);
  const search = openSearch(every);
  await search.add([value, wanted], 20, { threads: 2, first: 0 });
  const { clips, error, energy, zero, top, sampled: count, stretch } = await search.search(options);
  for (let c = 0; c < 4; c++) {
    const taken = channel(c);
    const errorOf = (clip: number) => taken.reduce((sum, [v, w]) => sum + (stairs(clip, options, v) - w) ** 2, 0);
    expect(count).toBe(taken.length);
    expect(error[c]! / errorOf(clips[c]!)).toBeCloseTo(1, 6);
    expect(energy[c]).toBeCloseTo(
      taken.reduce((sum, [, w]) => sum + w * w, 0),
      3,
    );
    expect(zero[c]).toBe(taken.filter(([v]) => stairs(clips[c]!, options, v) === 0).length);
    expect(top[c]).toBe(taken.filter(([v]) => stairs(clips[c]!, options, v) >= clips[c]! * 0.999).length);
    const largest = Math.max(...taken.map(([v]) => v));
    const least = Math.min(...Array.from({ length: 200 }, (_, i) => errorOf((largest * (i + 1)) / 200)));
    expect(errorOf(clips[c]! / stretch) / least).toBeLessThan(1.01);
  }
  const shared = await search.search({ ...options, shared: true });
  expect(new Set(shared.clips).size).toBe(1);
  const capped = await search.search({ ...options, most: 0.5 });
  expect(Math.max(...capped.clips)).toBe(0.5);
});

test('clip values do not depend on threads or batches; a silent channel has the largest of the others', async () => {
  const { value, wanted } = pairs();
  for (const values of [value, wanted])
    for (let i = 0; i < values.length; i++) if (Math.floor(i / 64) % 4 === 2) values[i] = -Math.abs(values[i]!);
  wanted.forEach((v, i) => {
    wanted[i] = Math.max(0, v);
  });
  const all = openSearch();
  await all.add([value, wanted], 20, { threads: 1, first: 0 });
  const one = await all.search({ ...options, threads: 1 });
  const cut = openSearch();
  for (let first = 0; first < 20; first += 4) {
    const part = (values: Float32Array) => values.slice(first * 256, (first + 4) * 256);
    await cut.add([part(value), part(wanted)], 4, { threads: 3, first });
  }
  expect(await cut.search(options)).toEqual(one);
  expect(one.clips[2]).toBe(Math.max(...one.clips));
});

describe('clip values are stretched', () => {
  const stretches = [1, 1.1, 1.2, 1.35, 1.5, 1.75, 2];
  const COUNT = 12;
  const size = numel(sampled);
  const of = (values: Float32Array, image: number) => values.slice(image * size, (image + 1) * size);

  /** Images whose scales differ by so much. */
  function scaled(spread: number, twins = false) {
    const scale = floats(COUNT, 41, 1).map((v) => Math.exp(spread * v));
    const value = floats(COUNT * size, 42, 1).map((v, i) => v * scale[Math.floor(i / size)]!);
    if (twins) for (let k = 0; k < COUNT; k += 2) value.set(of(value, k), (k + 1) * size);
    return value;
  }

  async function search(value: Float32Array, pooled: boolean, numbers: number[], threads = 2) {
    const searching = openSearch(1, pooled);
    for (const first of numbers) {
      const image = of(value, first);
      await searching.add([image, image.map((v) => Math.max(0, v))], 1, { threads, first });
    }
    const result = await searching.search({ ...options, threads });
    searching.dispose();
    return result;
  }

  /** Squared error of these images with the clip values, of their means if pooled. */
  function errorOf(value: Float32Array, pooled: boolean, numbers: number[], clips: number[]): number {
    let total = 0;
    for (const image of numbers)
      for (let c = 0; c < 4; c++) {
        const errors = [...of(value, image).subarray(c * 64, (c + 1) * 64)].map(
          (v) => stairs(clips[c]!, options, v) - Math.max(0, v),
        );
        total += pooled ? errors.reduce((sum, e) => sum + e, 0) ** 2 : errors.reduce((sum, e) => sum + e * e, 0);
      }
    return total;
  }

  const all = Array.from({ length: COUNT }, (_, i) => i);
  const half = (odd: number) => all.filter((i) => i % 2 === odd);

  test.each([
    [0, false],
    [0.7, false],
    [1.5, false],
    [0, true],
    [0.7, true],
    [1.5, true],
  ])('by what is best for held-out images, by brute force: spread %f, pooled %p', async (spread, pooled) => {
    const value = scaled(spread);
    // A search that saw one half only has nothing to judge by, and stretches nothing.
    const seen = await Promise.all([0, 1].map((odd) => search(value, pooled, half(odd))));
    expect(seen.map(({ stretch }) => stretch)).toEqual([1, 1]);
    const errors = stretches.map((s) =>
      [0, 1].reduce(
        (sum, odd) =>
          sum +
          errorOf(
            value,
            pooled,
            half(1 - odd),
            [...seen[odd]!.clips].map((clip) => s * clip),
          ),
        0,
      ),
    );
    const { stretch, clips } = await search(value, pooled, all);
    expect(stretch).toBe(stretches[errors.indexOf(Math.min(...errors))]);
    expect(await search(value, pooled, all, 1)).toEqual(await search(value, pooled, all, 3));
    expect(clips.every((clip) => clip > 0)).toBe(true);
  });

  test('not where the halves are alike, but where images differ', async () => {
    expect((await search(scaled(1.5, true), false, all)).stretch).toBe(1);
    expect((await search(scaled(1.5), false, all)).stretch).toBeGreaterThan(1);
  });

  test('no images after a search', async () => {
    const searching = openSearch();
    const image = of(scaled(0), 0);
    await searching.add([image, image], 1, { threads: 1, first: 0 });
    await searching.search(options);
    await expect(searching.add([image, image], 1, { threads: 1, first: 1 })).rejects.toMatchObject({
      code: 'ERR_CASC_ARGUMENT',
      message: expect.stringContaining('after a search'),
    });
  });
});

/* ---------------------------------------------------------------- what is refused */

const c = cases[0]![1];
const size = numel(list(c)[1]!.shape);
const batch = (): [Float32Array[], number, { threads: number; first: number }] => [
  [floats(numel(c.input), 1), floats(size, 2)],
  1,
  { threads: 1, first: 0 },
];

test('NaN and infinity end in ERR_CASC_CALIBRATION', async () => {
  for (const place of [0, 1])
    for (const value of [Number.NaN, Infinity]) {
      const [inputs, count, rest] = batch();
      inputs[place]![3] = value;
      const regression = open(c);
      await regression.add(inputs, count, rest);
      await expect(regression.solve({ ridge: 0.01, threads: 1 })).rejects.toMatchObject({
        code: 'ERR_CASC_CALIBRATION',
      });
      const search = openSearch();
      const values = [floats(256, 1), floats(256, 2)];
      values[place]![200] = value;
      await search.add(values, 1, rest);
      await expect(search.search(options)).rejects.toMatchObject({ code: 'ERR_CASC_CALIBRATION' });
    }
  const silent = openSearch();
  await silent.add([new Float32Array(256).fill(-1), new Float32Array(256)], 1, { threads: 1, first: 0 });
  await expect(silent.search(options)).rejects.toThrow('never rose');
});

test('wrong arguments throw ERR_CASC_ARGUMENT and say which', async () => {
  const wrong = (call: () => unknown, text: string) => {
    expect(call).toThrow(
      expect.objectContaining({ code: 'ERR_CASC_ARGUMENT', message: expect.stringContaining(text) }),
    );
  };
  const { Regression, ClipSearch } = addon();
  const base = { nodes: list(c), outputs: [], conv: 1, residual: 2, target: 2, every: 1 };
  wrong(() => new Regression({ ...base, conv: 0 }), 'conv');
  wrong(() => new Regression({ ...base, conv: 3 }), 'conv');
  wrong(() => new Regression({ ...base, residual: 0 }), 'residual');
  wrong(() => new Regression({ ...base, target: 0 }), 'target');
  wrong(() => new Regression({ ...base, every: 0 }), 'every');
  wrong(() => new Regression(undefined as never), 'description');
  wrong(() => new ClipSearch({ nodes: list(c), outputs: [], value: 0, wanted: 2, every: 1, pooled: false }), 'wanted');
  wrong(
    () => new ClipSearch({ nodes: list(c), outputs: [], value: 0, wanted: 0, every: 1, pooled: 1 as never }),
    'pooled',
  );
  const regression = open(c);
  const [inputs, , rest] = batch();
  wrong(() => regression.add([inputs[0]!], 1, rest), 'inputs');
  wrong(() => regression.add([inputs[0]!, new Float32Array(size - 1)], 1, rest), 'inputs[1]');
  wrong(() => regression.add(inputs, -1, rest), 'images');
  wrong(() => regression.add(inputs, 1, { ...rest, threads: 0 }), 'threads');
  wrong(() => regression.add(inputs, 1, { ...rest, first: -1 }), 'first');
  wrong(() => regression.add(inputs, 1, { ...rest, abort: {} as never }), 'abort');
  wrong(() => regression.solve({ ridge: -1, threads: 1 }), 'ridge');
  wrong(() => regression.solve({ ridge: Number.NaN, threads: 1 }), 'ridge');
  const search = openSearch();
  wrong(() => search.search({ ...options, levels: 0 }), 'levels');
  wrong(() => search.search({ ...options, shift: 1 }), 'shift');
  wrong(() => search.search({ ...options, most: 0 }), 'most');
  wrong(() => search.search({ ...options, shared: 1 as never }), 'shared');
});

test('one call at a time; aborted, disposed of, and none at all', async () => {
  const regression = open(c);
  const many = 20_000;
  const running = regression.add([new Float32Array(many * numel(c.input)), new Float32Array(many * size)], many, {
    threads: 1,
    first: 0,
  });
  expect(() => regression.add(...batch())).toThrow(expect.objectContaining({ code: 'ERR_CASC_ARGUMENT' }));
  const again = { nodes: list(c), outputs: [], conv: 1, residual: 2, target: 2, every: c.every };
  expect(() => regression.restart(again)).toThrow('has not settled');
  await running;
  const flag = new (addon().AbortFlag)();
  flag.abort();
  const [inputs, count, rest] = batch();
  await expect(regression.add(inputs, count, { ...rest, abort: flag })).rejects.toMatchObject({
    code: 'ERR_CASC_ABORTED',
  });
  const solving = regression.solve({ ridge: 0.1, threads: 2 });
  regression.dispose();
  expect((await solving).weight).toHaveLength(54);
  expect(() => regression.solve({ ridge: 0.1, threads: 2 })).toThrow(
    expect.objectContaining({ code: 'ERR_CASC_DISPOSED' }),
  );
  const empty = await open(c).solve({ ridge: 0.1, threads: 2 });
  expect([...empty.weight, ...empty.bias].every((v) => v === 0)).toBe(true);
});
