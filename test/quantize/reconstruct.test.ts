/** Blocks of a network, and their reconstruction as a whole. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { importModel } from '../../lib/graph';
import { toLayers } from '../../lib/graph/layered';
import type { Network } from '../../lib/graph/network';
import { withQuantizedActivations } from '../../lib/graph/quantized';
import { writeModel } from '../../lib/onnx';
import { findBlocks } from '../../lib/quantize/blocks';
import { toFixedPoint } from '../../lib/quantize/fixed-point';
import { type ReconstructOptions, reconstruct } from '../../lib/quantize/reconstruct';
import { Net, weights } from '../graph/make';
import { temporaryFolder } from '../support/casc';
import { dataPath, describeWithData } from '../support/data';
import { memoryDataset } from '../support/memory-dataset';

const folder = temporaryFolder();
let network: Network;

beforeAll(async () => {
  const net = new Net(['N', 2, 8, 8]);
  let x = net.add('Relu', [net.conv('x', 6, 2)]);
  const inner = net.add('Relu', [net.conv(x, 6, 6)]);
  x = net.add('Relu', [net.add('Add', [net.conv(inner, 6, 6), x])]);
  x = net.add('MaxPool', [x], { kernel_shape: [2, 2], strides: [2, 2] });
  const squeeze = net.add('Relu', [net.conv(x, 4, 6, 1)]);
  const left = net.add('Relu', [net.conv(squeeze, 4, 4, 1)]);
  const right = net.add('Relu', [net.conv(squeeze, 4, 4)]);
  const flat = net.add('Flatten', [net.add('Concat', [left, right], { axis: 1 })], { axis: 1 });
  const model = net.model([net.add('Gemm', [flat, weights([3, 128]), weights([3])], { transB: 1 })]);
  const file = join(folder, 'net.onnx');
  writeFileSync(file, writeModel(model));
  network = await importModel(file);
});

const ops = (net: Network, ids: readonly number[]) => ids.map((id) => net.nodes[id]!.op).join(' ');

test('a residual block and a fire module are one block each; a pool ends the block before it', () => {
  expect(findBlocks(network).map(({ nodes }) => ops(network, nodes))).toEqual([
    'conv relu',
    'conv relu conv add relu maxpool',
    'conv relu conv relu conv relu route',
    'conv',
  ]);
});

/** Every node once, in order; what a block takes was made before; what later blocks or the tail take is put out. */
function checkBlocks(net: Network): number {
  const blocks = findBlocks(net);
  const made = new Set([net.input]);
  const body = net.nodes.filter((node) => !node.tail && node.op !== 'input').map(({ id }) => id);
  expect(blocks.flatMap(({ nodes }) => [...nodes])).toEqual(body);
  for (const { inputs, nodes, outputs } of blocks) {
    for (const id of inputs) expect(made.has(id)).toBe(true);
    const own = new Set([...inputs, ...nodes]);
    for (const id of nodes) for (const input of net.nodes[id]!.inputs) expect(own.has(input)).toBe(true);
    for (const id of outputs) made.add(id);
  }
  return Math.max(...blocks.map(({ nodes }) => nodes.filter((id) => net.nodes[id]!.op === 'conv').length));
}

describeWithData('pretrained nets', ['models/fastestdet-coco.onnx', 'models/squeezenet1.0-imagenet.onnx'], () => {
  test.each(['squeezenet1.0-imagenet', 'resnet20-cifar10', 'fastestdet-coco'])('%s is cut', async (name) => {
    expect(checkBlocks(await importModel(dataPath(`models/${name}.onnx`)))).toBeLessThanOrEqual(8);
  });
});

const calibration = (images = 24) => memoryDataset({ c: 2, h: 8, w: 8 }, images);

function run(options: Partial<ReconstructOptions> = {}, data = calibration()) {
  const clips = new Map(
    network.nodes.filter(({ op }) => op === 'relu').map(({ id, shape }) => [id, new Float64Array(shape.c).fill(1.5)]),
  );
  return reconstruct(network, { network, clips }, data, {
    levels: 4,
    shift: 0.5,
    format: 'int8',
    iterations: 60,
    threads: 2,
    ...options,
  });
}

test('every block comes nearer to the fp32 net; 1 and 2 threads give the same', async () => {
  const seen: number[] = [];
  const result = await run({ onProgress: (done, total) => seen.push(done / total) });
  expect(result.blocks).toHaveLength(5);
  for (const { before, after } of result.blocks) expect(after).toBeLessThanOrEqual(before);
  expect(result.blocks[1]!.after).toBeLessThan(0.8 * result.blocks[1]!.before);
  expect(seen.at(-1)).toBe(1);
  expect(seen).toEqual([...seen].sort((a, b) => a - b));
  expect(await run({ threads: 1 })).toEqual(result);
});

test('in int8 the weights that were learned are those of the fixed-point net', async () => {
  const result = await run();
  const layered = toLayers(withQuantizedActivations(result.network, 4, 0.5, (id) => result.clips.get(id)!));
  const fixed = toFixedPoint(layered, { format: 'int8', inputRange: { min: -3, max: 3 } });
  let checked = 0;
  layered.layers.forEach((layer, at) => {
    const integers = fixed.layers[at]!;
    if (layer.kind === 'neuron' && integers.kind === 'neuron') {
      layer.terms.forEach((term, t) => {
        const rounded = integers.terms[t]!;
        if (term.op !== 'conv' || rounded.op !== 'conv' || term.source === 0) return;
        const row = term.weight.length / layer.shape.c;
        term.weight.forEach((weight, i) => {
          const delta = layer.stepIn[Math.floor(i / row)]! / integers.stepIn[Math.floor(i / row)]!;
          const channel = Math.floor((i % row) / (term.window.kernel[0] * term.window.kernel[1]));
          const unit = fixed.units[term.source]![channel]!;
          expect(Math.abs((weight * unit) / delta - rounded.weight[i]!)).toBeLessThan(0.01);
          checked++;
        });
      });
    }
  });
  expect(checked).toBeGreaterThan(800);
});

test('fewer images where values would not fit; refused where not one does', async () => {
  const { images } = await run({ cacheBytes: 10 * 2 * (6 * 64 + 6 * 64 + 2 * 64) * 4, iterations: 1 });
  expect(images).toBeGreaterThan(4);
  expect(images).toBeLessThan(24);
  await expect(run({ cacheBytes: 100 })).rejects.toMatchObject({ code: 'ERR_CASC_OUT_OF_MEMORY' });
});

test('aborts; refuses images of another shape, NaN, and none', async () => {
  const control = new AbortController();
  const stopped = run({ iterations: 100_000, signal: control.signal, onProgress: () => control.abort() });
  await expect(stopped).rejects.toMatchObject({ name: 'AbortError' });
  await expect(run({}, memoryDataset({ c: 2, h: 7, w: 8 }, 4))).rejects.toMatchObject({ code: 'ERR_CASC_SHAPE' });
  await expect(run({}, memoryDataset({ c: 2, h: 8, w: 8 }, 4, Number.NaN))).rejects.toMatchObject({
    code: 'ERR_CASC_CALIBRATION',
  });
  await expect(run({}, calibration(0))).rejects.toMatchObject({ code: 'ERR_CASC_CALIBRATION' });
});
