/** calibrateLevels: its figures are those of quantize and evaluate. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Dataset, openDataset } from '../../lib/datasets';
import { evaluate } from '../../lib/evaluate';
import { type CalibrateOptions, type CalibrateProgress, calibrateLevels } from '../../lib/evaluate/calibrate';
import { writeModel } from '../../lib/onnx';
import { quantize } from '../../lib/quantize';
import { calibrationTable } from '../../lib/report';
import { SpikingNetwork } from '../../lib/simulate';
import { Net } from '../graph/make';
import { box, temporaryFolder } from '../support/casc';

const folder = temporaryFolder();
const relu = join(box, 'fashion-mnist-relu.onnx');
const scaling = { mean: [0.286], std: [0.353] };
const open = (limit: number) => openDataset(`mnist:${box}`, { scaling, limit, spread: true });

async function options(changes: Partial<CalibrateOptions> = {}): Promise<CalibrateOptions> {
  return { levels: [8, 2, 8], calibration: await open(24), data: await open(20), threads: 1, ...changes };
}

/** The same images without labels. */
function unlabelled(dataset: Dataset): Dataset {
  return {
    ...dataset,
    async *batches(size: number) {
      for await (const batch of dataset.batches(size)) yield { ...batch, labels: batch.labels.map(() => -1) };
    },
  };
}

test('each point is what quantize and evaluate give', async () => {
  const seen: CalibrateProgress[] = [];
  const result = await calibrateLevels(relu, await options({ onProgress: (progress) => seen.push(progress) }));
  expect(result).toMatchObject({ format: 'int8', method: 'mse', images: 20, judgedBy: 'top-1', allowedLoss: 0.005 });
  expect(result.points.map(({ levels }) => levels)).toEqual([2, 8]);
  for (const point of result.points) {
    const { levels } = point;
    const file = join(folder, `${levels}.onnx`);
    writeFileSync(
      file,
      (await quantize(relu, { levels, format: 'int8', calibration: await open(24), threads: 1 })).bytes,
    );
    const snn = await SpikingNetwork.load(file);
    const want = await evaluate(snn, await open(20), { ann: relu, threads: 1 });
    snn.dispose();
    expect(point.steps).toEqual(want.steps);
    expect(point.operations).toEqual(want.operations);
    expect(20 * point.spikes.positive).toBeCloseTo(want.spikes.positive, 6);
    expect(point.likeness.ann!.top1).toBe(want.ann!.top1);
    const { top1, top5, interval } = want.snn;
    expect(point.likeness.quantized).toEqual({ top1, top5, interval });
    expect(point.loss).toBe(want.ann!.top1 - want.snn.top1);
    expect(point.energy.ann).toBe(want.operations.denseMacs * 4.6e-12);
    expect(point.energy.snn).toBeCloseTo(
      want.operations.synaptic * 0.9e-12 + want.operations.firstLayerMacs * 4.6e-12,
      18,
    );
  }
  expect([...new Set(seen.map(({ levels, at, of, stage }) => `${levels} ${at}/${of} ${stage}`))]).toEqual(
    [2, 8].flatMap((q, at) => ['calibrating', 'measuring', 'simulating'].map((stage) => `${q} ${at}/2 ${stage}`)),
  );
  const text = calibrationTable(result);
  expect(text).toMatch(/^levels = wake {2,}top-1 {2,}vs fp32 {2,}agreement/m);
  expect(text).toMatch(/^smallest T within 0\.50 points of top-1 of fp32: |^none of 2 to 8 levels is within 0\.50/m);
});

test('the smallest number of levels within the loss, or none', async () => {
  const lenient = await calibrateLevels(relu, await options({ loss: 1 }));
  expect(lenient.smallest).toBe(2);
  const strict = await calibrateLevels(relu, await options({ levels: [1], loss: 0 }));
  expect(strict.smallest).toBeNull();
  expect(calibrationTable(strict)).toContain('none of 1 to 1 levels is within');
});

test('by agreement where there are no labels or where asked for', async () => {
  const data = unlabelled(await open(20));
  const result = await calibrateLevels(relu, await options({ levels: [4], data }));
  expect(result.judgedBy).toBe('agreement');
  const [point] = result.points;
  expect(point!.likeness.ann).toBeUndefined();
  expect(point!.loss).toBe(1 - point!.likeness.agreement!);
  expect(calibrationTable(result)).not.toContain('top-1');
  const asked = await calibrateLevels(relu, await options({ levels: [4], judge: 'agreement' }));
  expect(asked).toMatchObject({ judgedBy: 'agreement', smallest: result.smallest });
  expect(asked.points[0]!.loss).toBe(point!.loss);
});

test('a net that is no classifier is judged by its outputs', async () => {
  const net = new Net(['N', 1, 28, 28]);
  const hidden = net.add('Relu', [net.conv('x', 4, 1)]);
  const file = join(folder, 'map.onnx');
  writeFileSync(file, writeModel(net.model([net.conv(hidden, 2, 4)])));
  const result = await calibrateLevels(file, await options({ levels: [4, 32], loss: 0.1 }));
  expect(result.judgedBy).toBe('relative error');
  expect(result.smallest).toBe(32);
  expect(result.points[0]!.loss).toBe(result.points[0]!.likeness.error);
  expect(calibrationTable(result)).toContain('smallest T within a relative error of 10.00 % of fp32: 32');
});

test('refusals', async () => {
  const refused = async (changes: Record<string, unknown>) =>
    calibrateLevels(relu, { ...(await options()), ...changes } as CalibrateOptions);
  for (const levels of [[], [0], [256], [1.5], 8, 'x', undefined]) {
    await expect(refused({ levels })).rejects.toMatchObject({ code: 'ERR_CASC_ARGUMENT', where: { option: 'levels' } });
  }
  for (const loss of [-0.1, 1.1, Number.NaN]) {
    await expect(refused({ loss })).rejects.toMatchObject({ code: 'ERR_CASC_ARGUMENT', where: { option: 'loss' } });
  }
  await expect(refused({ judge: 'taste' })).rejects.toMatchObject({ where: { option: 'judge' } });
  await expect(refused({ data: undefined })).rejects.toMatchObject({ where: { option: 'data' } });
  await expect(refused({ calibration: undefined })).rejects.toMatchObject({ where: { option: 'calibration' } });
  const q8 = calibrateLevels(join(box, 'fashion-mnist-q8.onnx'), await options());
  await expect(q8).rejects.toThrow(/quantised already. Give the fp32 net/);
  const controller = new AbortController();
  const stopped = refused({
    signal: controller.signal,
    onProgress: ({ stage }: CalibrateProgress) => stage === 'simulating' && controller.abort(new Error('enough')),
  });
  await expect(stopped).rejects.toThrow('enough');
});

test('labels beyond the classes are refused by image', async () => {
  const data = await open(20);
  const wrong: Dataset = {
    ...data,
    async *batches(size: number) {
      for await (const batch of data.batches(size)) yield { ...batch, labels: batch.labels.map(() => 10) };
    },
  };
  await expect(calibrateLevels(relu, await options({ data: wrong }))).rejects.toMatchObject({ code: 'ERR_CASC_DATA' });
});
