/** quantize() as a whole: from ReLUs to float32, from there to fixed point, what is recorded, what is refused. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Dataset, parseInputScaling } from '../../lib/datasets';
import { importModel } from '../../lib/graph';
import { writeModel } from '../../lib/onnx';
import { quantize } from '../../lib/quantize';
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

function calibration(images = 10): Dataset {
  const random = new Random(3);
  const made = {
    name: 'memory',
    size: images,
    shape: { c: 2, h: 6, w: 6 },
    scaling: parseInputScaling({ mean: [0.5], std: [0.25] }),
    classNames: ['a', 'b', 'c'],
    notes: [],
    async *batches(size: number) {
      for (let start = 0; start < images; start += size) {
        const count = Math.min(size, images - start);
        yield { images: random.normal(count * 72, 0.7), labels: new Int32Array(count), ids: [], count, start };
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

test('the same input gives the same bytes', async () => {
  const [a, b] = [1, 2].map(() => quantize(ann, { levels: 8, calibration: calibration(), format: 'int8' }));
  expect(Buffer.compare((await a!).bytes, (await b!).bytes)).toBe(0);
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
    calibration: calibration(100),
    signal: controller.signal,
    onProgress: () => controller.abort(new Error('enough')),
  });
  await expect(stopped).rejects.toThrow('enough');
});
