/** Which channels get more neurons, and what quantize makes of them. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { importGraph, importModel } from '../../lib/graph';
import type { ConvNode, Network } from '../../lib/graph/network';
import { numel } from '../../lib/graph/network';
import { type ClipValues, withQuantizedActivations } from '../../lib/graph/quantized';
import { type Copies, splitActivations } from '../../lib/graph/split';
import { writeModel } from '../../lib/onnx';
import { type QuantizeOptions, quantize } from '../../lib/quantize';
import { type AllocateOptions, allocate } from '../../lib/quantize/allocate';
import { openPlan } from '../../lib/quantize/calibrate';
import { readMetadata } from '../../lib/quantize/metadata';
import { SpikingNetwork } from '../../lib/simulate';
import { Net } from '../graph/make';
import { temporaryFolder } from '../support/casc';
import { memoryDataset } from '../support/memory-dataset';
import { Random } from '../support/random';
import { clipsOf } from './integers';

const folder = temporaryFolder();
const shape = { c: 2, h: 6, w: 6 };

/** Three activations that can be split, of 6, 3 and 6 channels. */
function chain(): Net {
  const net = new Net(['N', 2, 6, 6]);
  let x = net.add('Relu', [net.conv('x', 6, 2)]);
  x = net.add('MaxPool', [net.add('Relu', [net.conv(x, 3, 6)])], { kernel_shape: [2, 2], strides: [2, 2] });
  x = net.add('Relu', [net.conv(x, 6, 3, 1)]);
  net.conv(x, 4, 6, 1);
  return net;
}

const relus = (network: Network) => network.nodes.filter(({ op }) => op === 'relu').map(({ id }) => id);

/** The chain with weights of convolution `at` (from 0) changed. */
function changed(at: number, change: (weight: number, index: number) => number): Network {
  const network = importGraph(chain().model());
  const conv = network.nodes.filter((node): node is ConvNode => node.op === 'conv')[at]!;
  const nodes = network.nodes.map((node) =>
    node.id === conv.id ? { ...conv, weight: conv.weight.map(change) } : node,
  );
  return { ...network, nodes };
}

function allocated(
  network: Network,
  options: Partial<AllocateOptions> = {},
  clips: ClipValues = clipsOf(network, 2),
): Promise<Map<number, Copies>> {
  return allocate(network, clips, memoryDataset(shape, 40), {
    levels: 4,
    shift: 0.5,
    share: 0.5,
    threads: 1,
    ...options,
  });
}

function spent(network: Network, copies: ReadonlyMap<number, Copies>): number {
  const neurons = relus(network).reduce((sum, id) => sum + numel(network.nodes[id]!.shape), 0);
  let added = 0;
  for (const [id, times] of copies) {
    const { c, h, w } = network.nodes[id]!.shape;
    expect(times).toHaveLength(c);
    for (const m of times) {
      expect(Number.isInteger(m) && m >= 1 && m <= 8).toBe(true);
      added += (m - 1) * h * w;
    }
  }
  return added / neurons;
}

test.each([0.001, 0.1, 0.5, 1, 3])('a share of %f is used up as far as it goes, and not passed', async (share) => {
  const network = importGraph(chain().model());
  const used = spent(network, await allocated(network, { share }));
  expect(used).toBeLessThanOrEqual(share);
  // What is left is less than a copy of the smallest channel.
  const [, , last] = relus(network);
  const { h, w } = network.nodes[last!]!.shape;
  expect(share - used).toBeLessThan((1 + h * w) / (6 * 36 + 3 * 36 + 6 * 9));
});

test('with room for all each channel has eight copies; with none the net stays', async () => {
  const network = importGraph(chain().model());
  const copies = await allocated(network, { share: 7 });
  expect([...copies.values()]).toEqual([6, 3, 6].map((c) => new Array(c).fill(8)));
  expect(await allocated(network, { share: 0 })).toEqual(new Map());
});

test('the narrow layer whose steps are coarse gets the neurons; in a layer the channel that is read most', async () => {
  const network = changed(2, (weight, i) => (i % 3 === 1 ? 4 * weight : weight));
  const clips = clipsOf(network, 2);
  const [first, second, third] = relus(network);
  clips.get(second!)!.fill(16);
  const copies = await allocated(network, { share: 0.5 }, clips);
  expect(copies.has(first!)).toBe(false);
  const some = new Map([...copies].filter(([id]) => id !== third));
  expect(spent(network, some)).toBeGreaterThan(0.6 * spent(network, copies));
  const [left, middle, right] = copies.get(second!)!;
  expect(middle).toBeGreaterThan(Math.max(left!, right!));
  // A channel that nothing depends on gets none, however much there is.
  const dead = changed(1, (weight, i) => (Math.floor(i / 9) % 6 === 4 ? 0 : weight));
  const generous = await allocated(dead, { share: 7 });
  expect(generous.get(first!)).toEqual([8, 8, 8, 8, 1, 8]);
});

test('it takes more error off the outputs than as many neurons spent at random', async () => {
  const network = changed(2, (weight, i) => (i % 3 === 1 ? 4 * weight : weight));
  const clips = clipsOf(network, 2);
  const images: number[] = [];
  for await (const batch of memoryDataset(shape, 40).batches(40)) images.push(...batch.images);
  const outputs = async (net: Network) => {
    const plan = openPlan(net);
    const result = await plan.run([Float32Array.from(images)], 40, { threads: 2 });
    plan.dispose();
    return result.outputs[0]!;
  };
  const exact = await outputs(network);
  const error = async (copies: ReadonlyMap<number, Copies>) => {
    const split = splitActivations(network, copies);
    const of = (id: number) => new Float64Array(split.nodes[id]!.shape.c).fill(2);
    const ours = await outputs(withQuantizedActivations(split, 4, 0.5, of));
    return ours.reduce((sum, v, i) => sum + (v - exact[i]!) ** 2, 0);
  };
  const random = new Random(5);
  const share = 0.6;
  const others: number[] = [];
  for (let i = 0; i < 12; i++) {
    const copies = new Map(relus(network).map((id) => [id, new Array(network.nodes[id]!.shape.c).fill(1) as number[]]));
    for (let tries = 0; tries < 60; tries++) {
      const ids = [...copies.keys()];
      const times = copies.get(ids[Math.floor(random.next() * ids.length)]!)!;
      const c = Math.floor(random.next() * times.length);
      times[c]!++;
      if (times[c]! > 8 || spent(network, copies) > share) times[c]!--;
    }
    others.push(await error(copies));
  }
  const chosen = await error(await allocated(network, { share }, clips));
  expect(chosen).toBeLessThan(0.5 * (await error(new Map())));
  expect(chosen).toBeLessThan(0.8 * (others.reduce((sum, e) => sum + e, 0) / others.length));
  expect(chosen).toBeLessThan(1.05 * Math.min(...others));
});

test('the same with any number of threads; a signal ends it; progress counts activations', async () => {
  const network = importGraph(chain().model());
  const steps: [number, number][] = [];
  const one = await allocated(network, { onProgress: (done, total) => steps.push([done, total]) });
  expect(steps).toEqual([
    [1, 3],
    [2, 3],
    [3, 3],
  ]);
  expect(await allocated(network, { threads: 2 })).toEqual(one);
  const controller = new AbortController();
  const onProgress = () => controller.abort(new Error('enough'));
  await expect(allocated(network, { signal: controller.signal, onProgress })).rejects.toThrow('enough');
});

describe('quantize', () => {
  const ann = join(folder, 'ann.onnx');
  const data = () => memoryDataset(shape, 96);
  const options = (): QuantizeOptions => ({ levels: 4, calibration: data(), format: 'int8', method: 'refit' });

  beforeAll(() => writeFileSync(ann, writeModel(chain().model())));

  /** Images that were not calibrated on. */
  async function held(): Promise<Float32Array> {
    const seen: Float32Array[] = [];
    for await (const { images } of memoryDataset(shape, 320).batches(64)) seen.push(images);
    return seen[4]!;
  }

  async function outputsOf(network: Network): Promise<Float32Array> {
    const plan = openPlan(network);
    const { outputs } = await plan.run([await held()], 64, { threads: 2 });
    plan.dispose();
    return outputs[0]!;
  }

  async function errorOf(bytes: Uint8Array): Promise<number> {
    const file = join(folder, 'q.onnx');
    writeFileSync(file, bytes);
    const [exact, ours] = [await outputsOf(await importModel(ann)), await outputsOf(await importModel(file))];
    const squares = (values: Float32Array) => values.reduce((sum, v) => sum + v * v, 0);
    return Math.sqrt(squares(exact.map((v, i) => v - ours[i]!)) / squares(exact));
  }

  test.each(['refit', 'reconstruct'] as const)(
    '%s: a split net is nearer to fp32, loss-free as SNN',
    async (method) => {
      const iterations = method === 'reconstruct' ? 40 : undefined;
      const stages = new Set<string>();
      const onProgress: QuantizeOptions['onProgress'] = (_, __, stage) => stages.add(stage);
      const [plain, split] = await Promise.all([
        quantize(ann, { ...options(), method, iterations }),
        quantize(ann, { ...options(), method, iterations, split: 1, onProgress }),
      ]);
      expect([...stages]).toEqual(expect.arrayContaining(['splitting', 'fitting', 'measuring']));
      expect(await errorOf(split.bytes)).toBeLessThan(0.8 * (await errorOf(plain.bytes)));
      expect(plain.layers.map(({ copies }) => copies)).toEqual([1, 1, 1]);
      const channels = [6, 3, 6];
      for (const [i, { copies, clips }] of split.layers.entries()) {
        expect(clips).toHaveLength(Math.round(copies * channels[i]!));
      }
      const added = split.layers.reduce((sum, { copies }, i) => sum + (copies - 1) * channels[i]! * [36, 36, 9][i]!, 0);
      expect(added / (9 * 36 + 6 * 9)).toBeLessThanOrEqual(1 + 1e-9);
      expect(added / (9 * 36 + 6 * 9)).toBeGreaterThan(0.9);

      const file = join(folder, `${method}.onnx`);
      writeFileSync(file, split.bytes);
      const recorded = readMetadata(await importModel(file));
      expect(Object.values(recorded.clips!)).toEqual(split.layers.map(({ clips }) => clips));
      const snn = await SpikingNetwork.load(file);
      const { certificate } = await snn.simulate(await held(), 64, { certify: true });
      expect(certificate!.mismatches).toBe(0);
      expect(certificate!.checkedNeurons).toBeGreaterThan(64 * 1.8 * (9 * 36 + 6 * 9));
      snn.dispose();
    },
  );

  test('float32 too, and from there to int8', async () => {
    const float = await quantize(ann, { ...options(), format: 'float32', split: 0.5 });
    const plain = await quantize(ann, { ...options(), format: 'float32' });
    expect(await errorOf(float.bytes)).toBeLessThan(await errorOf(plain.bytes));
    const file = join(folder, 'float.onnx');
    writeFileSync(file, float.bytes);
    const int8 = join(folder, 'int8.onnx');
    writeFileSync(int8, (await quantize(file, { format: 'int8' })).bytes);
    const snn = await SpikingNetwork.load(int8);
    expect((await snn.simulate(await held(), 64, { certify: true })).certificate!.mismatches).toBe(0);
    snn.dispose();
  });

  test('split 0 is as if nothing had been said; the same bytes every time, with one thread and with two', async () => {
    const bytes = async (more: Partial<QuantizeOptions>) =>
      (await quantize(ann, { ...options(), calibration: memoryDataset(shape, 40), ...more })).bytes;
    expect(Buffer.compare(await bytes({ split: 0 }), await bytes({}))).toBe(0);
    const one = await bytes({ split: 0.7, threads: 1 });
    expect(Buffer.compare(await bytes({ split: 0.7, threads: 2 }), one)).toBe(0);
    expect(Buffer.compare(await bytes({ split: 0 }), one)).not.toBe(0);
  });

  test('a net in which nothing can be split is quantised as without', async () => {
    const net = new Net(['N', 2, 6, 6]);
    net.add('Relu', [net.conv('x', 4, 2)]);
    const file = join(folder, 'activation.onnx');
    writeFileSync(file, writeModel(net.model()));
    const [plain, split] = await Promise.all([quantize(file, options()), quantize(file, { ...options(), split: 1 })]);
    expect(split.layers.map(({ copies }) => copies)).toEqual([1]);
    expect(Buffer.compare(split.bytes, plain.bytes)).toBe(0);
  });

  test.each<[QuantizeOptions['method'], number, RegExp]>([
    ['mse', 0.5, /the method mse splits no channels/],
    ['percentile', 0.5, /the method percentile splits no channels/],
    ['refit', -0.1, /a share from 0 to 7/],
    ['refit', Number.NaN, /a share from 0 to 7/],
    ['refit', 7.01, /a share from 0 to 7/],
    ['reconstruct', Number.POSITIVE_INFINITY, /a share from 0 to 7/],
    ['refit', '0.5' as never, /a share from 0 to 7/],
  ])('refused: %s with split %s', async (method, split, message) => {
    await expect(quantize(ann, { ...options(), method, split })).rejects.toMatchObject({
      code: 'ERR_CASC_ARGUMENT',
      message: expect.stringMatching(message),
      where: { option: 'split' },
    });
  });

  test('an abort while channels are split ends it', async () => {
    const controller = new AbortController();
    const onProgress: QuantizeOptions['onProgress'] = (_, __, stage) => {
      if (stage === 'splitting') controller.abort(new Error('enough'));
    };
    const stopped = quantize(ann, { ...options(), split: 1, signal: controller.signal, onProgress });
    await expect(stopped).rejects.toThrow('enough');
  });
});
