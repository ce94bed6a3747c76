/** quantize() as a whole: from ReLUs to float32, from there to fixed point, what is recorded, what is refused. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Dataset, parseInputScaling } from '../../lib/datasets';
import { importModel } from '../../lib/graph';
import { writeModel } from '../../lib/onnx';
import { iterationsWithin, quantize } from '../../lib/quantize';
import { openNodes } from '../../lib/quantize/calibrate';
import { readMetadata } from '../../lib/quantize/metadata';
import { SpikingNetwork } from '../../lib/simulate';
import { ints, Net, weights } from '../graph/make';
import { temporaryFolder } from '../support/casc';
import { Random } from '../support/random';

const folder = temporaryFolder();
const ann = join(folder, 'ann.onnx');

beforeAll(() => {
  const net = new Net(['N', 2, 6, 6]);
  let x = net.add('Relu', [net.conv('x', 4, 2)]);
  x = net.add('Relu', [net.add('Add', [net.conv(x, 4, 4), x])]);
  const flat = net.add('Flatten', [x], { axis: 1 });
  const model = net.model([net.add('Gemm', [flat, weights([3, 144]), weights([3])], { transB: 1 })]);
  writeFileSync(ann, writeModel(model));
});

interface Images {
  images?: number;
  shape?: { c: number; h: number; w: number };
  /** What the values drawn become. */
  change?: (value: number) => number;
  label?: number;
}

function calibration({
  images = 10,
  shape = { c: 2, h: 6, w: 6 },
  change = (x) => x,
  label = 0,
}: Images = {}): Dataset {
  const pixels = shape.c * shape.h * shape.w;
  const made = {
    name: 'memory',
    size: images,
    shape,
    scaling: parseInputScaling({ mean: [0.5], std: [0.25] }),
    classNames: ['a', 'b', 'c'],
    notes: [],
    async *batches(size: number) {
      const random = new Random(3);
      for (let start = 0; start < images; start += size) {
        const count = Math.min(size, images - start);
        const drawn = random.normal(count * pixels, 0.7).map(change);
        yield { images: drawn, labels: new Int32Array(count).fill(label), ids: [], count, start };
      }
    },
  };
  return made as unknown as Dataset;
}

test('ReLUs to float32, float32 to int8, int8 to int16: clips, scaling and classes stay, integers too', async () => {
  const float = await quantize(ann, { levels: 8, calibration: calibration() });
  const q8 = join(folder, 'q8.onnx');
  writeFileSync(q8, float.bytes);
  const first = readMetadata(await importModel(q8));
  expect(first).toMatchObject({ format: 'float32', levels: 8, shift: 0.5, task: 'classification' });
  expect(first.classes).toEqual(['a', 'b', 'c']);
  expect(Object.values(first.clips!)).toEqual(float.layers.map(({ clips }) => (clips.length === 1 ? clips[0] : clips)));

  const int8 = await quantize(q8, { format: 'int8' });
  const fixed = join(folder, 'int8.onnx');
  writeFileSync(fixed, int8.bytes);
  const second = readMetadata(await importModel(fixed));
  expect(second).toEqual({ ...first, format: 'int8', readouts: second.readouts });

  const int16 = await quantize(fixed, { format: 'int16' });
  const wide = join(folder, 'int16.onnx');
  writeFileSync(wide, int16.bytes);
  const images = new Random(9).normal(4 * 72, 0.7);
  const hashes: string[] = [];
  for (const file of [fixed, wide]) {
    const snn = await SpikingNetwork.load(file);
    const { hash, certificate } = await snn.simulate(images, 4, { certify: true });
    expect(certificate!.mismatches).toBe(0);
    hashes.push(hash.join());
    snn.dispose();
  }
  expect(hashes[1]).toBe(hashes[0]);
});

const methods = ['percentile', 'mse', 'refit', 'reconstruct'] as const;
const trained = (method: string) => (method === 'reconstruct' ? { iterations: 8 } : {});

test.each(methods)('%s: the same calibration gives the same bytes, with one thread and with two', async (method) => {
  for (const format of ['float32', 'int8'] as const) {
    const [a, b] = [1, 2].map((threads) =>
      quantize(ann, {
        levels: 8,
        calibration: calibration({ images: 40 }),
        format,
        method,
        threads,
        ...trained(method),
      }),
    );
    expect(Buffer.compare((await a!).bytes, (await b!).bytes)).toBe(0);
  }
});

test.each(methods)('%s: what the report says, and that the file reads back', async (method) => {
  const stages = new Set<string>();
  const options = { levels: 4, calibration: calibration({ images: 40 }), method, ...trained(method) } as const;
  const result = await quantize(ann, { ...options, onProgress: (_, __, stage) => stages.add(stage) });
  const fitting = { percentile: [], mse: [], refit: ['fitting'], reconstruct: ['fitting', 'training'] };
  expect([...stages]).toEqual(['calibrating', ...fitting[method], 'measuring']);
  expect(result.method).toBe(method);
  expect(result.answers).toMatchObject({
    images: 40,
    top1: { ann: expect.any(Number), quantized: expect.any(Number) },
  });
  for (const { error, errorBefore, zero, top } of result.layers) {
    expect(error).toBeGreaterThan(0.01);
    expect(error).toBeLessThan(0.6);
    if (fitting[method].length > 0) expect(error! / errorBefore!).toBeLessThan(1.1);
    else expect(errorBefore).toBeNull();
    expect(zero! + top!).toBeLessThan(1);
  }
  expect(
    (await quantize(ann, { ...options, calibration: calibration({ label: -1, images: 40 }) })).answers!.top1,
  ).toBeUndefined();

  const q4 = join(folder, `${method}.onnx`);
  writeFileSync(q4, result.bytes);
  const clips = Object.values(readMetadata(await importModel(q4)).clips!).map((values) => [values].flat());
  expect(clips).toEqual(result.layers.map((layer) => layer.clips));
  const int8 = await quantize(q4, { format: 'int8' });
  writeFileSync(q4, int8.bytes);
  const snn = await SpikingNetwork.load(q4);
  expect((await snn.simulate(new Random(9).normal(4 * 72, 0.7), 4, { certify: true })).certificate!.mismatches).toBe(0);
  snn.dispose();
});

test('the measured errors and shares are those of the activations', async () => {
  const network = await importModel(ann);
  const result = await quantize(ann, { levels: 4, calibration: calibration() });
  const file = join(folder, 'measured.onnx');
  writeFileSync(file, result.bytes);
  const quantized = await importModel(file);
  const images: number[] = [];
  for await (const batch of calibration().batches(10)) images.push(...batch.images);
  const values = async (net: typeof network, op: string) => {
    const ids = net.nodes.filter((node) => node.op === op).map(({ id }) => id);
    const plan = openNodes(net.nodes, ids);
    const { outputs } = await plan.run([Float32Array.from(images)], 10, { threads: 1 });
    plan.dispose();
    return outputs;
  };
  const exact = await values(network, 'relu');
  const ours = await values(quantized, 'quant');
  result.layers.forEach(({ error, zero, top, clips }, i) => {
    const square = (list: Float32Array) => list.reduce((sum, x) => sum + x * x, 0);
    const difference = exact[i]!.map((x, j) => x - ours[i]![j]!);
    expect(error! / Math.sqrt(square(difference) / square(exact[i]!))).toBeCloseTo(1, 2);
    const share = (test: (x: number, j: number) => boolean) => ours[i]!.filter(test).length / ours[i]!.length;
    expect(zero).toBeCloseTo(
      share((x) => x === 0),
      9,
    );
    expect(top).toBeCloseTo(
      share((x, j) => Math.abs(x - clips[Math.floor(j / 36) % 4]!) < 1e-6),
      9,
    );
  });
});

test.each<[string, Images, (typeof methods)[number], string, RegExp]>([
  ['one image', { images: 1 }, 'refit', 'ERR_CASC_CALIBRATION', /gives 1 calibration image.*refit needs at least 16/],
  ['few images', { images: 31 }, 'reconstruct', 'ERR_CASC_CALIBRATION', /gives 31.*reconstruct needs at least 32/],
  ['no image', { images: 0 }, 'mse', 'ERR_CASC_CALIBRATION', /mse needs at least 1/],
  ['constant images', { change: () => 0.5, images: 20 }, 'mse', 'ERR_CASC_CALIBRATION', /every pixel.*is the same/],
  ['constant images', { change: () => 0.5, images: 20 }, 'refit', 'ERR_CASC_CALIBRATION', /every pixel.*is the same/],
  ['NaN', { change: (x) => (x > 2 ? Number.NaN : x), images: 20 }, 'refit', 'ERR_CASC_CALIBRATION', /NaN or infinite/],
  ['infinity', { change: (x) => (x > 2 ? Infinity : x) }, 'percentile', 'ERR_CASC_CALIBRATION', /NaN or infinite/],
  ['values that overflow', { change: (x) => x * 1e38 }, 'mse', 'ERR_CASC_CALIBRATION', /NaN or infinite/],
  ['another shape', { shape: { c: 2, h: 6, w: 5 } }, 'mse', 'ERR_CASC_SHAPE', /2x6x6.*gives 2x6x5/],
])('refused: %s', async (_, images, method, code, message) => {
  const refused = quantize(ann, { levels: 8, method, calibration: calibration(images) });
  await expect(refused).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
});

test('clip values per channel by default, per layer where asked for, by percentile, or where channels are mixed', async () => {
  const lengths = (result: Awaited<ReturnType<typeof quantize>>) => result.layers.map(({ clips }) => clips.length);
  const options = { levels: 8, calibration: calibration(), format: 'int8' } as const;
  expect(lengths(await quantize(ann, options))).toEqual([4, 4]);
  expect(lengths(await quantize(ann, { ...options, clips: 'layer' }))).toEqual([1, 1]);
  expect(lengths(await quantize(ann, { ...options, method: 'percentile' }))).toEqual([1, 1]);
  const wrong = quantize(ann, { ...options, method: 'percentile', clips: 'channel' });
  await expect(wrong).rejects.toMatchObject({ code: 'ERR_CASC_ARGUMENT', where: { option: 'clips' } });

  const net = new Net(['N', 2, 6, 6]);
  const first = net.add('Relu', [net.conv('x', 4, 2)]);
  // Half of each channel's rows become a channel: fine. Two channels in one: one clip value for all.
  const halves = net.add('Reshape', [first, ints([-1, 8, 3, 6])]);
  const second = net.add('Relu', [net.conv(halves, 4, 8)]);
  const mixed = net.add('Reshape', [net.add('MaxPool', [second], { kernel_shape: [1, 1] }), ints([-1, 2, 6, 6])]);
  const third = net.add('Relu', [net.conv(mixed, 3, 2)]);
  const file = join(folder, 'mixed.onnx');
  const flat = net.add('Flatten', [third], { axis: 1 });
  writeFileSync(file, writeModel(net.model([net.add('Gemm', [flat, weights([3, 108]), weights([3])], { transB: 1 })])));
  expect(lengths(await quantize(file, options))).toEqual([4, 1, 3]);
});

test('iterations are for reconstruct alone, a time becomes a number of them', async () => {
  const options = { levels: 4, calibration: calibration({ images: 40 }) } as const;
  for (const [method, iterations] of [
    ['mse', 5],
    ['refit', 5],
    ['reconstruct', 0],
    ['reconstruct', 1.5],
  ] as const) {
    const refused = quantize(ann, { ...options, method, iterations });
    await expect(refused).rejects.toMatchObject({ code: 'ERR_CASC_ARGUMENT', where: { option: 'iterations' } });
  }
  const network = await importModel(ann);
  expect(await iterationsWithin(network, 100)).toBeGreaterThan(1);
  for (const seconds of [0, -1, Number.NaN, Infinity, 1e-9]) {
    await expect(iterationsWithin(network, seconds)).rejects.toMatchObject({ where: { option: 'seconds' } });
  }
});

test('a quantised net keeps its levels and its shift: others are refused, not ignored', async () => {
  const q4 = join(folder, 'q4.onnx');
  writeFileSync(q4, (await quantize(ann, { levels: 4, shift: 0, calibration: calibration() })).bytes);
  await expect(quantize(q4, { format: 'int8', levels: 8 })).rejects.toMatchObject({ where: { option: 'levels' } });
  await expect(quantize(q4, { format: 'int8', shift: 0.5 })).rejects.toMatchObject({ where: { option: 'shift' } });
  await expect(quantize(q4, {})).rejects.toMatchObject({ where: { option: 'format' } });
  expect((await quantize(q4, { format: 'int8', levels: 4, shift: 0 })).levels).toBe(4);
});

test('a callback that throws and a signal end calibration', async () => {
  const thrower = () => {
    throw new Error('mine');
  };
  await expect(quantize(ann, { levels: 8, calibration: calibration(), onProgress: thrower })).rejects.toThrow('mine');
  const controller = new AbortController();
  const stopped = quantize(ann, {
    levels: 8,
    calibration: calibration({ images: 100 }),
    signal: controller.signal,
    onProgress: () => controller.abort(new Error('enough')),
  });
  await expect(stopped).rejects.toThrow('enough');
});
