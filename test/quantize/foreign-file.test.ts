/** A net quantised elsewhere, written in fixed point: onnxruntime on the file = spike counts, and it predicts as it did. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseInputScaling } from '../../lib/datasets';
import { importModel, type NetworkNode } from '../../lib/graph';
import { writeModel } from '../../lib/onnx';
import { type QuantizeOptions, quantize } from '../../lib/quantize';
import { SpikingNetwork } from '../../lib/simulate';
import { floats, ints, Net, scalar, weights } from '../graph/make';
import { temporaryFolder } from '../support/casc';
import { runOnnx } from '../support/onnxruntime';
import { Random } from '../support/random';

type Quant = Extract<NetworkNode, { op: 'quant' }>;

const folder = temporaryFolder();
const COUNT = 60;
const CLASSES = 4;
const dims = [COUNT, 2, 8, 8];
// Pixels 0…1, normalised.
const scaling = parseInputScaling({ mean: [0.5], std: [0.25] });
const images = Float32Array.from(new Random(6).normal(COUNT * 128, 1), (x) => Math.min(Math.max(x, -2), 2));

function qcfs(net: Net, x: string): string {
  const clip = scalar(1.6);
  const z = net.add('Clip', [net.add('Div', [x, clip]), scalar(0), scalar(1)]);
  const half = net.add('Add', [net.add('Mul', [z, scalar(8)]), scalar(0.5)]);
  const level = net.add('Add', [net.add('Sub', [net.add('Floor', [half]), half]), half]);
  return net.add('Mul', [net.add('Div', [level, scalar(8)]), clip]);
}

function lsq(net: Net, x: string): string {
  const step = floats([0.11, 0.13, 0.09, 0.1], [4, 1, 1]);
  const level = net.add('Round', [net.add('Clip', [net.add('Div', [x, step]), scalar(0), scalar(15)])]);
  return net.add('Mul', [level, step]);
}

function qdq(net: Net, x: string): string {
  const parameters = [scalar(0.0071), scalar(-128, 'int8')];
  return net.add('DequantizeLinear', [net.add('QuantizeLinear', [x, ...parameters]), ...parameters]);
}

function stored(net: Net, rows: number[]): string {
  const random = new Random(rows.length + rows[1]!);
  const size = rows.reduce((a, b) => a * b, 1);
  const values = Array.from({ length: size }, () => random.int(-100, 100));
  const scales = floats(Array.from({ length: rows[0]! }, () => 0.003 + 0.002 * random.next()));
  const zeros = ints(
    Array.from({ length: rows[0]! }, () => random.int(-9, 9)),
    'int8',
  );
  return net.add('DequantizeLinear', [ints(values, 'int8', rows), scales, zeros], { axis: 0 });
}

const forms: Record<string, { act: typeof qcfs; levels: number; integers?: boolean }> = {
  'QCFS with a straight-through gradient': { act: qcfs, levels: 8 },
  'LSQ per channel': { act: lsq, levels: 15 },
  'QuantizeLinear of activations, weights and logits': { act: qdq, levels: 255, integers: true },
};

test.each(Object.entries(forms))('%s', async (name, { act, levels, integers }) => {
  const net = new Net(['N', 2, 8, 8]);
  const of = (rows: number[], seed: number) => (integers ? stored(net, rows) : weights(rows, seed, 0.5));
  const first = act(net, net.add('Conv', ['x', of([4, 2, 3, 3], 1), weights([4], 2, 0.2)], { pads: [1, 1, 1, 1] }));
  const second = act(net, net.add('Conv', [first, of([4, 4, 3, 3], 3), weights([4], 4, 0.2)], { strides: [2, 2] }));
  const flat = net.add('Flatten', [second], { axis: 1 });
  const logits = net.add('Gemm', [flat, of([CLASSES, 36], 5)], { transB: 1 });
  const parameters = [scalar(0.05), scalar(120, 'uint8')];
  const output = integers
    ? net.add('DequantizeLinear', [net.add('QuantizeLinear', [logits, ...parameters]), ...parameters])
    : logits;
  const model = net.model([output]);
  const file = join(folder, `${name}.onnx`);
  writeFileSync(file, writeModel(model));
  const wanted = classesOf((await runOnnx(model, images, dims))[output]!);
  expect(new Set(wanted).size).toBeGreaterThan(1);

  for (const format of ['int8', 'int16'] as const) {
    const quantised = await quantize(file, { format, scaling });
    expect(quantised).toMatchObject({ levels, format });
    const network = await importModel(quantised.model);
    const snn = SpikingNetwork.from(network);
    const result = await snn.simulate(images, COUNT, { counts: true, certify: true });
    snn.dispose();
    expect(result.certificate).toMatchObject({ images: COUNT, mismatches: 0 });
    const quants = network.nodes.filter((node): node is Quant => node.op === 'quant');
    const tensors = quants.map((node) => node.tensor);
    const ort = await runOnnx(quantised.model, images, dims, { tensors });
    for (const node of quants) {
      const counts = Array.from(ort[node.tensor]!, (value) => Math.round(value / node.stepOut[0]!));
      expect(counts).toEqual([...result.counts![node.name]!]);
    }
    const same = classesOf(result.outputs[0]!).filter((guess, i) => guess === wanted[i]).length;
    expect(same).toBeGreaterThanOrEqual(COUNT * (format === 'int8' ? 0.85 : 0.95));
  }
});

function classesOf(logits: Float32Array): number[] {
  return Array.from({ length: COUNT }, (_, row) => {
    const scores = logits.subarray(row * CLASSES, (row + 1) * CLASSES);
    return scores.indexOf(Math.max(...scores));
  });
}

test.each<Partial<QuantizeOptions>>([
  { levels: 4 },
  { shift: 0 },
  { method: 'refit' },
  { clips: 'layer' },
  { percentile: 0.99 },
  { iterations: 10 },
  { split: 0.5 },
])('what it keeps is not asked for in vain: %j', async (wanted) => {
  const net = new Net(['N', 2, 8, 8]);
  const file = join(folder, 'kept.onnx');
  const act = qcfs(net, net.add('Conv', ['x', weights([4, 2, 3, 3], 1, 0.5)]));
  writeFileSync(file, writeModel(net.model([net.add('Conv', [act, weights([2, 4, 1, 1], 2, 0.5)])])));
  await expect(quantize(file, { format: 'int8', scaling, ...wanted })).rejects.toMatchObject({
    code: 'ERR_CASC_ARGUMENT',
    message: expect.stringMatching(/is quantised already.*Leave out/),
    where: { option: Object.keys(wanted)[0], file },
  });
});
