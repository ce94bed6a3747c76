/** Blocks of a network, and their reconstruction as a whole. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { importModel } from '../../lib/graph';
import type { Network } from '../../lib/graph/network';
import { writeModel } from '../../lib/onnx';
import { findBlocks } from '../../lib/quantize/blocks';
import { withInputGrid } from '../../lib/quantize/input-grid';
import { type ReconstructOptions, reconstruct } from '../../lib/quantize/reconstruct';
import { Net, weights } from '../graph/make';
import { temporaryFolder } from '../support/casc';
import { dataPath, describeWithData } from '../support/data';
import { memoryDataset } from '../support/memory-dataset';
import { checkLimitedBySums, clipsOf, roundedWeights, wide } from './integers';

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

function run(
  options: Partial<ReconstructOptions> = {},
  data = calibration(),
  from = network,
  clips = clipsOf(from, 1.5),
) {
  return reconstruct(from, { network: from, clips }, data, {
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

describe('in int8 the weights that were learned are those of the fixed-point net', () => {
  const grid = { step: 2 ** -5, lo: -96, hi: 96 };

  test('of the first layer too, which reads the input as the file rounds it', async () => {
    const result = await run({}, calibration(), withInputGrid(network, grid));
    const layers = roundedWeights(result.network, result.clips, 4);
    expect(layers.map((weights) => weights[0]!.first)).toEqual([true, ...new Array(6).fill(false)]);
    for (const { steps, integer } of layers.flat()) expect(Math.abs(steps - integer)).toBeLessThan(0.01);
    expect(layers.flat().length).toBeGreaterThan(1200);
  });

  test('where sums, not bits of weights, limit the first layer: pixels of 0 to 255', async () => {
    const { net, data, clips } = wide();
    const result = await run({ levels: 32 }, data, net, clips);
    const [first, ...others] = roundedWeights(result.network, result.clips, 32);
    checkLimitedBySums(first!);
    for (const { steps, integer } of others.flat()) expect(Math.abs(steps - integer)).toBeLessThan(0.01);
  });
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
