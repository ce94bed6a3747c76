/** Random nets of everything that folds, merges and moves, against onnxruntime. */
import { floats, ints, Net, scalar, weights } from './make';
import { agree, noise } from './runtime';

interface Value {
  name: string;
  c: number;
  h: number;
  w: number;
}

/** Grows a net of `length` nodes by picking an operator and earlier values at random. */
function grow(seed: number, length: number): Net {
  const next = noise(seed * 7919 + 13);
  for (let i = 0; i < 10; ++i) next();
  const pick = (n: number) => Math.min(n - 1, Math.floor(((next() + 1) / 2) * n));
  const net = new Net(['N', 4, 8, 6]);
  const values: Value[] = [{ name: 'x', c: 4, h: 8, w: 6 }];
  const steps: ((v: Value) => Value | undefined)[] = [
    (v) => ({ ...v, name: net.conv(v.name, 4, v.c, 3), c: 4 }),
    (v) => ({ ...v, name: net.add('Conv', [v.name, weights([6, v.c, 1, 1], seed)]), c: 6 }),
    (v) => ({ ...v, name: net.add('Relu', [v.name]) }),
    (v) => ({ ...v, name: net.add('Clip', [v.name, scalar(0), scalar(0.7)]) }),
    (v) => ({ ...v, name: net.add('Mul', [v.name, weights([v.c, 1, 1], seed + 1)]) }),
    (v) => ({ ...v, name: net.add('Add', [v.name, weights([1, v.c, 1, 1], seed + 2)]) }),
    (v) => ({ ...v, name: net.add('Sub', [scalar(0.5), v.name]) }),
    (v) => ({ ...v, name: net.add('Div', [v.name, scalar(1.5)]) }),
    (v) => ({
      ...v,
      name: net.add('BatchNormalization', [
        v.name,
        weights([v.c], seed + 3),
        weights([v.c], seed + 4),
        weights([v.c], seed + 5),
        floats(Array.from({ length: v.c }, (_, i) => 0.5 + i)),
      ]),
    }),
    (v) => ({ ...v, name: net.add('MaxPool', [v.name], { kernel_shape: [3, 3], pads: [1, 1, 1, 1] }) }),
    (v) => ({ ...v, name: net.add('AveragePool', [v.name], { kernel_shape: [3, 3], pads: [1, 1, 1, 1] }) }),
    (v) => ({ ...v, name: net.add('Transpose', [v.name], { perm: [0, 1, 3, 2] }), h: v.w, w: v.h }),
    (v) => ({ name: net.add('Transpose', [v.name], { perm: [0, 2, 1, 3] }), c: v.h, h: v.c, w: v.w }),
    (v) => ({ name: net.add('Reshape', [v.name, ints([1, v.h, v.c, v.w])]), c: v.h, h: v.c, w: v.w }),
    (v) => ({ ...v, name: net.add('Pad', [v.name, ints([0, 1, 0, 0, 0, 0, 0, 0])]), c: v.c + 1 }),
    (v) =>
      v.c < 3
        ? undefined
        : { ...v, name: net.add('Slice', [v.name, ints([v.c - 1]), ints([0]), ints([1]), ints([-1])]), c: v.c - 1 },
    (v) => {
      const z = net.add('Floor', [net.add('Add', [net.add('Div', [v.name, scalar(0.3)]), scalar(0.5)])]);
      return { ...v, name: net.add('Mul', [net.add('Clip', [z, scalar(0), scalar(4)]), scalar(Math.fround(0.3))]) };
    },
    (v) => {
      const other = values.find((u) => u !== v && u.c === v.c && u.h === v.h && u.w === v.w);
      return other && { ...v, name: net.add('Add', [v.name, other.name]) };
    },
    (v) => {
      const other = values.find((u) => u !== v && u.h === v.h && u.w === v.w);
      return other && { ...v, name: net.add('Concat', [other.name, v.name], { axis: 1 }), c: v.c + other.c };
    },
  ];
  while (values.length <= length) {
    // Mostly the latest value, so that chains form.
    const from = next() < 0.5 ? values[values.length - 1]! : values[pick(values.length)]!;
    const made = steps[pick(steps.length)]!(from);
    if (made && made.c <= 40) values.push(made);
  }
  return net;
}

test('random nets', async () => {
  const failed: string[] = [];
  for (let seed = 0; seed < 150; ++seed) {
    try {
      await agree(grow(seed, 4 + (seed % 14)).model(), 1, seed + 1);
    } catch (error) {
      failed.push(`seed ${seed}: ${(error as Error).message}`);
    }
  }
  // Sums in another order may lift a value over a floor on another processor; a wrong rewrite fails many.
  if (failed.length > 1) expect(failed).toEqual([]);
});
