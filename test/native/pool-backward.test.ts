/** The way back through a maximum, against loops over every window: to the first of the largest, pads aside. */
import { numel, type Shape, type Window } from '../../lib/graph/network';
import { addon, type BlockDescription } from '../../lib/native';
import { floats, input, integers, nodes, random, shape, slid, window } from './dense.nodes';

/** Where each window first has its maximum; −1 for one that sees pads alone. */
function firstLargest(x: Float32Array, from: Shape, w: Window): number[] {
  const out = slid(from, w);
  const places: number[] = [];
  for (let c = 0; c < out.c; c++)
    for (let y = 0; y < out.h; y++)
      for (let xx = 0; xx < out.w; xx++) {
        let best = -1;
        for (let i = 0; i < w.kernel[0]; i++)
          for (let j = 0; j < w.kernel[1]; j++) {
            const row = y * w.strides[0] + i * w.dilations[0] - w.pads[0];
            const column = xx * w.strides[1] + j * w.dilations[1] - w.pads[1];
            if (row < 0 || row >= from.h || column < 0 || column >= from.w) continue;
            const at = (c * from.h + row) * from.w + column;
            if (best < 0 || x[at]! > x[best]!) best = at;
          }
        places.push(best);
      }
  return places;
}

/**
 * Input → 1×1 convolution by 1 with a bias for every element → maximum. The loss's gradient by these biases is what comes
 * back through the maximum; target by target it is known.
 */
function block(from: Shape, w: Window): BlockDescription {
  const weight = new Float32Array(from.c).fill(1);
  const conv = { op: 'conv' as const, shape: from, inputs: [0], weight, bias: new Float32Array(numel(from)) };
  return {
    nodes: nodes(
      input(from),
      { ...conv, window: window(1), groups: from.c },
      { op: 'maxpool', shape: slid(from, w), inputs: [1], window: w },
    ),
    outputs: [2],
    units: [Float64Array.of(1)],
    reach: Float64Array.of(4),
    rounding: [],
    most: 127,
    levels: 4,
    schedule: { iterations: 1, batch: 1, rates: { weight: 0, bias: 0, step: 0 }, drop: 0, seed: 1 },
  };
}

async function check(from: Shape, w: Window, seed: number): Promise<void> {
  const out = slid(from, w);
  // Few values, so that most windows have their maximum several times.
  const x = integers(numel(from), seed, 2);
  const places = firstLargest(x, from, w);
  const targets = floats(numel(out), seed + 1, 3);
  const trainer = new (addon().BlockTrainer)(block(from, w));
  const { parameters } = await trainer.gradient({ inputs: [x], targets: [targets], images: 1 }, { threads: 1 });
  trainer.dispose();
  const mean = targets.reduce((sum, t) => sum + t, 0) / targets.length;
  const variance = targets.reduce((sum, t) => sum + (t - mean) ** 2, 0) / targets.length;
  const slope = 2 / (variance > 0 ? variance : 1) / targets.length;
  const expected = new Float64Array(numel(from));
  places.forEach((at, o) => {
    expected[at]! += slope * (x[at]! - targets[o]!);
  });
  const got = parameters.find(({ kind }) => kind === 'bias')!.values;
  const size = Math.max(...expected.map(Math.abs));
  got.forEach((value, i) => {
    if (!(Math.abs(value - expected[i]!) <= 1e-4 * size)) throw new Error(`element ${i}: ${value}, not ${expected[i]}`);
  });
}

const of = (changes: Partial<Window>): Window => ({ ...window(3, 2, 1), ...changes });

test.each<[string, Shape, Window]>([
  ['as in most nets', shape(2, 8, 8), window(2, 2)],
  ['overlapping, padded', shape(3, 9, 7), window(3, 1, 1)],
  ['overlapping, strided', shape(2, 11, 10), window(3, 2, 1)],
  ['gaps between windows', shape(2, 11, 10), window(2, 4)],
  ['dilated', shape(2, 11, 10), window(3, 1, 2, 2)],
  ['dilated, strided, pads that no tap hits from the edge', shape(1, 12, 9), window(2, 3, 2, 3)],
  ['pads on one side', shape(2, 6, 6), of({ pads: [0, 2, 1, 0] })],
  ['one row', shape(3, 1, 16), of({ kernel: [1, 4], pads: [0, 3, 0, 1] })],
  ['the whole plane', shape(2, 5, 6), of({ kernel: [5, 6], strides: [1, 1], pads: [0, 0, 0, 0] })],
  ['every window in the pads but for a corner', shape(2, 3, 4), window(4, 1, 3)],
])('%s', async (_, from, w) => {
  for (let seed = 1; seed <= 5; seed++) await check(from, w, seed);
});

test('any window; one that sees pads alone is refused', async () => {
  const next = random(17);
  const below = (n: number) => Math.floor(next() * n);
  let checked = 0;
  let refused = 0;
  for (let seed = 1; seed <= 300; seed++) {
    const from = shape(1 + below(3), 1 + below(9), 1 + below(9));
    const w: Window = {
      kernel: [1 + below(4), 1 + below(4)],
      strides: [1 + below(4), 1 + below(4)],
      pads: [below(5), below(5), below(5), below(5)],
      dilations: [1 + below(3), 1 + below(3)],
    };
    const out = slid(from, w);
    if (out.h < 1 || out.w < 1) continue;
    if (firstLargest(new Float32Array(numel(from)), from, w).includes(-1)) {
      await expect(check(from, w, seed)).rejects.toMatchObject({ code: 'ERR_CASC_ARGUMENT' });
      refused++;
      continue;
    }
    await check(from, w, seed);
    checked++;
  }
  expect(checked).toBeGreaterThan(50);
  expect(refused).toBeGreaterThan(20);
});
