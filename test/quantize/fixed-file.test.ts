/** The written fixed-point file: onnxruntime gives the spike counts, neuron by neuron; the file read back is the same net. */
import { importModel } from '../../lib/graph';
import { toLayers } from '../../lib/graph/layered';
import type { QuantNode } from '../../lib/graph/network';
import { toFixedPoint } from '../../lib/quantize/fixed-point';
import { encodeMetadata } from '../../lib/quantize/metadata';
import { readoutUnits, writeFixedPoint } from '../../lib/quantize/write-fixed';
import { SpikingNetwork } from '../../lib/simulate';
import { relativeDifference, runOnnx } from '../support/onnxruntime';
import { randomNet } from '../support/random-net';

const inputRange = { min: -3, max: 3 };

async function writtenNet(seed: number, format: 'int8' | 'int16') {
  // Clip values per channel in most layers.
  const net = randomNet(seed, 2, { perChannel: seed % 3 === 0 ? 0 : 0.8 });
  const network = await importModel(net.model);
  const fixed = toFixedPoint(toLayers(network), { format, inputRange });
  const metadata = encodeMetadata({ format, levels: net.levels, readouts: readoutUnits(fixed) });
  return { ...net, network, fixed, written: writeFixedPoint(fixed, metadata) };
}

/** Spike counts are levels; where a factor follows, the tensor is the level times that. */
function levelsOf(tensor: Float32Array, { stepOut, shape }: QuantNode): number[] {
  const plane = shape.h * shape.w;
  return Array.from(tensor, (value, i) => {
    const step = stepOut.length === 1 ? stepOut[0]! : stepOut[Math.floor(i / plane) % shape.c]!;
    return Math.round(value / step);
  });
}

test.each([...new Array(80).keys()])('random net %i: onnxruntime on the file = spike counts', async (seed) => {
  const format = seed % 2 === 0 ? 'int8' : 'int16';
  const { written, images, count, network } = await writtenNet(1000 + seed, format);
  const again = await importModel(written);
  const snn = SpikingNetwork.from(again);
  expect(snn.converted.format).toBe(format);
  const result = await snn.simulate(images, count, { counts: true, certify: true });
  expect(result.certificate!.mismatches).toBe(0);
  const quants = again.nodes.filter((node): node is QuantNode => node.op === 'quant');
  const dims = [count, ...network.inputDims];
  for (const optimize of [true, false]) {
    const tensors = quants.map((node) => node.tensor);
    const ort = await runOnnx(written, images, dims, { tensors, optimize });
    for (const node of quants) {
      expect(levelsOf(ort[node.tensor]!, node)).toEqual([...result.counts![node.name]!]);
    }
    network.outputs.forEach(({ name, dims: wanted }, i) => {
      expect(again.outputs[i]).toMatchObject({ name, dims: wanted });
      expect(relativeDifference(result.outputs[i]!, ort[name]!)).toBeLessThan(2e-6);
    });
  }
  snn.dispose();
});

test.each([...new Array(40).keys()])('random net %i: reading the file back changes no integer', async (seed) => {
  const { written, fixed, network, images, count } = await writtenNet(2000 + seed, seed % 2 === 0 ? 'int8' : 'int16');
  const again = await importModel(written);
  const readouts = JSON.parse(again.metadata['casc.readouts']!) as number[];
  const second = toFixedPoint(toLayers(again), { format: fixed.format, readoutUnits: readouts });
  const neurons = (net: typeof fixed) =>
    net.layers
      .filter((layer) => layer.kind === 'neuron')
      .map(({ stepIn, offset }) => ({ stepIn: [...stepIn], offset: [...offset] }));
  expect(neurons(second)).toEqual(neurons(fixed));
  expect(readoutUnits(second)).toEqual(readoutUnits(fixed));

  const [first, back] = [network, again].map((net) => SpikingNetwork.from(net, { format: fixed.format, inputRange }));
  const run = async (snn: SpikingNetwork) => (await snn.simulate(images, count, { everyStep: true })).accumulated;
  expect([...(await run(back!))]).toEqual([...(await run(first!))]);
  first!.dispose();
  back!.dispose();
});

test('int16 integers do not fit int8: the file is rounded anew, not cut off', async () => {
  for (const seed of [4001, 4002, 4003]) {
    const { written, network, images, count } = await writtenNet(seed, 'int16');
    const narrow = SpikingNetwork.from(await importModel(written), { format: 'int8' });
    const float = SpikingNetwork.from(network, { format: 'float32' });
    const { outputs } = await narrow.simulate(images, count);
    const reference = await float.simulate(images, count);
    expect(relativeDifference(outputs[0]!, reference.outputs[0]!)).toBeLessThan(0.5);
    narrow.dispose();
    float.dispose();
  }
});

test('a file whose integers were changed is refused by name', async () => {
  const { written } = await writtenNet(1001, 'int16');
  const weight = written.proto.graph.initializer!.find(({ name }) => name!.endsWith('/weight'))!;
  const bytes = Uint8Array.from(weight.rawData!);
  new Float32Array(bytes.buffer).fill(1.25, 0, 1);
  weight.rawData = bytes;
  const network = await importModel(written);
  expect(() => SpikingNetwork.from(network)).toThrow(
    /is not in the integers that casc.format and casc.readouts promise/,
  );
});

test('every sum stays below 2^24 and every weight within its bits', async () => {
  for (let seed = 3000; seed < 3020; seed++) {
    const { fixed } = await writtenNet(seed, 'int8');
    for (const layer of fixed.layers) {
      if (layer.kind !== 'neuron') continue;
      for (const term of layer.terms) {
        if (term.op === 'conv') expect(Math.max(...term.weight.map(Math.abs))).toBeLessThanOrEqual(127);
      }
      expect(layer.stepIn.every((k) => Number.isInteger(k) && k >= 1 && k * (fixed.levels + 1) < 2 ** 24)).toBe(true);
      expect(layer.bias.every(Number.isInteger)).toBe(true);
    }
  }
});
