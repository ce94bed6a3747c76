/** A split net behind routes and depthwise convolutions goes through what fits and trains it, and out into fixed point. */
import { importGraph, importModel, type Network } from '../../lib/graph';
import { toLayers } from '../../lib/graph/layered';
import type { ReluNode } from '../../lib/graph/network';
import { withQuantizedActivations } from '../../lib/graph/quantized';
import { splitActivations } from '../../lib/graph/split';
import { splitUnits } from '../../lib/graph/split-channels';
import type { PlanFormat } from '../../lib/native';
import { openPlan } from '../../lib/quantize/calibrate';
import { toFixedPoint } from '../../lib/quantize/fixed-point';
import { withInputGrid } from '../../lib/quantize/input-grid';
import { raiseClips } from '../../lib/quantize/least-clips';
import { encodeMetadata } from '../../lib/quantize/metadata';
import { reconstruct } from '../../lib/quantize/reconstruct';
import { refit } from '../../lib/quantize/refit';
import { readoutUnits, writeFixedPoint } from '../../lib/quantize/write-fixed';
import { SpikingNetwork } from '../../lib/simulate';
import { ints, Net } from '../graph/make';
import { memoryDataset } from '../support/memory-dataset';
import { runOnnx } from '../support/onnxruntime';
import { Random } from '../support/random';

const LEVELS = 4;

/** The parts of ShuffleNetV2 in small: depthwise and 1×1 without an activation between, concatenation, shuffle. */
function network(): Network {
  const net = new Net(['N', 2, 8, 8]);
  const first = net.add('Relu', [net.conv('x', 4, 2)]);
  const pooled = net.add('MaxPool', [first], { kernel_shape: [2, 2], strides: [2, 2] });
  const separable = (x: string, outputs: number, inputs: number) =>
    net.add('Relu', [net.conv(net.conv(x, inputs, 1, 3, { group: inputs }), outputs, inputs, 1)]);
  const left = separable(pooled, 4, 4);
  const right = separable(net.add('Relu', [net.conv(pooled, 4, 4, 1)]), 4, 4);
  const joined = net.add('Concat', [left, right], { axis: 1 });
  const odd = net.add('Gather', [joined, ints([1, 3, 5, 7])], { axis: 1 });
  const even = net.add('Gather', [joined, ints([0, 2, 4, 6])], { axis: 1 });
  const deep = separable(net.add('Relu', [net.conv(odd, 4, 4, 1)]), 4, 4);
  const last = net.add('Concat', [even, deep], { axis: 1 });
  const neck = net.add('Relu', [net.conv(net.add('Relu', [net.conv(last, 6, 8, 1)]), 6, 1, 3, { group: 6 })]);
  return importGraph(net.model([net.conv(neck, 3, 6, 1)]));
}

function split(net: Network): Network {
  const copies = new Map<number, number[]>();
  splitUnits(net).forEach((unit, n) => {
    for (const { id, channel } of unit) {
      if (!copies.has(id)) copies.set(id, new Array<number>(net.nodes[id]!.shape.c).fill(1));
      copies.get(id)![channel] = [3, 2, 1][n % 3]!;
    }
  });
  return splitActivations(net, copies);
}

/** The integers of the input, which the fixed-point formats need to know. */
const gridded = (net: Network, format: PlanFormat) =>
  format === 'float32' ? net : withInputGrid(net, { step: 1 / 64, lo: -192, hi: 192 });

const images = memoryDataset({ c: 2, h: 8, w: 8 }, 200);
const held = new Random(77).normal(32 * 128, 0.7);

async function outputsOf(net: Network): Promise<Float32Array> {
  const plan = openPlan(net);
  const { outputs } = await plan.run([held], 32, { threads: 1 });
  plan.dispose();
  return outputs[0]!;
}

const exact = outputsOf(network());

async function errorOf(net: Network): Promise<number> {
  const ours = await outputsOf(net);
  const wanted = await exact;
  return Math.sqrt(
    wanted.reduce((sum, v, i) => sum + (v - ours[i]!) ** 2, 0) / wanted.reduce((sum, v) => sum + v * v, 0),
  );
}

const quantized = (net: Network, clips: ReadonlyMap<number, Float64Array>) =>
  withQuantizedActivations(net, LEVELS, 0.5, (id) => clips.get(id)!);

/** Relative error of the file's net, which spikes as it is written. */
async function written(net: Network, format: 'int8' | 'int16'): Promise<number> {
  const fixed = toFixedPoint(toLayers(net), { format, inputRange: { min: -3, max: 3 } });
  const metadata = encodeMetadata({ format, levels: LEVELS, readouts: readoutUnits(fixed) });
  const model = writeFixedPoint(fixed, metadata);
  const again = await importModel(model);
  const snn = SpikingNetwork.from(again);
  const { outputs, certificate } = await snn.simulate(held, 32, { certify: true });
  expect(certificate!.mismatches).toBe(0);
  snn.dispose();
  const [reference] = Object.values(await runOnnx(model, held, [32, 2, 8, 8]));
  expect(Math.max(...outputs[0]!.map((v, i) => Math.abs(v - reference![i]!)))).toBeLessThan(1e-5);
  return errorOf(again);
}

const formats = ['float32', 'int8', 'int16'] as const;

test.each(formats)('refit in %s: split, the net is nearer to the fp32 net', async (format) => {
  const options = { levels: LEVELS, shift: 0.5, format, threads: 2 };
  const results = await Promise.all(
    [network(), split(network())].map((net) => refit(gridded(net, format), images, options)),
  );
  const errors: number[] = [];
  for (const { network: fitted, clips } of results) {
    const raised = raiseClips(fitted, clips, LEVELS);
    for (const { id, shape } of fitted.nodes.filter((node): node is ReluNode => node.op === 'relu')) {
      expect(raised.get(id)).toHaveLength(shape.c);
    }
    const net = quantized(fitted, raised);
    errors.push(format === 'float32' ? await errorOf(net) : await written(net, format));
  }
  expect(errors[1]).toBeLessThan(0.65 * errors[0]!);
});

test.each(formats)('reconstruct in %s: a split net is trained as a whole, not copy by copy', async (format) => {
  const errors: number[] = [];
  for (const net of [network(), split(network())].map((some) => gridded(some, format))) {
    const { clips } = await refit(net, images, { levels: LEVELS, shift: 0.5, format, threads: 2 });
    const start = { network: net, clips: raiseClips(net, clips, LEVELS) };
    const options = { levels: LEVELS, shift: 0.5, format, iterations: 200, threads: 2 } as const;
    const trained = await reconstruct(net, start, images, options);
    const error = (some: Network) => (format === 'float32' ? errorOf(some) : written(some, format));
    errors.push(await error(quantized(trained.network, trained.clips)));
  }
  expect(errors[1]).toBeLessThan(0.65 * errors[0]!);
});
