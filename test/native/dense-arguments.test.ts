import fc from 'fast-check';
import type { NativeDensePlan } from '../../lib/native';
import { addon } from '../../lib/native';
import type { BareNode } from './dense.nodes';
import { floats, input, nodes, plan, shape, window } from './dense.nodes';

const s = shape(2, 3, 3);
const good: BareNode[] = [
  {
    op: 'conv',
    shape: s,
    inputs: [0],
    weight: floats(36, 1),
    bias: floats(2, 1),
    window: window(3, 1, 1),
    groups: 1,
  },
  { op: 'scale', shape: s, inputs: [0], factor: floats(2, 1), shift: floats(2, 1) },
  { op: 'add', shape: s, inputs: [0, 0] },
  { op: 'avgpool', shape: s, inputs: [0], window: window(3, 1, 1), factor: floats(9, 1) },
  { op: 'maxpool', shape: s, inputs: [0], window: window(3, 1, 1) },
  { op: 'route', shape: s, inputs: [0], index: new Int32Array(18) },
  { op: 'relu', shape: s, inputs: [0], max: 1 },
  {
    op: 'quant',
    shape: s,
    inputs: [0],
    levels: 4,
    stepIn: Float64Array.of(1),
    offset: Float64Array.of(0),
    stepOut: Float64Array.of(1),
    tiesToEven: false,
  },
  { op: 'unary', shape: s, inputs: [0], kind: 'exp' },
  { op: 'softmax', shape: s, inputs: [0], outer: 1, length: 18, inner: 1, log: false },
];
const byOp = Object.fromEntries(good.map((node) => [node.op, node]));

const refused = (text: string | RegExp) =>
  expect.objectContaining({ code: 'ERR_CASC_ARGUMENT', message: expect.stringMatching(text) });

/** The network input → node, with some of the node's fields replaced. */
const build = (op: string, change: object) => () => plan(nodes(input(s), { ...byOp[op], ...change } as BareNode));

describe('a description is refused, by the node’s name, where', () => {
  test.each<[string, string, object, RegExp]>([
    ['the operator is unknown', 'relu', { op: 'gelu', name: 'x' }, /node "x".*gelu/],
    ['an input is the node itself', 'relu', { inputs: [1] }, /node "relu1".*earlier node/],
    ['an input is missing', 'relu', { inputs: [] }, /node "relu1".*1 input/],
    ['there are too many inputs', 'conv', { inputs: [0, 0] }, /one input/],
    ['an input is no index', 'relu', { inputs: [0.5] }, /inputs\[0\].*whole number/],
    ['an add has one input', 'add', { inputs: [0] }, /two or more/],
    ['the shape is not of whole numbers', 'relu', { shape: { c: 2, h: 1.5, w: 3 } }, /shape: h/],
    ['the shape is too large', 'relu', { shape: { c: 65536, h: 65536, w: 1 } }, /shape/],
    ['the shapes differ', 'relu', { shape: shape(3, 3, 2) }, /expected the output's shape 3×3×2/],
    ['the weight has another type', 'conv', { weight: new Float64Array(36) }, /weight: expected a Float32Array/],
    ['the weight has another length', 'conv', { weight: new Float32Array(35) }, /length of weight/],
    ['the bias has another length', 'conv', { bias: new Float32Array(3) }, /length of bias/],
    ['the bias is empty', 'conv', { bias: new Float32Array(0) }, /bias: is empty/],
    ['the groups do not divide', 'conv', { groups: 3 }, /groups/],
    ['the window does not give the shape', 'conv', { window: window(3) }, /output height of 1 but the shape says 3/],
    ['the window does not fit', 'conv', { window: window(9) }, /output height of 0/],
    ['a stride is zero', 'conv', { window: window(3, 0, 1) }, /strides\[0\]/],
    ['a pad is negative', 'maxpool', { window: { ...window(3), pads: [-1, 0, 0, 0] } }, /pads\[0\]/],
    ['a window is half given', 'maxpool', { window: { kernel: [3] } }, /kernel/],
    ['a pool changes channels', 'maxpool', { shape: shape(1, 3, 3) }, /channels/],
    ['the factor has another length', 'avgpool', { factor: new Float32Array(3) }, /factor has 3 elements/],
    ['an index is too large', 'route', { index: new Int32Array(18).fill(18) }, /index 18/],
    ['an index is below −1', 'route', { index: new Int32Array(18).fill(-2) }, /index -2/],
    ['max is NaN', 'relu', { max: Number.NaN }, /max/],
    ['levels is zero', 'quant', { levels: 0 }, /levels/],
    ['stepIn is zero in float32', 'quant', { stepIn: Float64Array.of(1e-60) }, /stepIn/],
    ['offset is NaN', 'quant', { offset: Float64Array.of(Number.NaN) }, /offset/],
    ['stepIn has another length', 'quant', { stepIn: new Float64Array(3).fill(1) }, /1 or C/],
    ['a unary kind is unknown', 'unary', { kind: 'cosh' }, /cosh/],
    ['a softmax does not cover', 'softmax', { length: 17 }, /outer · length · inner/],
    ['log is no boolean', 'softmax', { log: 1 }, /log: expected true or false/],
    ['a grid has no step', 'relu', { op: 'input', inputs: [], grid: { step: 0, lo: 0, hi: 1 } }, /grid.step/],
  ])('%s', (_, op, change, message) => {
    expect(build(op, change)).toThrow(refused(message));
  });

  test('there is none, or its parts are missing', () => {
    const { DensePlan } = addon();
    for (const wrong of [
      undefined,
      null,
      1,
      {},
      { nodes: [] },
      { nodes: [], outputs: [] },
      { nodes: [null], outputs: [] },
    ])
      expect(() => new DensePlan(wrong as never)).toThrow(refused(/./));
    expect(() => plan(nodes(input(s)), [1])).toThrow(refused('output'));
    expect(() => plan(nodes(input(s)), [0], 'mmx')).toThrow(expect.objectContaining({ code: 'ERR_CASC_ISA' }));
  });

  test('it is wrong in a random way: an error or a plan, never a crash', async () => {
    const junk = fc.oneof(
      fc.constantFrom(undefined, null, -1, 0, 1, 2, 3, 1e9, 2 ** 31, 0.5, Number.NaN, Infinity, '', 'x', true),
      fc.constantFrom([], [0], [0, 0], [1, 2], [1 << 24, 1 << 24], [1, 1, 1, 1], [9, 9, 9, 9]),
      fc.constantFrom(new Float32Array(18), new Float64Array(2), new Int32Array(18), new Float32Array(0), {}),
    );
    const fields = ['kernel', 'strides', 'pads', 'dilations', 'c', 'h', 'w'];
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...good), fc.nat(), fc.nat(), junk, async (node, which, inner, value) => {
        const keys = Object.keys(node);
        const key = keys[which % keys.length]!;
        const old = (node as unknown as Record<string, unknown>)[key];
        const nested = (key === 'window' || key === 'shape') && inner % 8 < 7;
        const changed = { ...node, [key]: nested ? { ...(old as object), [fields[inner % 8]!]: value } : value };
        let dense: NativeDensePlan;
        try {
          dense = plan(nodes(input(s), changed as BareNode));
        } catch (error) {
          expect((error as { code?: string }).code).toBe('ERR_CASC_ARGUMENT');
          return;
        }
        await dense.run([new Float32Array(18)], 1, { threads: 1 }).catch((error) => {
          expect(error.code).toMatch(/^ERR_CASC_/);
        });
      }),
      { numRuns: 1500 },
    );
  });
});

describe('run() refuses', () => {
  const dense = plan(nodes(input(s), byOp.relu!));
  const x = new Float32Array(36);
  const options = { threads: 1 };
  test.each<[string, unknown[], RegExp]>([
    ['nothing at all', [], /inputs/],
    ['an input that is no list', [x, 2, options], /inputs: expected an array/],
    ['too many inputs', [[x, x], 2, options], /1 array/],
    ['a wrong type', [[new Float64Array(36)], 2, options], /inputs\[0\]: expected a Float32Array/],
    ['a wrong length', [[x], 3, options], /has 36 elements.*expected 54/],
    ['a negative number of images', [[x], -1, options], /images/],
    ['half an image', [[x], 1.5, options], /images/],
    ['no options', [[x], 2], /options/],
    ['no threads', [[x], 2, { threads: 0 }], /threads.*1 to 256/],
    ['257 threads', [[x], 2, { threads: 257 }], /threads/],
    ['a node that is not there', [[x], 2, { threads: 1, observe: [2] }], /observe/],
    ['a node twice', [[x], 2, { threads: 1, observe: [1, 1] }], /twice/],
    ['a number for a yes or no', [[x], 2, { threads: 1, observe: [1], channels: 1 }], /channels/],
    ['something else for an AbortFlag', [[x], 2, { threads: 1, abort: {} }], /AbortFlag/],
    ['true for an AbortFlag', [[x], 2, { threads: 1, abort: true }], /AbortFlag/],
  ])('%s', (_, args, message) => {
    expect(() => (dense.run as (...all: unknown[]) => unknown)(...args)).toThrow(refused(message));
  });

  test('a detached buffer, also one that a getter detaches', () => {
    const detach = (array: Float32Array) => structuredClone(array.buffer, { transfer: [array.buffer as ArrayBuffer] });
    const gone = new Float32Array(18);
    detach(gone);
    expect(() => dense.run([gone], 1, options)).toThrow(refused('detached'));
    const going = new Float32Array(18);
    const inputs = [going];
    Object.defineProperty(going.buffer, 'resizable', {
      get: () => {
        if (going.length > 0) detach(going);
        return false;
      },
    });
    expect(() => dense.run(inputs, 1, options)).toThrow(refused('detached'));
  });

  test('a resizable buffer', () => {
    const Resizable = ArrayBuffer as unknown as new (length: number, options: object) => ArrayBuffer;
    const array = new Float32Array(new Resizable(72, { maxByteLength: 144 }));
    expect(() => dense.run([array], 1, options)).toThrow(refused('resizable'));
  });

  test('an output that no memory holds', () => {
    const index = new Int32Array(1 << 20).fill(-1);
    const wide = plan(nodes(input(shape(1)), { op: 'route', shape: shape(1 << 20), inputs: [0], index }));
    expect(() => wide.run([new Float32Array(1 << 16)], 1 << 16, options)).toThrow(
      expect.objectContaining({ code: 'ERR_CASC_OUT_OF_MEMORY' }),
    );
  });

  test('a strange `this`, and a plan made without new', () => {
    const { DensePlan, AbortFlag } = addon();
    for (const other of [{}, null, 1, new AbortFlag(), Object.create(DensePlan.prototype)])
      expect(() => DensePlan.prototype.run.call(other as never, [x], 2, options)).toThrow();
    expect(() => (DensePlan as unknown as () => void)()).toThrow();
  });

  test('dispose() in a getter does not pull the plan away', async () => {
    const victim = plan(nodes(input(s), byOp.relu!));
    const tricky = {
      get threads() {
        victim.dispose();
        return 1;
      },
    };
    await expect(victim.run([x], 2, tricky)).resolves.toBeDefined();
  });
});
