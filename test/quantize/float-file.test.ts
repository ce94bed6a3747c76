/** The written float32 file: the original graph with quantised activations, whatever form they had. */
import { importModel } from '../../lib/graph';
import { toLayers } from '../../lib/graph/layered';
import type { QuantNode } from '../../lib/graph/network';
import { sharedClips, withQuantizedActivations } from '../../lib/graph/quantized';
import { float, type OnnxModel } from '../../lib/onnx';
import { writeFloat } from '../../lib/quantize/write-float';
import { SpikingNetwork } from '../../lib/simulate';
import { Net, scalar, weights } from '../graph/make';
import { relativeDifference, runOnnx } from '../support/onnxruntime';
import { Random } from '../support/random';
import { randomNet } from '../support/random-net';

const dims = [3, 3, 8, 8];
const images = new Random(5).normal(3 * 3 * 64, 1);

/**
 * Quantises every activation at 8 levels, with λ = 1 + place/8 for a layer and others for its channels; runs the files in
 * onnxruntime and as spiking nets.
 */
async function check(model: OnnxModel): Promise<QuantNode[]> {
  await checkWith(model, (_, place) => Float64Array.of(1 + place / 8));
  return checkWith(model, (channels, place) =>
    Float64Array.from({ length: channels }, (_, c) => 1 + place / 8 + c / 4),
  );
}

async function checkWith(model: OnnxModel, clipsOf: (channels: number, place: number) => Float64Array) {
  const network = await importModel(model);
  const relus = network.nodes.filter((node) => node.op === 'relu' && !node.tail);
  const clips = new Map(relus.map(({ id, shape }, place) => [id, clipsOf(shape.c, place)]));
  const written = writeFloat(model, network, { levels: 8, shift: 0.5, clips }, {});
  const again = await importModel(written);
  const quants = again.nodes.filter((node): node is QuantNode => node.op === 'quant');
  expect(quants.map(({ levels, stepIn }) => stepIn.map((step) => levels * step))).toEqual([...clips.values()]);

  const snn = SpikingNetwork.from(again);
  const { outputs } = await snn.simulate(images, dims[0]!);
  snn.dispose();
  for (const optimize of [true, false]) {
    const ort = await runOnnx(written, images, dims, { optimize });
    again.outputs.forEach(({ name }, i) => {
      expect(relativeDifference(outputs[i]!, ort[name]!)).toBeLessThan(1e-5);
    });
  }
  return quants;
}

function withHead(net: Net, x: string, channels: number): OnnxModel {
  const pooled = net.add('GlobalAveragePool', [x]);
  const flat = net.add('Flatten', [pooled], { axis: 1 });
  return net.model([net.add('Gemm', [flat, weights([4, channels]), weights([4], 9)], { transB: 1 })]);
}

test.each([9, 10, 11, 13, 18])('opset %i: Relu and Clip', async (opset) => {
  const net = new Net(['N', 3, 8, 8], opset);
  const a = net.add('Relu', [net.conv('x', 4, 3)]);
  const convolved = net.conv(a, 4, 4);
  const b =
    opset < 11
      ? net.add('Clip', [convolved], { min: float(0), max: float(6) })
      : net.add('Clip', [convolved, scalar(0), scalar(6)]);
  const c = net.add('Relu', [net.add('Add', [net.conv(b, 4, 4), a])]);
  expect(await check(withHead(net, c, 4))).toHaveLength(3);
});

test('Relu6 as Relu and Min, a Max with the constant first, nodes without names', async () => {
  const net = new Net(['N', 3, 8, 8]);
  const a = net.add('Min', [net.add('Relu', [net.conv('x', 4, 3)]), scalar(6)]);
  const b = net.add('Max', [scalar(0), net.conv(a, 5, 4)]);
  const model = withHead(net, b, 5);
  for (const node of model.proto.graph.node!) delete node.name;
  expect(await check(model)).toHaveLength(2);
});

test('a max-pool before its Relu, and a Relu that two layers and an output read', async () => {
  const net = new Net(['N', 3, 8, 8]);
  const pooled = net.add('MaxPool', [net.conv('x', 4, 3)], { kernel_shape: [2, 2], strides: [2, 2] });
  const a = net.add('Relu', [pooled]);
  const b = net.add('Relu', [net.add('Add', [net.conv(a, 4, 4), a])], {}, ['features']);
  const c = net.add('Relu', [net.conv(b, 4, 4)]);
  const d = net.add('Relu', [net.conv(b, 4, 4, 1)]);
  const model = withHead(net, net.add('Add', [c, d]), 4);
  model.proto.graph.output!.push({ name: 'features', type: { tensorType: { elemType: 1 } } });
  expect(await check(model)).toHaveLength(4);
});

test('tensors that bear the names of ours', async () => {
  const net = new Net(['N', 3, 8, 8]);
  const x = net.add('Conv', ['x', weights([4, 3, 1, 1])], {}, ['r/0']);
  net.constant(scalar(3), 'r/clip');
  const a = net.add('Relu', [x], {}, ['r']);
  const b = net.add('Relu', [net.conv(net.add('Mul', [a, 'r/clip']), 4, 4)]);
  expect(await check(withHead(net, b, 4))).toHaveLength(2);
});

test.each([...new Array(40).keys()])(
  'random net %i with clip values per channel: read back, the same net',
  async (seed) => {
    const { model, images: input, count } = randomNet(6000 + seed, 2, { plain: true });
    const network = await importModel(model);
    const random = new Random(seed);
    const shared = sharedClips(network);
    const clips = new Map(
      network.nodes.flatMap((node): [number, Float64Array][] => {
        if (node.op !== 'relu' || node.tail) return [];
        const length = shared.has(node.id) ? 1 : node.shape.c;
        return [[node.id, Float64Array.from({ length }, () => Math.fround(0.25 + random.next()))]];
      }),
    );
    const again = await importModel(writeFloat(model, network, { levels: 8, shift: 0.5, clips }, {}));
    const nets = [withQuantizedActivations(network, 8, 0.5, (id) => clips.get(id)!), again];
    const [want, got] = nets.map((net) => toLayers(net).layers.map(({ name: _, tensor: __, ...layer }) => layer));
    expect(got).toEqual(want);
    const [a, b] = nets.map((net) => SpikingNetwork.from(net, { format: 'int8', inputRange: { min: -3, max: 3 } }));
    const run = async (snn: SpikingNetwork) => (await snn.simulate(input, count)).hash;
    expect(await run(b!)).toEqual(await run(a!));
    a!.dispose();
    b!.dispose();
  },
);
