/** Neurons for copies of channels: the budget is kept, what belongs together stays so, and the outputs are the better for it. */
import { importGraph, type Network } from '../../lib/graph';
import { numel, type ReluNode } from '../../lib/graph/network';
import { withQuantizedActivations } from '../../lib/graph/quantized';
import { splitActivations } from '../../lib/graph/split';
import { splitUnits } from '../../lib/graph/split-channels';
import { allocate } from '../../lib/quantize/allocate';
import { openPlan } from '../../lib/quantize/calibrate';
import { ints, Net } from '../graph/make';
import { memoryDataset } from '../support/memory-dataset';
import { Random } from '../support/random';

const LEVELS = 4;
const CLIP = 1.5;

/** Two branches that meet, are shuffled and read by a depthwise convolution and a plain one; a sum, an average, a classifier. */
function network(): Network {
  const net = new Net(['N', 2, 8, 8]);
  const a = net.add('Relu', [net.conv('x', 4, 2)]);
  const b = net.add('Relu', [net.conv('x', 4, 2, 1)]);
  const joined = net.add('Concat', [a, b], { axis: 1 });
  const some = net.add('Gather', [joined, ints([0, 4, 2, 6])], { axis: 1 });
  const deep = net.add('Relu', [net.conv(net.conv(some, 4, 1, 3, { group: 4 }), 6, 4, 1)]);
  const flat = net.add('Relu', [net.conv(joined, 6, 8)]);
  const sum = net.add('Relu', [net.add('Add', [net.conv(deep, 6, 6), flat])]);
  return importGraph(net.model([net.conv(net.add('GlobalAveragePool', [sum]), 3, 6, 1)]));
}

const data = memoryDataset({ c: 2, h: 8, w: 8 }, 40);
const relusOf = (net: Network) => net.nodes.filter((node): node is ReluNode => node.op === 'relu');
const neurons = (net: Network) => relusOf(net).reduce((sum, { shape }) => sum + numel(shape), 0);
const clipsOf = (net: Network) => new Map(relusOf(net).map(({ id }) => [id, Float64Array.of(CLIP)]));
const spread = (share: number) =>
  allocate(network(), clipsOf(network()), data, { levels: LEVELS, shift: 0.5, share, threads: 1 });

/** Squared error of the outputs of the quantised net. */
async function errorOf(net: Network): Promise<number> {
  const image = new Random(8).normal(16 * 128, 0.7);
  const run = async (some: Network) => {
    const plan = openPlan(some);
    const { outputs } = await plan.run([image], 16, { threads: 1 });
    plan.dispose();
    return outputs[0]!;
  };
  const exact = await run(net);
  const ours = await run(withQuantizedActivations(net, LEVELS, 0.5, () => Float64Array.of(CLIP)));
  return exact.reduce((total, v, i) => total + (v - ours[i]!) ** 2, 0);
}

test('nothing to spend, nothing split', async () => {
  expect(await spread(0)).toEqual(new Map());
});

test.each([0.3, 1, 2.5])('a share of %f is kept, and spent where channels are tied as a whole', async (share) => {
  const net = network();
  const copies = await spread(share);
  const wide = splitActivations(net, copies);
  const added = neurons(wide) - neurons(net);
  expect(added).toBeLessThanOrEqual(share * neurons(net));
  // What is left is too little for the set of four channels that the depthwise convolution ties together.
  expect(added).toBeGreaterThan(share * neurons(net) - 4 * 64);
  const tied = splitUnits(net).find(({ length }) => length === 4)!;
  expect(new Set(tied.map(({ id, channel }) => copies.get(id)?.[channel] ?? 1)).size).toBe(1);
  expect(await errorOf(wide)).toBeLessThan(await errorOf(net));
});

test('no channel has more than eight copies, whatever there is to spend', async () => {
  const copies = await spread(50);
  expect(copies.size).toBe(3);
  for (const list of copies.values()) expect(list).toEqual(new Array(list.length).fill(8));
});

test('channels that nothing reads are not worth a neuron', async () => {
  const net = network();
  const [first] = relusOf(net);
  const nodes = net.nodes.map((node) => {
    if (node.op !== 'conv' || !node.weight.length) return node;
    const source = net.nodes[node.inputs[0]!]!;
    if (source.op !== 'route' || node.groups > 1) return node;
    // Of the concatenated channels, the second of the first branch is read by this convolution alone.
    const weight = node.weight.map((w, i) => (Math.floor(i / 9) % 8 === 1 ? 0 : w));
    return { ...node, weight };
  });
  const copies = await allocate({ ...net, nodes }, clipsOf(net), data, { levels: LEVELS, shift: 0.5, share: 50 });
  expect(copies.get(first!.id)).toEqual([8, 1, 8, 8]);
});
