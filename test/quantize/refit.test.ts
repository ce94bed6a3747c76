/** Closed-form reconstruction: what a convolution is fitted to, that fitting helps, and what happens to dead channels and bad data. */
import type { Dataset } from '../../lib/datasets';
import { importModel } from '../../lib/graph';
import type { ConvNode, Network } from '../../lib/graph/network';
import { withQuantizedActivations } from '../../lib/graph/quantized';
import { openPlan } from '../../lib/quantize/calibrate';
import { refit } from '../../lib/quantize/refit';
import { targetOf } from '../../lib/quantize/targets';
import { Net, weights } from '../graph/make';
import { Random } from '../support/random';

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
  expect(after).toBeLessThan(0.9 * before);

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
