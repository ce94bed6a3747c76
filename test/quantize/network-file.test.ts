/** A network written node by node: read back, it is the same net; onnxruntime gives the same levels at every activation. */
import { importModel } from '../../lib/graph';
import type { ConvNode, Network, NetworkNode, QuantNode } from '../../lib/graph/network';
import { sharedClips, withQuantizedActivations } from '../../lib/graph/quantized';
import { writeNetwork } from '../../lib/quantize/write-network';
import { SpikingNetwork } from '../../lib/simulate';
import { relativeDifference, runOnnx } from '../support/onnxruntime';
import { Random } from '../support/random';
import { randomNet } from '../support/random-net';

/** A random net of plain ReLUs whose weights and biases are others now, quantised with clip values per channel. */
async function changedNet(seed: number) {
  const net = randomNet(seed, 2, { plain: true });
  const network = await importModel(net.model);
  const random = new Random(seed);
  const shared = sharedClips(network);
  const clips = new Map(
    network.nodes.map(({ id, shape }): [number, Float64Array] => {
      const length = shared.has(id) ? 1 : shape.c;
      return [id, Float64Array.from({ length }, () => Math.fround(0.25 + random.next()))];
    }),
  );
  const nodes = network.nodes.map((node): NetworkNode => (node.op === 'conv' ? refitted(node, random) : node));
  return { ...net, quantized: withQuantizedActivations({ ...network, nodes }, 8, 0.5, (id) => clips.get(id)!) };
}

function refitted(node: ConvNode, random: Random): ConvNode {
  const bias = random.normal(node.shape.c, 0.1);
  return { ...node, weight: node.weight.map((w) => w * (1 + 0.1 * random.next())), bias };
}

/** What a random net has besides ReLUs: grids, factors, biases over a border. */
async function quantizedNet(seed: number) {
  const net = randomNet(seed, 2, { perChannel: 0.5 });
  return { ...net, quantized: await importModel(net.model) };
}

async function check(quantized: Network, images: Float32Array, count: number): Promise<void> {
  const written = writeNetwork(quantized, { 'casc.test': '1' });
  const again = await importModel(written);
  expect(again.metadata['casc.test']).toBe('1');
  expect(again.inputDims).toEqual(quantized.inputDims);
  expect(again.outputs.map(({ name, dims }) => ({ name, dims }))).toEqual(
    quantized.outputs.map(({ name, dims }) => ({ name, dims })),
  );
  const quants = (network: Network) => network.nodes.filter((node): node is QuantNode => node.op === 'quant');
  const steps = (network: Network) => quants(network).map(({ levels, stepIn }) => [levels, ...new Set(stepIn)]);
  expect(steps(again)).toEqual(steps(quantized));

  const options = { format: 'int8', inputRange: { min: -3, max: 3 } } as const;
  const [a, b] = [quantized, again].map((network) => SpikingNetwork.from(network, options));
  const hash = async (snn: SpikingNetwork) => (await snn.simulate(images, count)).hash;
  expect(await hash(b!)).toEqual(await hash(a!));
  a!.dispose();
  b!.dispose();

  const float = SpikingNetwork.from(again, { format: 'float32' });
  const { outputs } = await float.simulate(images, count);
  const ort = await runOnnx(written, images, [count, ...quantized.inputDims], { optimize: false });
  again.outputs.forEach(({ name }, i) => {
    expect(relativeDifference(outputs[i]!, ort[name]!)).toBeLessThan(1e-4);
  });
  float.dispose();
}

test.each([...new Array(40).keys()])('random net %i with other weights', async (seed) => {
  const { quantized, images, count } = await changedNet(7000 + seed);
  await check(quantized, images, count);
});

test.each([...new Array(40).keys()])('random net %i that was quantised before', async (seed) => {
  const { quantized, images, count } = await quantizedNet(7100 + seed);
  await check(quantized, images, count);
});
