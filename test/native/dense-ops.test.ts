import fc from 'fast-check';
import type { UnaryKind, Window } from '../../lib/graph/network';
import { numel } from '../../lib/graph/network';
import { addon } from '../../lib/native';
import type { BareNode } from './dense.nodes';
import { floats, input, integers, nodes, random, run, shape, slid, window } from './dense.nodes';
import { reference } from './dense.reference';

const isas = addon().info().found;
const extent = (max: number) => fc.integer({ min: 1, max });
const anyShape = fc.record({ c: extent(5), h: extent(7), w: extent(20) });

/** Runs `node` on `terms` inputs of one shape and compares it with the reference, bit for bit or to `digits`. */
async function same(node: BareNode, x: Float32Array[], relative = 0, isa?: string): Promise<void> {
  const from = node.op === 'route' || node.op.endsWith('pool') ? undefined : node.shape;
  const list = nodes(...x.map((values) => input(from ?? shape(values.length))), node);
  const y = await run(list, x, 1, {}, isa);
  compare(y, reference(list, x).at(-1)!, relative);
}

function compare(y: Float32Array, expected: ArrayLike<number>, relative = 0): void {
  expect(y).toHaveLength(expected.length);
  y.forEach((v, i) => {
    const want = Math.fround(expected[i]!);
    if (Number.isNaN(want)) expect(v).toBeNaN();
    else if (relative === 0 || !Number.isFinite(want)) expect(v + 0).toBe(want + 0);
    else expect(Math.abs(v - want)).toBeLessThanOrEqual(relative * Math.max(1e-3, Math.abs(want)));
  });
}

/** Values with the awkward ones among them. */
function awkward(length: number, seed: number): Float32Array {
  const values = floats(length, seed, 4);
  const special = [Number.NaN, Infinity, -Infinity, 0, -0, 1e-42, 3e38, -3e38, 0.5, 1.5, 2.5];
  const next = random(seed + 1);
  return values.map((v) => (next() < 0.3 ? special[Math.floor(next() * special.length)]! : v));
}

test('scale', () =>
  fc.assert(
    fc.asyncProperty(anyShape, fc.nat(), fc.boolean(), (s, seed, shifted) =>
      same(
        {
          op: 'scale',
          shape: s,
          inputs: [0],
          factor: floats(s.c, seed),
          shift: shifted ? floats(s.c, seed + 1) : null,
        },
        [awkward(numel(s), seed)],
      ),
    ),
  ));

test('add', () =>
  fc.assert(
    fc.asyncProperty(anyShape, fc.nat(), fc.integer({ min: 2, max: 11 }), async (s, seed, terms) => {
      const ids = Array.from({ length: terms }, (_, i) => i);
      await same(
        { op: 'add', shape: s, inputs: ids },
        ids.map((i) => floats(numel(s), seed + i)),
      );
    }),
  ));

test('add of one value to itself', async () => {
  const s = shape(3, 4, 5);
  for (const inputs of [
    [0, 0],
    [0, 0, 0],
    [0, 1, 0],
    [1, 0, 0, 1],
  ]) {
    const relu = { op: 'relu', shape: s, max: 2 } as const;
    const list = nodes(
      input(s),
      { ...relu, inputs: [0] },
      { ...relu, inputs: [0], max: 1 },
      {
        op: 'add',
        shape: s,
        inputs: inputs.map((i) => i + 1),
      },
    );
    const x = floats(numel(s), 3, 3);
    compare(await run(list, [x]), reference(list, [x]).at(-1)!);
  }
});

test('relu, also of NaN', () =>
  fc.assert(
    fc.asyncProperty(anyShape, fc.nat(), fc.constantFrom(0, 1, 6, Infinity), (s, seed, max) =>
      same({ op: 'relu', shape: s, inputs: [0], max }, [awkward(numel(s), seed)]),
    ),
  ));

describe.each(isas)('rounding to a grid (%s)', (isa) => {
  test('quant', () =>
    fc.assert(
      fc.asyncProperty(
        anyShape,
        fc.nat(),
        fc.constantFrom(1, 4, 8, 255),
        fc.boolean(),
        fc.array(fc.boolean(), { minLength: 3, maxLength: 3 }),
        (s, seed, levels, tiesToEven, perChannel) => {
          const next = random(seed);
          const array = (each: boolean | undefined, make: () => number) =>
            Float64Array.from({ length: each ? s.c : 1 }, make);
          const node: BareNode = {
            op: 'quant',
            shape: s,
            inputs: [0],
            levels,
            stepIn: array(perChannel[0], () => (next() < 0.5 ? 0.5 : 0.01 + next())),
            offset: array(perChannel[1], () => (next() < 0.5 ? 0 : next())),
            stepOut: array(perChannel[2], () => next()),
            tiesToEven,
          };
          return same(node, [awkward(numel(s), seed)], 0, isa);
        },
      ),
    ));

  test('the input grid rounds half to even and clips', async () => {
    const grid = { step: 0.25, lo: -3, hi: 4 };
    const x = Float32Array.of(0.125, 0.375, -0.125, -0.375, 9, -9, Number.NaN, 0.126, 1, Infinity);
    const list = nodes({ op: 'input', shape: shape(10), inputs: [], grid });
    compare(await run(list, [x], 1, {}, isa), [0, 0.5, 0, -0.5, 1, -0.75, Number.NaN, 0.25, 1, 1]);
    compare(await run(list, [x], 1, {}, isa), reference(list, [x])[0]!);
  });
});

const pooling = fc
  .record({
    s: anyShape,
    seed: fc.nat(),
    window: fc.record({
      kernel: fc.tuple(extent(4), extent(4)),
      strides: fc.tuple(extent(3), extent(3)),
      pads: fc.tuple(fc.nat(2), fc.nat(2), fc.nat(2), fc.nat(2)),
      dilations: fc.tuple(extent(2), extent(2)),
    }),
  })
  .filter(({ s, window: w }) => slid(s, w).h >= 1 && slid(s, w).w >= 1);

test('avgpool', () =>
  fc.assert(
    fc.asyncProperty(pooling, async ({ s, seed, window: w }) => {
      const to = slid(s, w);
      const list = nodes(input(s), {
        op: 'avgpool',
        shape: to,
        inputs: [0],
        window: w as Window,
        factor: floats(to.h * to.w, seed),
      });
      const x = integers(numel(s), seed, 100);
      compare(await run(list, [x]), reference(list, [x])[1]!);
    }),
  ));

test('maxpool, where no window is empty', () =>
  fc.assert(
    fc.asyncProperty(pooling, async ({ s, seed, window: w }) => {
      const list = nodes(input(s), { op: 'maxpool', shape: slid(s, w), inputs: [0], window: w as Window });
      const x = awkward(numel(s), seed);
      const empty = reference(list, [new Float32Array(x.length)])[1]!;
      if (Array.from(empty).includes(-Infinity)) {
        await expect(async () => run(list, [x])).rejects.toMatchObject({ code: 'ERR_CASC_ARGUMENT' });
      } else {
        compare(await run(list, [x]), reference(list, [x])[1]!);
      }
    }),
    { numRuns: 200 },
  ));

test('global average', async () => {
  const s = shape(9, 7, 5);
  const list = nodes(input(s), {
    op: 'avgpool',
    shape: shape(9),
    inputs: [0],
    window: { ...window(1), kernel: [7, 5] },
    factor: Float32Array.of(1 / 35),
  });
  const x = integers(numel(s), 1);
  compare(await run(list, [x]), reference(list, [x])[1]!);
});

test('route', () =>
  fc.assert(
    fc.asyncProperty(fc.array(extent(20), { minLength: 1, maxLength: 12 }), extent(60), fc.nat(), (sizes, n, seed) => {
      const total = sizes.reduce((a, b) => a + b);
      const next = random(seed);
      let at = 0;
      // Half the time the element after the last one, so that there are runs.
      const index = Int32Array.from({ length: n }, () => {
        at = next() < 0.5 ? at + 1 : Math.floor(next() * (total + 1)) - 1;
        if (at >= total) at = -1;
        return at;
      });
      return same(
        { op: 'route', shape: shape(n), inputs: sizes.map((_, i) => i), index },
        sizes.map((size, i) => floats(size, seed + i)),
      );
    }),
  ));

test.each<UnaryKind>(['sigmoid', 'tanh', 'exp', 'log', 'sqrt', 'abs', 'neg', 'relu', 'floor', 'round'])(
  '%s',
  async (kind) => {
    const x = Float32Array.of(-90, -3, -1, -0.1, 0, 1e-6, 0.3, 0.5, 1, 1.5, 2, 20, 87, Number.NaN, Infinity, -Infinity);
    await same({ op: 'unary', kind, shape: shape(x.length), inputs: [0] }, [x], 1e-6);
  },
);

test('softmax and its logarithm', () =>
  fc.assert(
    fc.asyncProperty(extent(4), extent(9), extent(4), fc.boolean(), fc.nat(), (outer, length, inner, log, seed) => {
      const x = floats(outer * length * inner, seed, seed % 2 ? 5 : 200);
      return same({ op: 'softmax', shape: shape(x.length), inputs: [0], outer, length, inner, log }, [x], 2e-6);
    }),
  ));

test('softmax of NaN is NaN, of large values is finite', async () => {
  const node: BareNode = { op: 'softmax', shape: shape(3), inputs: [0], outer: 1, length: 3, inner: 1, log: false };
  expect(Array.from(await run(nodes(input(shape(3)), node), [Float32Array.of(1, Number.NaN, 2)]))).toEqual([
    Number.NaN,
    Number.NaN,
    Number.NaN,
  ]);
  compare(await run(nodes(input(shape(3)), node), [Float32Array.of(3e38, -3e38, 3e38)]), [0.5, 0, 0.5]);
});
