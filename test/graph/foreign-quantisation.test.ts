/**
 * Nets quantised elsewhere, in the forms in which QCFS, clip-floor, LSQ and QuantizeLinear come out of exporters, with random
 * parameters: every neuron has the level that onnxruntime computes, and the spiking net is certified.
 */
import { join } from 'node:path';
import fc from 'fast-check';
import { quantizeToQdq } from '../../bench/qdq';
import { CascError } from '../../lib/errors';
import { importGraph, type NetworkNode } from '../../lib/graph';
import { float, type OnnxModel, parseModel, readModel, type TensorType } from '../../lib/onnx';
import { SpikingNetwork } from '../../lib/simulate';
import { relativeDifference, runOnnx } from '../support/onnxruntime';
import { Random } from '../support/random';
import { interpretAll } from './interpret';
import { floats, ints, Net, scalar, weights } from './make';

type Quant = Extract<NetworkNode, { op: 'quant' }>;
type Constant = ReturnType<typeof scalar>;

const f = Math.fround;
const CHANNELS = 4;
const RUNS = 5;
const inputRange = { min: -3, max: 3 };

/** One activation of a net: how many levels, and its clip value as exporters hold it, one or one per channel. */
class Settings {
  constructor(
    readonly levels: number,
    readonly clips: readonly number[],
    readonly shift: number,
  ) {}

  constant(of: (clip: number) => number): Constant {
    const values = this.clips.map((clip) => f(of(clip)));
    return values.length === 1 ? scalar(values[0]!) : floats(values, [1, values.length, 1, 1]);
  }

  get clip(): Constant {
    return this.constant((clip) => clip);
  }

  get step(): Constant {
    return this.constant((clip) => clip / this.levels);
  }
}

type Form = (net: Net, x: string, settings: Settings) => string;

const clip = (n: Net, x: string, hi: number) =>
  n.opset < 11 ? n.add('Clip', [x], { min: float(0), max: float(hi) }) : n.add('Clip', [x, scalar(0), scalar(hi)]);

/** How a straight-through gradient leaves floor or round of x in the graph. */
const STRAIGHT_THROUGH: Record<string, (net: Net, opType: string, x: string) => string> = {
  none: (n, opType, x) => n.add(opType, [x]),
  '(f(x) − x) + x': (n, opType, x) => n.add('Add', [n.add('Sub', [n.add(opType, [x]), x]), x]),
  'x + (f(x) − x)': (n, opType, x) => n.add('Add', [x, n.add('Sub', [n.add(opType, [x]), x])]),
  'x − (x − f(x))': (n, opType, x) => n.add('Sub', [x, n.add('Sub', [x, n.add(opType, [x])])]),
};

type Floor = (net: Net, opType: string, x: string) => string;

/** Clip and floor, in the orders in which training codes write them. */
const FLOORED: Record<string, (floor: Floor) => Form> = {
  'x/λ, clip to 0…1, ·L, +φ, floor, /L, ·λ (reference code of QCFS)': (floor) => (n, x, s) => {
    const z = n.add('Mul', [clip(n, n.add('Div', [x, s.clip]), 1), scalar(s.levels)]);
    const level = floor(n, 'Floor', n.add('Add', [z, scalar(s.shift)]));
    return n.add('Mul', [n.add('Div', [level, scalar(s.levels)]), s.clip]);
  },
  'x·L/λ + φ, floor, clip to 0…L, ·λ/L': (floor) => (n, x, s) => {
    const z = n.add('Div', [n.add('Mul', [x, scalar(s.levels)]), s.clip]);
    const level = clip(n, floor(n, 'Floor', n.add('Add', [z, scalar(s.shift)])), s.levels);
    return n.add('Div', [n.add('Mul', [level, s.clip]), scalar(s.levels)]);
  },
  'x/step − (−φ), floor, Max 0, Min L, ·step': (floor) => (n, x, s) => {
    const z = n.add('Sub', [n.add('Div', [x, s.step]), scalar(-s.shift)]);
    const level = n.add('Min', [n.add('Max', [scalar(0), floor(n, 'Floor', z)]), scalar(s.levels)]);
    return n.add('Mul', [s.step, level]);
  },
  'Relu, ·(1/step), +φ, floor, clip to 0…L, ·step': (floor) => (n, x, s) => {
    const z = n.add('Mul', [n.add('Relu', [x]), s.constant((c) => s.levels / c)]);
    const level = clip(n, floor(n, 'Floor', n.add('Add', [scalar(s.shift), z])), s.levels);
    return n.add('Mul', [level, s.step]);
  },
  'Relu, Min λ, /λ, ·L, +φ, floor, ·(λ/L)': (floor) => (n, x, s) => {
    const z = n.add('Div', [n.add('Min', [n.add('Relu', [x]), s.clip]), s.clip]);
    const level = floor(n, 'Floor', n.add('Add', [n.add('Mul', [z, scalar(s.levels)]), scalar(s.shift)]));
    return n.add('Mul', [level, s.step]);
  },
};

/** Learned step sizes. */
const ROUNDED: Record<string, (round: Floor) => Form> = {
  '/s, clip to 0…P, round, ·s (LSQ)': (round) => (n, x, s) =>
    n.add('Mul', [round(n, 'Round', clip(n, n.add('Div', [x, s.step]), s.levels)), s.step]),
  '/s, round, clip to 0…P, ·s': (round) => (n, x, s) =>
    n.add('Mul', [clip(n, round(n, 'Round', n.add('Div', [x, s.step])), s.levels), s.step]),
  '/s with a scaled gradient, clip, round, ·s': (round) => (n, x, s) => {
    const part = n.add('Mul', [s.step, scalar(f(0.037))]);
    const step = n.add('Add', [n.add('Sub', [s.step, part]), part]);
    return n.add('Mul', [round(n, 'Round', clip(n, n.add('Div', [x, step]), s.levels)), step]);
  },
};

/** Image → convolution → activation → max-pool → convolution → activation, read by a mean and a Gemm. */
function netOf(random: Random, form: Form, settings: readonly Settings[], opset: number): OnnxModel {
  const net = new Net(['N', 3, 9, 8], opset);
  const seed = random.int(1, 1e6);
  const convolved = (x: string, channels: number, at: number) =>
    net.add('Conv', [
      x,
      weights([CHANNELS, channels, 3, 3], seed + at, 0.4),
      floats([0.1, -0.05, 0.2, 0].map((b) => f(b + 0.01 * at))),
    ]);
  const a = form(net, convolved('x', 3, 1), settings[0]!);
  const pooled = net.add('MaxPool', [a], { kernel_shape: [2, 2] });
  const b = form(net, convolved(pooled, CHANNELS, 2), settings[1]!);
  const flat = net.add('Flatten', [net.add('GlobalAveragePool', [b])], { axis: 1 });
  return net.model([net.add('Gemm', [flat, weights([5, CHANNELS], seed + 3), weights([5], 4)], { transB: 1 })]);
}

/** Levels that onnxruntime computes at each neuron, and that `values` hold. */
function levelsOf(node: Quant, values: ArrayLike<number>): number[] {
  const plane = node.shape.h * node.shape.w;
  return Array.from(values, (value, i) => {
    const c = Math.floor(i / plane) % node.shape.c;
    const level = value / node.stepOut[node.stepOut.length === 1 ? 0 : c]!;
    expect(Math.abs(level - Math.round(level))).toBeLessThan(1e-3);
    return Math.round(level) + 0;
  });
}

/** How far, in levels, the values that a neuron layer receives are from where its level changes. */
function edgeDistances(node: Quant, received: Float32Array): number[] {
  const plane = node.shape.h * node.shape.w;
  const at = (values: Float64Array, i: number) => values[values.length === 1 ? 0 : Math.floor(i / plane)]!;
  return Array.from(received, (value, i) => {
    const level = (value + at(node.offset, i)) / at(node.stepIn, i);
    return Math.abs(level - Math.round(level));
  });
}

/** Import = onnxruntime at every neuron; SNN = quantised ANN; and the readout close to onnxruntime's. */
async function check(model: OnnxModel, levels: number, seed = 5): Promise<void> {
  const network = importGraph(model);
  const quants = network.nodes.filter((node): node is Quant => node.op === 'quant');
  expect(quants.map((node) => node.levels)).toEqual([levels, levels]);
  const count = 2;
  const size = 3 * 9 * 8;
  const images = new Random(seed).normal(count * size, 1);
  const tensors = quants.map((node) => node.tensor);
  const ort = await runOnnx(model, images, [count, 3, 9, 8], { tensors, optimize: false });
  const output = ort[network.outputs[0]!.name]!;
  const active = new Set<number>();
  const distances = new Map(quants.map((node): [Quant, number[]] => [node, []]));
  for (let image = 0; image < count; ++image) {
    const ours = interpretAll(network, images.subarray(image * size, (image + 1) * size));
    for (const node of quants) {
      const value = ours[node.id]!;
      const wanted = levelsOf(node, ort[node.tensor]!.subarray(image * value.length, (image + 1) * value.length));
      expect(levelsOf(node, value)).toEqual(wanted);
      for (const level of wanted) active.add(level);
      distances.get(node)!.push(...edgeDistances(node, ours[node.inputs[0]!]!));
    }
  }
  expect(active.size).toBeGreaterThan(1);

  for (const format of ['int8', 'int16', 'float32'] as const) {
    const snn = SpikingNetwork.from(network, { format, inputRange });
    const result = await snn.simulate(images, count, { counts: true, certify: format !== 'float32' });
    if (format === 'float32') {
      // Membranes are rounded in each step, so a neuron on the edge may take the other side.
      const differing = quants.flatMap((node) => {
        const wanted = levelsOf(node, ort[node.tensor]!);
        return distances.get(node)!.filter((_, i) => wanted[i] !== result.counts![node.name]![i]);
      });
      expect(Math.max(0, ...differing)).toBeLessThan(1e-5);
      if (differing.length === 0) expect(relativeDifference(result.outputs[0]!, output)).toBeLessThan(1e-5);
    } else {
      expect(result.certificate).toMatchObject({ images: count, mismatches: 0 });
      expect(result.atRest.every(Boolean)).toBe(true);
      // A weight, or an input, that moves a neuron over an edge changes the readout by one level of one neuron of a mean.
      expect(relativeDifference(result.outputs[0]!, output)).toBeLessThan(format === 'int8' ? 0.15 : 0.05);
    }
    snn.dispose();
  }
}

const parameters = fc.record({
  seed: fc.integer({ min: 1, max: 2 ** 30 }),
  levels: fc.integer({ min: 1, max: 20 }),
  perChannel: fc.boolean(),
});

function settingsOf(random: Random, levels: number, perChannel: boolean, shift: number): Settings[] {
  const clips = () => Array.from({ length: perChannel ? CHANNELS : 1 }, () => f(0.6 + 1.5 * random.next()));
  return [new Settings(levels, clips(), shift), new Settings(levels, clips(), shift)];
}

function property(form: Form, shift: number, opset = 13): Promise<void> {
  return fc.assert(
    fc.asyncProperty(parameters, async ({ seed, levels, perChannel }) => {
      const random = new Random(seed);
      await check(netOf(random, form, settingsOf(random, levels, perChannel, shift), opset), levels, seed);
    }),
    { numRuns: RUNS, seed: 20261123 },
  );
}

describe.each(Object.keys(FLOORED))('%s', (name) => {
  test.each(Object.entries(STRAIGHT_THROUGH))('φ = 1/2, straight-through: %s', (_, floor) =>
    property(FLOORED[name]!(floor), 0.5),
  );
  test('φ = 0', () => property(FLOORED[name]!(STRAIGHT_THROUGH.none!), 0));
});

describe.each(Object.keys(ROUNDED))('%s', (name) => {
  test.each(Object.entries(STRAIGHT_THROUGH))('straight-through: %s', (_, round) =>
    property(ROUNDED[name]!(round), 0.5),
  );
});

test.each([
  ['torch-clip-floor', 8],
  ['torch-clip-floor-shift0', 8],
  ['torch-qcfs', 8],
  ['torch-lsq', 15],
  ['torch-fake-quantize', 255],
])('as PyTorch exports it: %s', async (name, levels) => {
  await check(await readModel(join(__dirname, '../golden', `${name}.onnx`)), levels);
});

test('a whole activation in a straight-through gradient', async () => {
  const inner = FLOORED['x·L/λ + φ, floor, clip to 0…L, ·λ/L']!(STRAIGHT_THROUGH.none!);
  const form: Form = (n, x, s) => n.add('Add', [x, n.add('Sub', [inner(n, x, s), x])]);
  const random = new Random(3);
  const model = netOf(random, form, settingsOf(random, 8, false, 0.5), 13);
  const { nodes, verdicts } = importGraph(model);
  expect(nodes.map((node) => node.op)).toEqual([
    'input',
    'conv',
    'quant',
    'maxpool',
    'conv',
    'quant',
    'avgpool',
    'conv',
  ]);
  const note = 'adds what it subtracts: a straight-through gradient';
  expect(verdicts.filter((verdict) => verdict.note === note).map(({ opType, verdict }) => [opType, verdict])).toEqual([
    ['Sub', 'folded'],
    ['Add', 'folded'],
    ['Sub', 'folded'],
    ['Add', 'folded'],
  ]);
  const images = random.normal(3 * 9 * 8, 1);
  const snn = SpikingNetwork.from(importGraph(model));
  const { outputs } = await snn.simulate(images, 1);
  snn.dispose();
  const [wanted] = Object.values(await runOnnx(model, images, [1, 3, 9, 8]));
  expect(relativeDifference(outputs[0]!, wanted!)).toBeLessThan(1e-5);
});

test.each([
  ['Abs', (x: number) => -x],
  ['Exp', Math.log],
  ['Softplus', (x: number) => Math.log(Math.expm1(x))],
] as const)('a step size that the graph computes with %s', async (opType, inverse) => {
  const form: Form = (n, x, s) => {
    const step = n.add(opType, [s.constant((c) => inverse(c / s.levels))]);
    return n.add('Mul', [n.add('Round', [clip(n, n.add('Div', [x, step]), s.levels)]), step]);
  };
  const random = new Random(8);
  await check(netOf(random, form, settingsOf(random, 15, true, 0.5), 13), 15);
});

describe('QuantizeLinear and DequantizeLinear', () => {
  interface Kind {
    type: TensorType;
    zero: number;
    levels: number;
    opset: number;
    relu?: boolean;
    perChannel?: boolean;
    /** No zero point is given. */
    bare?: boolean;
    /** A Clip to these integers between the two: narrower than the type. */
    most?: number;
  }
  const quantised =
    ({ type, zero, levels, relu, perChannel, bare, most }: Kind): Form =>
    (n, x, s) => {
      const values = s.clips.map((c) => f(c / levels));
      const scale = perChannel ? floats(values) : scalar(values[0]!);
      const point = perChannel
        ? ints(
            values.map(() => zero),
            type,
          )
        : scalar(zero, type);
      const both = bare ? [scale] : [scale, point];
      const attributes = perChannel ? { axis: 1 } : {};
      const input = relu ? n.add('Relu', [x]) : x;
      const q = n.add('QuantizeLinear', [input, ...both], attributes);
      const kept = most === undefined ? q : n.add('Clip', [q, scalar(zero, type), scalar(zero + most, type)]);
      return n.add('DequantizeLinear', [kept, ...both], attributes);
    };

  const kinds: Record<string, Kind> = {
    'uint8, opset 10': { type: 'uint8', zero: 0, levels: 255, opset: 10 },
    'uint8, opset 13': { type: 'uint8', zero: 0, levels: 255, opset: 13 },
    'uint8, opset 21': { type: 'uint8', zero: 0, levels: 255, opset: 21 },
    'uint8 without a zero point': { type: 'uint8', zero: 0, levels: 255, opset: 13, bare: true },
    'uint8 per channel': { type: 'uint8', zero: 0, levels: 255, opset: 13, perChannel: true },
    'uint8 clipped to 4 bits': { type: 'uint8', zero: 0, levels: 15, opset: 13, most: 15 },
    'uint8 with a zero point, after a Relu': { type: 'uint8', zero: 55, levels: 200, opset: 13, relu: true },
    'int8 with zero point -128': { type: 'int8', zero: -128, levels: 255, opset: 13 },
    'int8 with zero point -128 per channel': { type: 'int8', zero: -128, levels: 255, opset: 21, perChannel: true },
    'int8 with zero point 0, after a Relu': { type: 'int8', zero: 0, levels: 127, opset: 13, relu: true },
    'uint4, opset 21': { type: 'uint4', zero: 0, levels: 15, opset: 21 },
    'uint4 per channel, opset 21': { type: 'uint4', zero: 0, levels: 15, opset: 21, perChannel: true },
    'int4 with zero point -8, opset 21': { type: 'int4', zero: -8, levels: 15, opset: 21 },
  };
  test.each(Object.entries(kinds))('%s', async (_, kind) => {
    for (const seed of [1, 2, 3]) {
      const random = new Random(seed);
      const settings = settingsOf(random, kind.levels, kind.perChannel ?? false, 0.5);
      await check(netOf(random, quantised(kind), settings, kind.opset), kind.levels, seed);
    }
  });

  test.each([
    ['int8', 0],
    ['int8', -100],
    ['uint8', 128],
    ['uint8', 1],
    ['int4', 0],
  ] as const)('%s with zero point %i has negative levels: refused', (type, zero) => {
    const random = new Random(1);
    const form = quantised({ type, zero, levels: 15, opset: 21 });
    expect(() => importGraph(netOf(random, form, settingsOf(random, 15, false, 0.5), 21))).toThrow(
      /node QuantizeLinear_1 \(QuantizeLinear\) cannot be converted: signed QuantizeLinear \(levels -\d+…\d+\) is not a neuron/,
    );
  });

  test('signed LSQ is refused, and the reason says what to do', () => {
    const form: Form = (n, x, s) =>
      n.add('Mul', [n.add('Round', [n.add('Clip', [n.add('Div', [x, s.step]), scalar(-8), scalar(7)])]), s.step]);
    const random = new Random(1);
    let error: unknown;
    try {
      importGraph(netOf(random, form, settingsOf(random, 15, false, 0.5), 13));
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(CascError);
    expect(error).toMatchObject({ code: 'ERR_CASC_UNSUPPORTED', where: { node: 'Round_3', opType: 'Round' } });
    expect((error as Error).message).toContain('signed levels -8…7: a neuron');
    expect((error as Error).message).toContain('Train with a Relu before it');
  });

  test('numbers of levels that differ are refused, with both nodes and their levels', () => {
    let made = 0;
    const form: Form = (n, x) => {
      const most = made++ === 0 ? 15 : 7;
      return n.add('Mul', [clip(n, n.add('Round', [n.add('Div', [x, scalar(0.25)])]), most), scalar(0.25)]);
    };
    const network = importGraph(netOf(new Random(1), form, settingsOf(new Random(1), 1, false, 0.5), 13));
    expect(() => SpikingNetwork.from(network)).toThrow(
      /Round_8 has 7 levels but Round_2 has 15; all activations need the same number/,
    );
  });

  test.each(['none', 'per tensor', 'per channel'])(
    'weights and logits as well, zero point of weights: %s',
    async (zeros) => {
      const random = new Random(4);
      const net = new Net(['N', 3, 9, 8]);
      const form = quantised({ type: 'uint8', zero: 0, levels: 255, opset: 13 });
      const settings = settingsOf(random, 255, false, 0.5);
      const stored = (dims: number[]): string => {
        const size = dims.reduce((a, b) => a * b, 1);
        const values = Array.from({ length: size }, () => random.int(-127, 127));
        const own = zeros === 'per channel' ? dims[0]! : 1;
        const scales = floats(Array.from({ length: own }, () => f(0.004 * (0.5 + random.next()))));
        const points = ints(
          Array.from({ length: own }, () => random.int(-20, 20)),
          'int8',
        );
        const scale = own === 1 ? scalar(scales.values[0]!) : scales;
        const point = own === 1 ? scalar(points.values[0]!, 'int8') : points;
        const parameters = zeros === 'none' ? [scale] : [scale, point];
        return net.add('DequantizeLinear', [ints(values, 'int8', dims), ...parameters], own > 1 ? { axis: 0 } : {});
      };
      const a = form(net, net.add('Conv', ['x', stored([4, 3, 3, 3])]), settings[0]!);
      const pooled = form(net, net.add('MaxPool', [a], { kernel_shape: [2, 2] }), settings[0]!);
      const b = form(net, net.add('Conv', [pooled, stored([4, 4, 3, 3])]), settings[1]!);
      const flat = net.add('Flatten', [net.add('GlobalAveragePool', [b])], { axis: 1 });
      const logits = net.add('Gemm', [flat, stored([5, 4])], { transB: 1 });
      const parameters = [scalar(f(0.011)), scalar(117, 'uint8')];
      const rounded = net.add('DequantizeLinear', [net.add('QuantizeLinear', [logits, ...parameters]), ...parameters]);
      const model = net.model([rounded]);
      await check(model, 255);
      expect(importGraph(model).nodes.at(-1)).toMatchObject({ tail: true });
    },
  );
});

describe('a whole net as static quantisation writes it', () => {
  const images = new Random(3).normal(8 * 3 * 144);
  const dims = [8, 3, 12, 12];
  async function* calibration() {
    yield { pixels: images, dims };
  }
  const quantised = async (build: (net: Net) => string): Promise<OnnxModel> => {
    const net = new Net(['N', 3, 12, 12]);
    const flat = net.add('Flatten', [net.add('GlobalAveragePool', [build(net)])]);
    const model = net.model([net.add('Gemm', [flat, weights([5, 8]), weights([5])], { transB: 1 })]);
    return parseModel(await quantizeToQdq(model, calibration()), { file: 'q.onnx' });
  };

  test('input, activations, pools, weights and logits', async () => {
    const model = await quantised((net) => {
      const pooled = net.add('MaxPool', [net.add('Relu', [net.conv('x', 8, 3)])], { kernel_shape: [2, 2] });
      return net.add('Relu', [net.conv(pooled, 8, 8)]);
    });
    const network = importGraph(model);
    expect(network.nodes.filter(({ op }) => op === 'quant')).toHaveLength(3);
    expect(network.nodes[0]).toMatchObject({ grid: { step: expect.any(Number) } });
    const [wanted] = Object.values(await runOnnx(model, images, dims, { optimize: false }));
    for (const format of ['float32', 'int16', 'int8'] as const) {
      const snn = SpikingNetwork.from(network, { format });
      const { outputs, certificate } = await snn.simulate(images, 8, { certify: format !== 'float32' });
      expect(relativeDifference(outputs[0]!, wanted!)).toBeLessThan(format === 'float32' ? 1e-5 : 0.03);
      if (format !== 'float32') expect(certificate!.mismatches).toBe(0);
      snn.dispose();
    }
  });

  test('a sum of which both sides are quantised has negative levels: refused', async () => {
    const model = await quantised((net) => {
      const a = net.add('Relu', [net.conv('x', 8, 3)]);
      return net.add('Relu', [net.add('Add', [net.conv(a, 8, 8), a])]);
    });
    expect(() => importGraph(model)).toThrow(
      /signed QuantizeLinear .* leave sums and other values without a Relu in float/,
    );
  });
});

describe('ties', () => {
  /** Steps, weights and inputs of few bits: float sums are exact, and often half-way between two levels. */
  async function compared(form: Form, format: 'int16' | 'float32') {
    const random = new Random(2);
    const net = new Net(['N', 3, 9, 8]);
    const values = Array.from({ length: 4 * 3 * 9 }, () => random.int(-3, 3) / 4);
    const y = net.add('Conv', ['x', floats(values, [4, 3, 3, 3])]);
    const z = form(net, y, new Settings(6, [6], 0.5));
    const model = net.model([net.conv(z, 2, 4, 1), z]);
    const network = importGraph(model);
    const quant = network.nodes.find((node): node is Quant => node.op === 'quant')!;
    const images = Float32Array.from({ length: 3 * 9 * 8 }, () => random.int(-3, 3) / 2);
    const ort = await runOnnx(model, images, [1, 3, 9, 8], { tensors: [quant.tensor, y], optimize: false });
    const snn = SpikingNetwork.from(network, { format, inputRange: { min: -1.5, max: 1.5 } });
    const { counts, certificate } = await snn.simulate(images, 1, { counts: true, certify: format === 'int16' });
    snn.dispose();
    if (format === 'int16') expect(certificate!.mismatches).toBe(0);
    const higher = levelsOf(quant, ort[quant.tensor]!).map((level, i) => counts![quant.name]![i]! - level);
    const at = (kind: (value: number) => boolean) =>
      Array.from(ort[y]!, (value) => value > 0 && value < 6 && kind(value));
    return { higher, even: at((value) => value % 2 === 0.5), tied: at((value) => value % 1 === 0.5) };
  }
  const rounded = ROUNDED['/s, round, clip to 0…P, ·s']!(STRAIGHT_THROUGH.none!);
  const floored = FLOORED['x·L/λ + φ, floor, clip to 0…L, ·λ/L']!(STRAIGHT_THROUGH.none!);

  test('float32: neurons at exactly an even level and a half are one higher than Round, no others', async () => {
    const { higher, even } = await compared(rounded, 'float32');
    expect(higher).toEqual(even.map(Number));
    expect(even.filter(Boolean).length).toBeGreaterThan(5);
  });

  test('float32: floor with a shift of 1/2 rounds ties up, as the neuron does', async () => {
    const { higher, tied } = await compared(floored, 'float32');
    expect(higher.every((difference) => difference === 0)).toBe(true);
    expect(tied.filter(Boolean).length).toBeGreaterThan(5);
  });

  test('int16: rounded weights may decide a tie either way, and nothing else', async () => {
    for (const form of [rounded, floored]) {
      const { higher, tied } = await compared(form, 'int16');
      expect(higher.filter((difference, i) => difference !== 0 && !tied[i])).toEqual([]);
      expect(higher.every((difference) => Math.abs(difference) <= 1)).toBe(true);
    }
  });
});
