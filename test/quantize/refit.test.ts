/** Closed-form reconstruction: what a convolution is fitted to, that fitting helps, and what happens to dead channels and bad data. */
import type { Dataset } from '../../lib/datasets';
import { importGraph, importModel } from '../../lib/graph';
import { toLayers } from '../../lib/graph/layered';
import type { ConvNode, Network } from '../../lib/graph/network';
import { type ClipValues, withQuantizedActivations } from '../../lib/graph/quantized';
import { openPlan } from '../../lib/quantize/calibrate';
import { toFixedPoint } from '../../lib/quantize/fixed-point';
import { withInputGrid } from '../../lib/quantize/input-grid';
import { raiseClips } from '../../lib/quantize/least-clips';
import { refit } from '../../lib/quantize/refit';
import { targetOf } from '../../lib/quantize/targets';
import { writeFixedPoint } from '../../lib/quantize/write-fixed';
import { Net, weights } from '../graph/make';
import { Random } from '../support/random';
import { checkLimitedBySums, pictures, roundedWeights, wide } from './integers';

/** Convolution, residual block with a projection, depthwise and 1×1 without an activation between, pool, classifier. */
function network(change: (node: ConvNode) => ConvNode = (node) => node): Promise<Network> {
  const net = new Net(['N', 2, 8, 8]);
  let x = net.add('Relu', [net.conv('x', 6, 2)]);
  const inner = net.add('Relu', [net.conv(x, 8, 6, 3, { strides: [2, 2] })]);
  const shortcut = net.conv(x, 8, 6, 1, { strides: [2, 2], pads: [0, 0, 0, 0] });
  x = net.add('Relu', [net.add('Add', [net.conv(inner, 8, 8), shortcut])]);
  const depthwise = net.conv(x, 8, 1, 3, { group: 8 });
  x = net.add('Relu', [net.conv(depthwise, 12, 8, 1)]);
  x = net.add('Flatten', [net.add('GlobalAveragePool', [x])], { axis: 1 });
  const model = net.model([net.add('Gemm', [x, weights([5, 12]), weights([5])], { transB: 1 })]);
  return importModel(model).then((made) => ({
    ...made,
    nodes: made.nodes.map((node) => (node.op === 'conv' ? change(node) : node)),
  }));
}

function images(count: number, seed: number, change: (v: number) => number = (v) => v): Dataset {
  const made = {
    name: 'memory',
    size: count,
    shape: { c: 2, h: 8, w: 8 },
    async *batches(size: number) {
      const random = new Random(seed);
      for (let start = 0; start < count; start += size) {
        const n = Math.min(size, count - start);
        yield { images: random.normal(n * 128, 0.7).map(change), labels: new Int32Array(n), ids: [], count: n, start };
      }
    },
  };
  return made as unknown as Dataset;
}

const options = { format: 'float32' as const, levels: 4, shift: 0.5, threads: 2 };
const convolutions = (net: Network) => net.nodes.filter((node): node is ConvNode => node.op === 'conv');

async function outputs(net: Network, data: Dataset): Promise<Float32Array> {
  const plan = openPlan(net);
  const all: number[] = [];
  for await (const { images: x, count } of data.batches(32)) {
    all.push(...(await plan.run([x], count, { threads: 1 })).outputs[0]!);
  }
  plan.dispose();
  return Float32Array.from(all);
}

function distance(a: Float32Array, b: Float32Array): number {
  return Math.sqrt(a.reduce((sum, v, i) => sum + (v - b[i]!) ** 2, 0));
}

test('a convolution is fitted to the sum it goes into once its shortcut is settled, else to itself', async () => {
  const net = await network();
  const [first, , main, projection, depthwise] = [...convolutions(net)];
  const add = net.nodes.find((node) => node.op === 'add')!;
  expect(targetOf(net, first!.id)).toBe(first!.id);
  const [early, late] = [main!, projection!].sort((a, b) => a.id - b.id);
  expect(targetOf(net, early!.id)).toBe(early!.id);
  expect(targetOf(net, late!.id)).toBe(add.id);
  expect(targetOf(net, depthwise!.id)).toBe(depthwise!.id);
});

test('a refitted net is nearer to the fp32 net on images that it has not seen', async () => {
  const net = await network();
  const { network: fitted, clips, layers } = await refit(net, images(200, 1), options);
  const held = images(100, 2);
  const float = await outputs(net, held);
  const quantized = (from: Network) => withQuantizedActivations(from, 4, 0.5, (id) => clips.get(id)!);
  const before = distance(float, await outputs(quantized(net), held));
  const after = distance(float, await outputs(quantized(fitted), held));
  expect(after).toBeLessThan(0.93 * before);

  expect(layers.map(({ name }) => name)).toEqual(
    net.nodes.filter((node) => node.op === 'conv' || node.op === 'relu').map(({ name }) => name),
  );
  for (const layer of layers) {
    if (layer.kind === 'convolution') {
      expect(layer.errorAfter).toBeLessThanOrEqual(layer.errorBefore);
    } else {
      expect(layer.error).toBeGreaterThan(0);
      expect(layer.error).toBeLessThan(0.6);
      expect(layer.shareZero + layer.shareTop).toBeLessThan(1);
    }
  }
  for (const [id, values] of clips) expect(values).toHaveLength(net.nodes[id]!.shape.c);
});

test('the same with any number of threads', async () => {
  const net = await network();
  const one = await refit(net, images(70, 1), { ...options, threads: 1 });
  const two = await refit(net, images(70, 1), options);
  expect(two.clips).toEqual(one.clips);
  expect(two.layers).toEqual(one.layers);
  expect(two.network.nodes).toEqual(one.network.nodes);
});

test('a dead channel takes the largest clip value of the others; a dead layer is named', async () => {
  const dying = (channels: number) => (node: ConvNode) =>
    node.name === 'Conv_0' ? { ...node, bias: node.bias!.map((b, c) => (c < channels ? -100 : b)) } : node;
  const { clips } = await refit(await network(dying(2)), images(40, 1), options);
  const [values] = [...clips.values()];
  expect(values![0]).toBe(Math.max(...values!));
  expect(values![1]).toBe(values![0]);
  await expect(refit(await network(dying(6)), images(40, 1), options)).rejects.toMatchObject({
    code: 'ERR_CASC_CALIBRATION',
    message: expect.stringContaining('never rose'),
    where: { node: expect.stringContaining('Relu') },
  });
});

test('constant images leave finite weights; NaN in them or in the weights names the node', async () => {
  const net = await network();
  const constant = await refit(
    net,
    images(20, 1, () => 0.3),
    options,
  );
  for (const node of convolutions(constant.network)) expect(node.weight.every(Number.isFinite)).toBe(true);
  const first = convolutions(net)[0]!.name;
  await expect(
    refit(
      net,
      images(20, 1, () => Number.NaN),
      options,
    ),
  ).rejects.toMatchObject({ code: 'ERR_CASC_CALIBRATION', where: { node: first } });
  const broken = await network((node) => (node.groups === 8 ? { ...node, weight: node.weight.map(() => 1e38) } : node));
  await expect(refit(broken, images(20, 1), options)).rejects.toMatchObject({ code: 'ERR_CASC_CALIBRATION' });
});

test('a signal and a callback that throws end it; progress counts every layer', async () => {
  const net = await network();
  const steps: [number, number][] = [];
  await refit(net, images(20, 1), { ...options, onProgress: (done, total) => steps.push([done, total]) });
  expect(steps.map(([done]) => done)).toEqual(steps.map((_, i) => i + 1));
  expect(steps.at(-1)![0]).toBe(steps[0]![1]);
  const controller = new AbortController();
  const onProgress = () => controller.abort(new Error('enough'));
  const stopped = refit(net, images(20, 1), { ...options, signal: controller.signal, onProgress });
  await expect(stopped).rejects.toThrow('enough');
  const thrower = () => {
    throw new Error('mine');
  };
  await expect(refit(net, images(20, 1), { ...options, onProgress: thrower })).rejects.toThrow('mine');
});

describe('int8: weights are rounded inside', () => {
  const int8 = { ...options, format: 'int8' as const };
  const grid = { step: 2 ** -5, lo: -96, hi: 96 };
  const off = (weights: readonly { steps: number; integer: number }[]) =>
    Math.max(...weights.map(({ steps, integer }) => Math.abs(steps - integer)));

  test('to the integers of the fixed-point net, shortcuts and the readout too', async () => {
    const net = withInputGrid(await network(), grid);
    const { network: fitted, clips } = await refit(net, images(70, 1), int8);
    const layers = roundedWeights(fitted, clips, 4);
    // The depthwise convolution and the 1×1 behind it are one by then, and were not rounded each on its own.
    const [fused, ...own] = [...layers].sort((a, b) => b.length - a.length);
    expect(fused).toHaveLength(12 * 8 * 9);
    expect(own.map((weights) => weights.length)).toEqual([576, 432, 108, 60, 48]);
    for (const weights of own) expect(off(weights)).toBeLessThan(0.01);
  });

  test('where sums, not bits of weights, limit the first layer: pixels of 0 to 255', async () => {
    const { net, data } = wide();
    const { network: fitted, clips } = await refit(net, data, { ...int8, levels: 32 });
    const [first, ...others] = roundedWeights(fitted, clips, 32);
    checkLimitedBySums(first!);
    expect(others.map(off).every((most) => most < 0.01)).toBe(true);
  });

  test('the input counts as one behind data movement too', async () => {
    const net = new Net(['N', 2, 8, 8]);
    const twice = net.add('Concat', ['x', 'x'], { axis: 1 });
    const seven = weights([6, 4, 7, 7], 5, 0.5 / 64);
    const x = net.add('Relu', [net.add('Conv', [twice, seven, weights([6], 4, 0.2)])]);
    const made = withInputGrid(importGraph(net.model([net.conv(x, 3, 6, 1)])), { step: 1, lo: 0, hi: 255 });
    const { network: fitted, clips } = await refit(made, pictures(64), { ...int8, levels: 32 });
    checkLimitedBySums(roundedWeights(fitted, clips, 32)[0]!);
  });

  test('channels that hardly ever fire get clip values with room for four steps, which then stay', async () => {
    const plain = withInputGrid(await network(), grid);
    const second = convolutions(plain)[1]!;
    const data = images(70, 1);
    const seen = await outputs({ ...plain, outputs: [{ ...plain.outputs[0]!, node: second.id }] }, data);
    const { c, h, w } = second.shape;
    const most = new Float32Array(c).fill(-Infinity);
    seen.forEach((v, i) => {
      const channel = Math.floor(i / (h * w)) % c;
      most[channel] = Math.max(most[channel]!, v);
    });
    const bias = second.bias!.map((b, channel) => b - most[channel]! + (channel % 2 ? 0.02 : 2));
    const net = { ...plain, nodes: plain.nodes.map((node) => (node.id === second.id ? { ...second, bias } : node)) };
    const { network: fitted, clips } = await refit(net, data, { ...int8, levels: 16 });
    const layered = toLayers(withQuantizedActivations(fitted, 16, 0.5, (id) => clips.get(id)!));
    const fixed = toFixedPoint(layered, { format: 'int8' });
    const thresholds = fixed.layers.flatMap((layer) => (layer.kind === 'neuron' ? [layer.stepIn] : []))[1]!;
    expect(thresholds.filter((k) => k === 4).length).toBeGreaterThan(1);
    expect(Math.min(...thresholds)).toBe(4);
    for (const [id, values] of raiseClips(fitted, clips, 16)) expect(values).toEqual(clips.get(id));
  });

  /** As the file has it. */
  function written(from: Network, clips: ClipValues, levels: number): Network {
    const layered = toLayers(withQuantizedActivations(from, levels, 0.5, (id) => clips.get(id)!));
    return importGraph(writeFixedPoint(toFixedPoint(layered, { format: 'int8' }), {}));
  }

  test('the net is hardly worse than the float32 one, far less than rounded at the end', async () => {
    const { net, data } = wide();
    const held = pictures(64, 4);
    const exact = await outputs(net, held);
    const error = async (from: Network) => distance(exact, await outputs(from, held));
    const levels = 32;
    const float = await refit(net, data, { ...options, levels });
    const inside = await refit(net, data, { ...int8, levels });
    const floatError = await error(withQuantizedActivations(float.network, levels, 0.5, (id) => float.clips.get(id)!));
    const insideError = await error(written(inside.network, inside.clips, levels));
    const endError = await error(written(float.network, float.clips, levels));
    expect(endError).toBeGreaterThan(1.05 * floatError);
    expect(insideError - floatError).toBeLessThan(0.5 * (endError - floatError));
  });
});
