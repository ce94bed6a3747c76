/** Rounding of a convolution's weights on its normal equations: against brute force, and what the result always is. */
import type { Shape, Window } from '../../lib/graph/network';
import { numel } from '../../lib/graph/network';
import type { NativeRegression, RoundOptions } from '../../lib/native';
import { addon } from '../../lib/native';
import { Random } from '../support/random';
import { floats, input, nodes, random, shape, slid, window } from './dense.nodes';

interface Case {
  input: Shape;
  channels: number;
  window: Window;
  groups: number;
}

const outputOf = ({ input: from, channels, window: w }: Case) => slid(from, w, channels);
const weightsOf = ({ input: from, channels, window: w, groups }: Case) =>
  (channels * from.c * w.kernel[0] * w.kernel[1]) / groups;

function open(c: Case): NativeRegression {
  const out = outputOf(c);
  const weight = new Float32Array(weightsOf(c));
  return new (addon().Regression)({
    nodes: nodes(
      input(c.input),
      { op: 'conv', shape: out, inputs: [0], weight, bias: null, window: c.window, groups: c.groups },
      input(out),
    ),
    outputs: [],
    conv: 1,
    residual: 2,
    target: 2,
    every: 1,
  });
}

async function fed(c: Case, x: Float32Array, images: number): Promise<NativeRegression> {
  const regression = open(c);
  await regression.add([x, new Float32Array(images * numel(outputOf(c)))], images, { threads: 2, first: 0 });
  return regression;
}

/** Steps by which the largest weight of each channel becomes `most`. */
function gridOf(weight: Float32Array, channels: number, unit: (i: number) => number, most: number) {
  const row = weight.length / channels;
  const largest = Float64Array.from({ length: channels }, (_, c) =>
    weight.subarray(c * row, (c + 1) * row).reduce((max, w, i) => Math.max(max, Math.abs(w) * unit(i)), 0),
  );
  return { step: largest.map((l) => l / most), largest };
}

const RIDGE = 0.01;
const ROWS = 60;
const MOST = 7;

/** So many inputs, which have a share in common, and a bias. */
function problem(inputs: number, seed: number, common: number) {
  const draw = new Random(seed);
  const unknowns = inputs + 1;
  const x = new Float32Array(ROWS * inputs);
  for (let r = 0; r < ROWS; r++) {
    const [shared] = draw.normal(1, common);
    const own = draw.normal(inputs, Math.sqrt(1 - common ** 2));
    for (let i = 0; i < inputs; i++) x[r * inputs + i] = shared! + own[i]! + 0.3;
  }
  const weight = draw.normal(inputs, 1);
  const bias = draw.normal(1, 1);
  const units = Float64Array.from(draw.normal(inputs, 0.5), (v) => 0.2 + Math.abs(v));
  const { step, largest } = gridOf(weight, 1, (i) => units[i]!, MOST);
  const options: RoundOptions = {
    ...{ weight, bias, units, step, largest, most: MOST, biasSteps: 1, ridge: RIDGE, threads: 1 },
  };
  const gram = Array.from({ length: unknowns }, (_, i) =>
    Array.from({ length: unknowns }, (__, j) => {
      let sum = 0;
      for (let r = 0; r < ROWS; r++)
        sum += (i < inputs ? x[r * inputs + i]! : 1) * (j < inputs ? x[r * inputs + j]! : 1);
      return sum;
    }),
  );
  const trace = gram.slice(0, -1).reduce((sum, row, i) => sum + row[i]!, 0);
  for (let i = 0; i < inputs; i++) gram[i]![i]! += (RIDGE * trace) / inputs;
  const original = [...weight, bias[0]!];
  const steps = [...units].map((unit) => step[0]! / unit);
  steps.push(step[0]!);
  const error = (values: readonly number[]) => {
    const d = values.map((v, i) => v - original[i]!);
    return gram.reduce((sum, row, i) => sum + d[i]! * row.reduce((part, g, j) => part + g * d[j]!, 0), 0);
  };
  return { x, inputs, options, original, steps, error };
}

/** Two multiples below and two above, of each unknown; the largest weight has none to choose from. */
function leastError({ options, original, steps, error }: ReturnType<typeof problem>): number {
  const inputs = original.length - 1;
  const choices = original.map((v, i) => {
    const most = i < inputs ? MOST : Infinity;
    if (i < inputs && Math.abs(v) * options.units[i]! >= options.largest[0]!) return [Math.sign(v) * MOST * steps[i]!];
    const below = Math.floor(v / steps[i]!);
    return [-1, 0, 1, 2].map((k) => Math.min(most, Math.max(-most, below + k)) * steps[i]!);
  });
  let least = Infinity;
  const visit = (values: number[]) => {
    if (values.length === choices.length) least = Math.min(least, error(values));
    else for (const choice of choices[values.length]!) visit([...values, choice]);
  };
  visit([]);
  return least;
}

const nearest = ({ original, steps }: ReturnType<typeof problem>) =>
  original.map((v, i) => Math.round(v / steps[i]!) * steps[i]!);

async function rounded(p: ReturnType<typeof problem>): Promise<number[]> {
  const regression = await fed({ input: shape(p.inputs), channels: 1, window: window(1), groups: 1 }, p.x, ROWS);
  const { weight, bias } = await regression.round(p.options);
  regression.dispose();
  return [...weight, ...bias];
}

test.each([
  ['nothing', 0, 1, 1.12],
  ['half', 0.7, 0.85, 1.17],
  ['all but a little', 0.98, 0.5, 1.9],
])('up to five inputs with %s in common: beside nearest rounding, and the best of all neighbours', async (...parts) => {
  const [, common, ofNearest, ofBest] = parts;
  const total = { nearest: 0, ours: 0, best: 0 };
  for (let seed = 1; seed <= 60; seed++) {
    const p = problem(2 + (seed % 4), seed, common);
    const scale = p.options.step[0]! ** 2;
    total.nearest += p.error(nearest(p)) / scale;
    total.ours += p.error(await rounded(p)) / scale;
    total.best += leastError(p) / scale;
  }
  expect(total.ours / total.nearest).toBeLessThan(ofNearest);
  expect(total.ours / total.best).toBeLessThan(ofBest);
});

test.each([
  ['nothing', 0, 0.75],
  ['half', 0.7, 0.5],
  ['all but a little', 0.98, 0.12],
])('thirty inputs with %s in common: the error beside nearest rounding', async (_, common, ofNearest) => {
  const total = { nearest: 0, ours: 0 };
  for (let seed = 1; seed <= 40; seed++) {
    const p = problem(30, seed, common);
    const scale = p.options.step[0]! ** 2;
    total.nearest += p.error(nearest(p)) / scale;
    total.ours += p.error(await rounded(p)) / scale;
  }
  expect(total.ours / total.nearest).toBeLessThan(ofNearest);
});

const cases: [string, Case][] = [
  ['padded 3×3', { input: shape(3, 6, 5), channels: 7, window: window(3, 1, 1), groups: 1 }],
  ['grouped, strided', { input: shape(6, 7, 7), channels: 4, window: window(3, 2, 1), groups: 2 }],
  ['depthwise', { input: shape(5, 6, 6), channels: 5, window: window(3, 1, 1), groups: 5 }],
  ['a Gemm', { input: shape(13), channels: 9, window: window(1), groups: 1 }],
];

/** A job with units by channel, and in the last channel but zeros. */
function job(c: Case, seed: number, most = 7): { options: RoundOptions; unit: (i: number, channel: number) => number } {
  const taps = c.window.kernel[0] * c.window.kernel[1];
  const perGroup = c.input.c / c.groups;
  const units = Float64Array.from(floats(c.input.c, seed), (v) => 0.1 + Math.abs(v));
  const unit = (i: number, channel: number) =>
    units[Math.floor((channel * c.groups) / c.channels) * perGroup + Math.floor(i / taps)]!;
  const weight = floats(weightsOf(c), seed + 1);
  const row = weight.length / c.channels;
  weight.fill(0, weight.length - row);
  const step = new Float64Array(c.channels);
  const largest = new Float64Array(c.channels);
  for (let m = 0; m < c.channels; m++) {
    const part = gridOf(weight.subarray(m * row, (m + 1) * row), 1, (i) => unit(i, m), most);
    [step[m], largest[m]] = [part.step[0]!, part.largest[0]!];
  }
  const options = { weight, bias: floats(c.channels, seed + 2), units, step, largest, most, biasSteps: 3 };
  return { options: { ...options, ridge: RIDGE, threads: 1 }, unit };
}

describe.each(cases)('%s', (_, c) => {
  const images = 12;
  const row = weightsOf(c) / c.channels;

  test.each([1, 2, 3, 4, 5])('integers no larger than allowed, biases on their steps (seed %i)', async (seed) => {
    // From 1, where hardly anything fits, to int16.
    const most = [1, 3, 7, 127, 32767][seed - 1]!;
    const { options, unit } = job(c, seed, most);
    const regression = await fed(c, floats(images * numel(c.input), seed + 9), images);
    const { weight, bias } = await regression.round(options);
    expect(weight).toHaveLength(options.weight.length);
    for (let m = 0; m < c.channels; m++) {
      const step = options.step[m]!;
      const values = [...weight.subarray(m * row, (m + 1) * row)];
      if (m === c.channels - 1) {
        expect(values.every((v) => v === 0)).toBe(true);
        expect(bias[m]).toBe(options.bias[m]);
        continue;
      }
      const whole = values.map((v, i) => (v * unit(i, m)) / step);
      // A millionth less than the integers, in float32.
      for (const v of whole) expect(Math.abs(v - Math.round(v))).toBeLessThan(1e-7 + 2e-6 * Math.abs(v));
      for (const v of whole) expect(Math.abs(v)).toBeLessThan(most);
      const old = [...options.weight.subarray(m * row, (m + 1) * row)];
      const top = old.findIndex((v, i) => Math.abs(v) * unit(i, m) === options.largest[m]);
      expect(Math.round(whole[top]!)).toBe(Math.sign(old[top]!) * most);
      const biasSteps = bias[m]! / (3 * step);
      expect(Math.abs(biasSteps - Math.round(biasSteps))).toBeLessThan(1e-6 * (1 + Math.abs(biasSteps)));
    }
    regression.dispose();
  });

  test('the same bits with 1, 2 and 3 threads, and the arguments as they were', async () => {
    const { options } = job(c, 7);
    const before = structuredClone(options);
    const regression = await fed(c, floats(images * numel(c.input), 8), images);
    const one = await regression.round(options);
    for (const threads of [2, 3]) expect(await regression.round({ ...options, threads })).toEqual(one);
    expect(options).toEqual(before);
    regression.dispose();
  });
});

test('without a largest weight all are rounded; none becomes larger than `most`', async () => {
  const c: Case = { input: shape(3), channels: 1, window: window(1), groups: 1 };
  const regression = await fed(c, floats(3 * 40, 5), 40);
  const options = {
    ...{ weight: Float32Array.of(3.4, -0.2, 90), bias: Float32Array.of(2.4), units: Float64Array.of(1) },
    ...{ step: Float64Array.of(1), largest: Float64Array.of(0), most: 5, biasSteps: 1, ridge: 1e6, threads: 1 },
  };
  // So strong a ridge makes it nearest rounding, but for the bias, which is free of it.
  const { weight } = await regression.round(options);
  expect([...weight].map((v) => Math.round(v) + 0)).toEqual([3, 0, 5]);
  expect(Math.abs(weight[2]!)).toBeLessThan(5);
});

test('equations that determine nothing: inputs of zero, none at all, and the same twice over', async () => {
  const c: Case = { input: shape(4), channels: 2, window: window(1), groups: 1 };
  const weight = Float32Array.of(0.9, -0.44, 0.31, 1, -1, 0.26, 0.5, 0.73);
  const grid = gridOf(weight, 2, () => 1, 4);
  const options = {
    ...{ weight, bias: Float32Array.of(0.3, -2.2), units: Float64Array.of(1), ...grid },
    ...{ most: 4, biasSteps: 1, ridge: 0, threads: 2 },
  };
  const quarters = (values: Float32Array) => [...values].map((v) => Math.round(v * 4) / 4 + 0);
  for (const images of [0, 30]) {
    const regression = await fed(c, new Float32Array(images * 4), images);
    const { weight: rounded, bias } = await regression.round(options);
    expect(quarters(rounded)).toEqual([1, -0.5, 0.25, 1, -1, 0.25, 0.5, 0.75]);
    expect(quarters(bias)).toEqual([0.25, -2.25]);
    regression.dispose();
  }
  // Inputs 1 and 2 are one and the same: what one rounds off, the other may take.
  const x = floats(4 * 50, 3);
  for (let r = 0; r < 50; r++) x[r * 4 + 2] = x[r * 4 + 1]!;
  const regression = await fed(c, x, 50);
  const { weight: rounded, bias } = await regression.round(options);
  expect([...rounded, ...bias].every(Number.isFinite)).toBe(true);
  for (const at of [0, 4]) {
    const sum = rounded[at + 1]! + rounded[at + 2]!;
    expect(Math.abs(sum - (weight[at + 1]! + weight[at + 2]!))).toBeLessThan(0.26);
  }
});

describe('refused', () => {
  const c = cases[1]![1];
  const spoil: [string, (o: RoundOptions) => Partial<RoundOptions>, RegExp][] = [
    ['a short weight', (o) => ({ weight: o.weight.slice(1) }), /weight and bias/],
    ['a long bias', () => ({ bias: new Float32Array(5) }), /weight and bias/],
    ['steps of other channels', () => ({ step: new Float64Array(3).fill(1) }), /grid/],
    ['a short list of largest weights', () => ({ largest: new Float64Array(0) }), /grid/],
    ['units of a group alone', () => ({ units: new Float64Array(3).fill(1) }), /grid/],
    ['a unit of 0', (o) => ({ units: o.units.map(() => 0) }), /units must be positive/],
    ['a unit that is NaN', (o) => ({ units: o.units.map(() => Number.NaN) }), /units must be positive/],
    ['a negative step', (o) => ({ step: o.step.map((s) => -s) }), /step/],
    ['an infinite step', (o) => ({ step: o.step.map(() => Infinity) }), /step/],
    ['a largest weight that is NaN', (o) => ({ largest: o.largest.map(() => Number.NaN) }), /largest/],
    ['most of 0', () => ({ most: 0 }), /most/],
    ['most beyond int16', () => ({ most: 40_000 }), /most/],
    ['a fractional number of bias steps', () => ({ biasSteps: 1.5 }), /biasSteps/],
    ['a negative ridge', () => ({ ridge: -1 }), /ridge/],
    ['no threads', () => ({ threads: 0 }), /threads/],
    ['weights of another type', () => ({ weight: new Float64Array(4) as never }), /weight/],
    ['no options', () => undefined as never, /weight|options|threads/],
  ];
  test.each(spoil)('%s', async (_, change, message) => {
    const regression = await fed(c, floats(3 * numel(c.input), 8), 3);
    const { options } = job(c, 7);
    const changes = change(options);
    const wrong = (changes === undefined ? undefined : { ...options, ...changes }) as RoundOptions;
    const call = async () => regression.round(wrong);
    await expect(call()).rejects.toMatchObject({
      code: 'ERR_CASC_ARGUMENT',
      message: expect.stringMatching(message),
    });
    expect((await regression.round(options)).bias).toHaveLength(4);
    regression.dispose();
    expect(() => regression.round(options)).toThrow(expect.objectContaining({ code: 'ERR_CASC_DISPOSED' }));
  });

  test('NaN in what was added, and an abort', async () => {
    const x = floats(3 * numel(c.input), 8);
    const { options } = job(c, 7);
    const abort = new (addon().AbortFlag)();
    abort.abort();
    const fine = await fed(c, x, 3);
    await expect(fine.round({ ...options, abort })).rejects.toMatchObject({ code: 'ERR_CASC_ABORTED' });
    x[5] = Number.NaN;
    const broken = await fed(c, x, 3);
    await expect(broken.round(options)).rejects.toMatchObject({ code: 'ERR_CASC_CALIBRATION' });
  });

  test('anything at all: it is refused or it works, and nothing crashes', async () => {
    const regression = await fed(c, floats(3 * numel(c.input), 8), 3);
    const junk = [undefined, null, '', -1, 0, 2, 1e9, Number.NaN, {}, [], new Float32Array(4), new Float64Array(4)];
    const next = random(1);
    for (let round = 0; round < 300; round++) {
      const options = { ...job(c, 7).options } as unknown as Record<string, unknown>;
      const keys = [...Object.keys(options), 'abort'];
      for (let i = 0; i < 2; i++)
        options[keys[Math.floor(next() * keys.length)]!] = junk[Math.floor(next() * junk.length)];
      const call = async () => regression.round(options as unknown as RoundOptions);
      const { weight } = await call().catch((error) => {
        expect(error.code).toBe('ERR_CASC_ARGUMENT');
        return { weight: new Float32Array(108) };
      });
      expect(weight).toHaveLength(108);
    }
  });
});
