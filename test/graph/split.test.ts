/** Split activations: the float32 net stays what it is, the quantised one has more levels, and all that follows takes it. */
import { importGraph, importModel, type Network } from '../../lib/graph';
import { toLayers } from '../../lib/graph/layered';
import type { QuantNode, ReluNode } from '../../lib/graph/network';
import { quantizedActivation, withQuantizedActivations } from '../../lib/graph/quantized';
import { splitActivations } from '../../lib/graph/split';
import { splitUnits } from '../../lib/graph/split-channels';
import { openPlan } from '../../lib/quantize/calibrate';
import { toFixedPoint } from '../../lib/quantize/fixed-point';
import { raiseClips } from '../../lib/quantize/least-clips';
import { encodeMetadata } from '../../lib/quantize/metadata';
import { readoutUnits, writeFixedPoint } from '../../lib/quantize/write-fixed';
import { writeNetwork } from '../../lib/quantize/write-network';
import { SpikingNetwork } from '../../lib/simulate';
import { dataPath, describeWithData } from '../support/data';
import { relativeDifference, runOnnx } from '../support/onnxruntime';
import { Random } from '../support/random';
import { randomNet } from '../support/random-net';
import { interpret } from './interpret';
import { ints, Net } from './make';
import { noisy } from './runtime';

const zeros = [0, 0, 0, 0];

/** A net of 2×8×8 images, built by `build` from convolved activations. */
function make(build: (net: Net) => string): Network {
  const net = new Net(['N', 2, 8, 8]);
  return importGraph(net.model([build(net)]));
}

const activated = (net: Net, x: string, outputs: number, inputs: number, kernel = 3, attributes = {}) =>
  net.add('Relu', [net.conv(x, outputs, inputs, kernel, attributes)]);

const nets: Record<string, () => Network> = {
  convolution: () => make((net) => net.conv(activated(net, 'x', 3, 2), 4, 3)),
  'max-pool': () =>
    make((net) => {
      const x = activated(net, 'x', 3, 2);
      return net.conv(net.add('MaxPool', [x], { kernel_shape: [2, 2], strides: [2, 2] }), 4, 3);
    }),
  'average pool behind zeros': () =>
    make((net) => {
      const x = net.add('Pad', [activated(net, 'x', 3, 2), ints([0, 0, 1, 1, 0, 0, 1, 1])]);
      return net.conv(net.add('AveragePool', [x], { kernel_shape: [3, 3], strides: [2, 2] }), 4, 3);
    }),
  'concatenation and shuffle': () =>
    make((net) => {
      const [a, b] = [activated(net, 'x', 3, 2), activated(net, 'x', 3, 2, 1)];
      const joined = net.add('Concat', [a, b], { axis: 1 });
      const shuffled = net.add('Gather', [joined, ints([0, 3, 1, 4, 2, 5, 0])], { axis: 1 });
      const pooled = net.add('MaxPool', [shuffled], { kernel_shape: [3, 3], pads: [1, 1, 1, 1] });
      // One of them is read a second time, by a route behind a route.
      const again = net.add('Concat', [pooled, b], { axis: 1 });
      return net.conv(again, 4, 10);
    }),
  depthwise: () =>
    make((net) => net.conv(net.conv(activated(net, 'x', 4, 2), 4, 1, 3, { group: 4, strides: [2, 2] }), 3, 4, 1)),
  'groups on both sides': () =>
    make((net) => net.conv(activated(net, activated(net, 'x', 4, 2), 8, 2, 3, { group: 2 }), 4, 4, 3, { group: 2 })),
  'depthwise behind a concatenation': () =>
    make((net) => {
      const [a, b, c] = [activated(net, 'x', 2, 2), activated(net, 'x', 3, 2, 1), activated(net, 'x', 2, 2, 1)];
      const joined = net.add('Concat', [a, b, c], { axis: 1 });
      const some = net.add('Gather', [joined, ints([6, 0, 4, 2])], { axis: 1 });
      const depthwise = net.conv(some, 4, 1, 3, { group: 4 });
      const all = net.add('Concat', [activated(net, depthwise, 3, 4, 1), joined], { axis: 1 });
      return net.conv(all, 4, 10, 1, { pads: zeros });
    }),
};

/** `times(n)` copies for the n-th of the sets that belong together. */
function split(network: Network, times: (unit: number) => number): Network {
  const copies = new Map<number, number[]>();
  splitUnits(network).forEach((unit, n) => {
    const m = times(n);
    for (const { id, channel } of unit) {
      if (!copies.has(id)) copies.set(id, new Array<number>(network.nodes[id]!.shape.c).fill(1));
      copies.get(id)![channel] = m;
    }
  });
  return splitActivations(network, copies);
}

function outputOf(network: Network, seed = 5): Float32Array {
  const size = network.inputDims.reduce((a, b) => a * b, 1);
  return [...interpret(network, noisy(size, seed)).values()][0]!;
}

const relusOf = (network: Network) => network.nodes.filter((node): node is ReluNode => node.op === 'relu');

/** Sets that belong together, as "name of the relu: channels". */
const unitsOf = (network: Network) =>
  splitUnits(network).map((unit) =>
    unit.map(({ id, channel }) => `${relusOf(network).findIndex((r) => r.id === id)}.${channel}`),
  );

describe.each(Object.entries(nets))('%s', (_, build) => {
  test.each([
    ['alike', () => 2],
    ['unlike', (n: number) => [2, 1, 4, 3][n % 4]!],
  ])('copies %s: the float32 net computes the same', (__, times) => {
    const network = build();
    const wide = split(network, times);
    expect(wide.nodes.map(({ id, op, inputs }) => ({ id, op, inputs }))).toEqual(
      network.nodes.map(({ id, op, inputs }) => ({ id, op, inputs })),
    );
    const neurons = (net: Network) => relusOf(net).reduce((sum, { shape }) => sum + shape.c, 0);
    expect(neurons(wide)).toBeGreaterThan(neurons(network));
    for (const seed of [1, 2, 3]) {
      expect(relativeDifference(outputOf(wide, seed), outputOf(network, seed))).toBeLessThan(1e-6);
    }
  });

  test('three copies of everything are three times the levels', () => {
    const network = build();
    const quantized = (net: Network, levels: number) =>
      withQuantizedActivations(net, levels, 0.5, (id) => Float64Array.of(0.7 + 0.1 * id));
    const wide = quantized(
      split(network, () => 3),
      5,
    );
    expect(relativeDifference(outputOf(wide), outputOf(quantized(network, 15)))).toBeLessThan(1e-5);
    expect(relativeDifference(outputOf(wide), outputOf(quantized(network, 5)))).toBeGreaterThan(1e-2);
  });
});

describe('what belongs together', () => {
  test('channels are free behind convolutions without groups', () => {
    expect(unitsOf(nets['max-pool']!())).toEqual([['0.0'], ['0.1'], ['0.2']]);
  });
  test('groups tie the channels that they read', () => {
    expect(unitsOf(nets.depthwise!())).toEqual([['0.0', '0.1', '0.2', '0.3']]);
  });
  test('…and those that they make', () => {
    const network = make((net) => net.conv(activated(net, activated(net, 'x', 4, 2), 4, 2, 3, { group: 2 }), 4, 4));
    expect(unitsOf(network)).toEqual([
      ['0.0', '0.1', '0.2', '0.3'],
      ['1.0', '1.1', '1.2', '1.3'],
    ]);
  });
  test('across a concatenation, and only the channels that go there', () => {
    const units = unitsOf(nets['depthwise behind a concatenation']!());
    expect(units).toContainEqual(['0.0', '1.0', '1.2', '2.1']);
    expect(units.filter(({ length }) => length > 1)).toHaveLength(1);
    expect(units.flat()).toHaveLength(10);
  });
});

describe('what cannot be split', () => {
  const cases: Record<string, (net: Net) => string> = {
    'read by a sum': (net) => {
      const x = activated(net, 'x', 3, 2);
      return net.add('Add', [net.conv(x, 3, 3), x]);
    },
    'made of a sum': (net) =>
      net.conv(net.add('Relu', [net.add('Add', [net.conv('x', 3, 2), net.conv('x', 3, 2)])]), 2, 3),
    'an output': (net) => activated(net, 'x', 3, 2),
    'an output behind a pool': (net) =>
      net.add('MaxPool', [activated(net, 'x', 3, 2)], { kernel_shape: [2, 2], strides: [2, 2] }),
    'read by the tail': (net) => net.add('Sigmoid', [activated(net, 'x', 3, 2)]),
    'its sums are read by others': (net) => {
      const sums = net.conv('x', 3, 2);
      return net.add('Add', [net.conv(net.add('Relu', [sums]), 3, 3), sums]);
    },
    'mixed with other channels': (net) =>
      net.conv(net.add('Transpose', [activated(net, 'x', 8, 2)], { perm: [0, 2, 1, 3] }), 2, 8),
    'in a group with the input': (net) => {
      const joined = net.add('Concat', [activated(net, 'x', 2, 2), 'x'], { axis: 1 });
      return net.conv(joined, 4, 1, 3, { group: 4 });
    },
  };
  test.each(Object.entries(cases))('%s', (_, build) => {
    const network = make(build);
    const [relu] = relusOf(network);
    expect(unitsOf(network)).toEqual([]);
    const copies = new Array<number>(relu!.shape.c).fill(2);
    expect(() => splitActivations(network, new Map([[relu!.id, copies]]))).toThrow(
      expect.objectContaining({ code: 'ERR_CASC_ARGUMENT', message: expect.stringContaining(relu!.name) }),
    );
  });

  test.each([
    ['unequal in a group', [2, 2, 1, 2], 'its group'],
    ['too few numbers', [2, 2, 2], 'for each of its 4 channels'],
    ['too many numbers', [2, 2, 2, 2, 1], 'for each of its 4 channels'],
    ['none', [0, 0, 0, 0], 'for each of its 4 channels'],
  ])('copies %s', (_, copies, message) => {
    const network = nets.depthwise!();
    expect(() => splitActivations(network, new Map([[relusOf(network)[0]!.id, copies]]))).toThrow(message);
  });

  test('what is split already', () => {
    expect(unitsOf(split(nets.convolution!(), () => 2))).toEqual([]);
  });
});

test('the mean of the copies of a channel is the activation at as many times the levels', () => {
  const copies = [3, 1, 4];
  const relu = { ...relusOf(nets.convolution!())[0]!, copies };
  const value = ({ levels, stepIn, offset, stepOut }: QuantNode, c: number, z: number) =>
    stepOut[c]! * Math.min(levels, Math.max(0, Math.floor((z + offset[c]!) / stepIn[c]!)));
  const clip = [1.3, 0.4, 2];
  for (const shift of [0, 0.5]) {
    const clips = Float64Array.from(copies.flatMap((m, c) => new Array<number>(m).fill(clip[c]!)));
    const quant = quantizedActivation(relu, 8, shift, clips);
    let first = 0;
    copies.forEach((m, c) => {
      const { copies: _, ...whole } = relu;
      const fine = quantizedActivation(whole, 8 * m, shift, Float64Array.of(clip[c]!));
      for (const z of noisy(2000, 9, 2.5)) {
        let sum = 0;
        for (let j = 0; j < m; j++) sum += value(quant, first + j, z);
        expect(sum / m).toBeCloseTo(value(fine, 0, z), 12);
      }
      first += m;
    });
    // One clip value for the layer is that of all copies.
    const shared = quantizedActivation(relu, 8, shift, Float64Array.of(1.5));
    expect(shared.offset).toHaveLength(8);
    expect(shared).toEqual(quantizedActivation(relu, 8, shift, new Float64Array(8).fill(1.5)));
  }
});

describe('written', () => {
  const ready = async (seed: number) => {
    const { model, images, count } = randomNet(seed, 2, { plain: true });
    const random = new Random(seed);
    const network = await importModel(model);
    const wide = split(network, () => random.int(1, 3));
    const clips = new Map(
      relusOf(wide).map(({ id, shape }) => [id, Float64Array.from({ length: shape.c }, () => 0.5 + random.next())]),
    );
    const quantized = withQuantizedActivations(wide, 4, 0.5, (id) => raiseClips(wide, clips, 4).get(id)!);
    return { network, wide, quantized, images, count, isSplit: relusOf(wide).some(({ copies }) => copies) };
  };
  const seeds = [...new Array(40).keys()].map((n) => 7000 + n);

  test('some of the random nets can be split, and stay the same', async () => {
    let some = 0;
    for (const seed of seeds) {
      const { network, wide, images, isSplit } = await ready(seed);
      const image = images.subarray(0, images.length / 2);
      const [before, after] = [network, wide].map((net) => [...interpret(net, image).values()]);
      for (const [i, values] of before!.entries()) expect(relativeDifference(after![i]!, values)).toBeLessThan(1e-5);
      if (isSplit) some++;
    }
    expect(some).toBeGreaterThan(20);
  });

  test.each(seeds.slice(0, 20))(
    'random net %i in fixed point: read back, it spikes as onnxruntime computes',
    async (seed) => {
      const { quantized, images, count } = await ready(seed);
      const format = seed % 2 === 0 ? 'int8' : 'int16';
      const fixed = toFixedPoint(toLayers(quantized), { format, inputRange: { min: -3, max: 3 } });
      const metadata = encodeMetadata({ format, levels: 4, readouts: readoutUnits(fixed) });
      const model = writeFixedPoint(fixed, metadata);
      const snn = SpikingNetwork.from(await importModel(model));
      const result = await snn.simulate(images, count, { certify: true });
      expect(result.certificate!.mismatches).toBe(0);
      const reference = await runOnnx(model, images, [count, ...quantized.inputDims]);
      quantized.outputs.forEach(({ name }, i) => {
        expect(relativeDifference(result.outputs[i]!, reference[name]!)).toBeLessThan(2e-6);
      });
      snn.dispose();
    },
  );

  test.each(seeds.slice(20, 30))('random net %i in float32: read back, it has the same thresholds', async (seed) => {
    const { quantized } = await ready(seed);
    const again = await importModel(writeNetwork(quantized, {}));
    const quants = (net: Network) => net.nodes.filter((node): node is QuantNode => node.op === 'quant');
    const [ours, theirs] = [quants(quantized), quants(again)];
    expect(theirs.map(({ shape }) => shape)).toEqual(ours.map(({ shape }) => shape));
    const at = (values: Float64Array, c: number) => values[values.length === 1 ? 0 : c]!;
    ours.forEach(({ stepIn, offset, shape }, i) => {
      for (let c = 0; c < shape.c; c++) {
        expect(at(theirs[i]!.stepIn, c) / at(stepIn, c)).toBeCloseTo(1, 5);
        expect(at(theirs[i]!.offset, c) / at(offset, c)).toBeCloseTo(1, 5);
      }
    });
  });
});

describeWithData('FastestDet', ['models/fastestdet-coco.onnx'], () => {
  test('all but the activation that a sum reads and the one that it makes can be split', async () => {
    const network = await importModel(dataPath('models/fastestdet-coco.onnx'));
    expect(relusOf(network)).toHaveLength(48);
    const channels = new Map<number, number>();
    for (const { id } of splitUnits(network).flat()) channels.set(id, (channels.get(id) ?? 0) + 1);
    const whole = relusOf(network).filter(({ id, shape }) => channels.get(id) !== shape.c);
    expect(whole.map(({ name }) => name)).toEqual(['Relu_232', 'Relu_248']);

    const image = noisy(3 * 352 * 352, 4).map((x) => (x + 1) / 2);
    const run = async (net: Network) => {
      const plan = openPlan(net);
      const { outputs } = await plan.run([image], 1, { threads: 1 });
      plan.dispose();
      return outputs[0]!;
    };
    const [ours, exact] = [await run(split(network, (n) => 1 + (n % 3))), await run(network)];
    const energy = (values: Float32Array) => Math.sqrt(values.reduce((sum, v) => sum + v * v, 0));
    expect(energy(ours.map((v, i) => v - exact[i]!)) / energy(exact)).toBeLessThan(1e-5);
  });
});
