import fc from 'fast-check';
import type { NetworkNode, Window } from '../../lib/graph/network';
import { numel } from '../../lib/graph/network';
import { addon } from '../../lib/native';
import { floats, input, integers, nodes, run, shape, slid, window } from './dense.nodes';
import { reference } from './dense.reference';

const isas = addon().info().found;

interface Case {
  c: number;
  m: number;
  groups: number;
  h: number;
  w: number;
  window: Window;
  bias: 'none' | 'channel' | 'map';
  seed: number;
}

const small = (max: number, min = 1) => fc.integer({ min, max });
const conv: fc.Arbitrary<Case> = fc
  .record({
    c: fc.oneof(small(4), fc.constantFrom(17, 40)),
    m: fc.oneof(small(8), fc.constantFrom(13, 33)),
    groups: small(4),
    h: small(12),
    w: fc.oneof(small(12), fc.constantFrom(17, 33, 40)),
    window: fc.record({
      kernel: fc.tuple(small(5), small(5)),
      strides: fc.tuple(small(3), small(4)),
      pads: fc.tuple(small(3, 0), small(3, 0), small(3, 0), small(3, 0)),
      dilations: fc.tuple(small(2), small(3)),
    }),
    bias: fc.constantFrom('none', 'channel', 'map'),
    seed: fc.nat(),
  })
  .map((made) => ({ ...made, c: made.c * made.groups, m: made.m * made.groups }) as Case)
  .filter((made) => {
    const out = slid(shape(made.c, made.h, made.w), made.window);
    return out.h >= 1 && out.w >= 1;
  });

function network(made: Case, values: typeof floats): { list: NetworkNode[]; x: Float32Array } {
  const from = shape(made.c, made.h, made.w);
  const to = slid(from, made.window, made.m);
  const biasLength = made.bias === 'map' ? numel(to) : made.m;
  const weights = (made.m * made.c * made.window.kernel[0] * made.window.kernel[1]) / made.groups;
  const list = nodes(input(from), {
    op: 'conv',
    shape: to,
    inputs: [0],
    weight: values(weights, made.seed),
    bias: made.bias === 'none' ? null : values(biasLength, made.seed + 1),
    window: made.window,
    groups: made.groups,
  });
  return { list, x: values(numel(from), made.seed + 2) };
}

/** The largest difference, relative to `magnitude`. */
function worst(y: Float32Array, expected: ArrayLike<number>, magnitude: ArrayLike<number>): number {
  return y.reduce((most, v, i) => Math.max(most, Math.abs(v - expected[i]!) / (magnitude[i]! || 1)), 0);
}

describe.each(isas)('conv (%s)', (isa) => {
  test('is exact on whole numbers, whatever the geometry', async () => {
    await fc.assert(
      fc.asyncProperty(conv, async (made) => {
        const { list, x } = network(made, integers);
        const y = await run(list, [x], 1, {}, isa);
        expect(Array.from(y, (v) => v + 0)).toEqual(Array.from(reference(list, [x])[1]!, (v) => v + 0));
      }),
      { numRuns: 250 },
    );
  });

  test('is within 1e-5 of float64, relative to the sum of absolute products', async () => {
    await fc.assert(
      fc.asyncProperty(conv, async (made) => {
        const { list, x } = network(made, floats);
        const y = await run(list, [x], 1, {}, isa);
        expect(worst(y, reference(list, [x])[1]!, reference(list, [x], 1)[1]!)).toBeLessThanOrEqual(1e-5);
      }),
      { numRuns: 100 },
    );
  });

  test.each([
    ['several depth blocks', { c: 100, m: 20, groups: 1, h: 6, w: 7, window: window(3, 1, 1) }],
    ['several panel blocks', { c: 3, m: 7, groups: 1, h: 20, w: 23, window: window(3, 1, 1) }],
    ['a wide depthwise row', { c: 3, m: 3, groups: 3, h: 3, w: 71, window: window(3, 1, 1) }],
    ['a fully connected layer', { c: 333, m: 37, groups: 1, h: 1, w: 1, window: window(1) }],
    ['a column', { c: 5, m: 6, groups: 1, h: 50, w: 1, window: { ...window(1), kernel: [3, 1] } as Window }],
  ])('%s', async (_, made) => {
    for (const bias of ['channel', 'map'] as const) {
      const { list, x } = network({ ...made, bias, seed: 5 }, integers);
      const y = await run(list, [x], 1, {}, isa);
      expect(Array.from(y)).toEqual(Array.from(reference(list, [x])[1]!));
    }
  });

  test('NaN and infinity stay in the windows that see them', async () => {
    const { list, x } = network(
      { c: 2, m: 8, groups: 1, h: 9, w: 9, window: window(3), bias: 'none', seed: 1 },
      floats,
    );
    x[0] = Number.NaN;
    const y = await run(list, [x], 1, {}, isa);
    expect(y.filter(Number.isNaN)).toHaveLength(8);
  });
});

test('the instruction sets agree within 1e-5', async () => {
  await fc.assert(
    fc.asyncProperty(conv, async (made) => {
      const { list, x } = network(made, floats);
      const magnitude = reference(list, [x], 1)[1]!;
      const [first, ...others] = await Promise.all(isas.map((isa) => run(list, [x], 1, {}, isa)));
      for (const other of others) expect(worst(other, first!, magnitude)).toBeLessThanOrEqual(1e-5);
    }),
    { numRuns: 60 },
  );
});
