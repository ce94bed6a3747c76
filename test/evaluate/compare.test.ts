/** compare: its figures are those of quantize, evaluate and onnxruntime, method by method. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Dataset, openDataset } from '../../lib/datasets';
import {
  type ComparedMethod,
  type CompareOptions,
  compare,
  evaluate,
  evaluateImages,
  type LevelsProgress,
  type MethodsComparison,
} from '../../lib/evaluate';
import { writeModel } from '../../lib/onnx';
import { type QuantizeResult, quantize } from '../../lib/quantize';
import { comparisonTable } from '../../lib/report';
import { type ScheduleOptions, SpikingNetwork } from '../../lib/simulate';
import { Net } from '../graph/make';
import { box, temporaryFolder } from '../support/casc';
import { runOnnx } from '../support/onnxruntime';

const folder = temporaryFolder();
const relu = join(box, 'fashion-mnist-relu.onnx');
const scaling = { mean: [0.286], std: [0.353] };
const IMAGES = 40;
const open = (limit: number) => openDataset(`mnist:${box}`, { scaling, limit, spread: true });

async function options(changes: Partial<CompareOptions> = {}): Promise<CompareOptions> {
  return { levels: [4, 2, 4], calibration: await open(32), data: await open(IMAGES), threads: 1, ...changes };
}

/** What the names stand for in the literature, in the terms of `casc evaluate`. */
const schedules: Record<ComparedMethod, ScheduleOptions> = {
  if: { neuron: 'if', shift: 0, sleep: 0 },
  qcfs: { neuron: 'if', shift: 0.5, sleep: 0 },
  signed: { neuron: 'signed', sleep: 0 },
  burst: { neuron: 'burst', gamma: 5, sleep: 0 },
  cif: { neuron: 'cif', sleep: 0 },
  'cif-sleep': { neuron: 'cif', sleep: 'auto' },
};
const names = Object.keys(schedules) as ComparedMethod[];
const baselines = names.filter((name) => name !== 'cif-sleep');

describe('on the net in the box', () => {
  let result: MethodsComparison;
  /** The net at 4 levels, made apart. */
  let quantised: QuantizeResult;
  const seen: LevelsProgress[] = [];
  beforeAll(async () => {
    result = await compare(relu, await options({ onProgress: (progress) => seen.push(progress) }));
    quantised = await quantize(relu, { levels: 4, format: 'int8', calibration: await open(32), threads: 1 });
  });

  test('a row for each number of levels, in order, with progress on the way', () => {
    expect(result).toMatchObject({ file: relu, format: 'int8', method: 'mse', images: IMAGES });
    expect(result.rows.map(({ levels }) => levels)).toEqual([2, 4]);
    expect([...new Set(seen.map(({ levels, at, of, stage }) => `${levels} ${at}/${of} ${stage}`))]).toEqual(
      [2, 4].flatMap((q, at) => ['calibrating', 'measuring', 'simulating'].map((stage) => `${q} ${at}/2 ${stage}`)),
    );
  });

  test('CIF with sleep equals the quantised ANN at every T, no other method does', () => {
    for (const { quantized, methods } of result.rows) {
      const { top1, top5, interval, ...figures } = methods['cif-sleep'];
      expect(figures).toMatchObject({ exact: true, equal: IMAGES, agreement: 1, comparedAt: 'neurons' });
      expect({ top1, top5, interval }).toEqual(quantized);
      for (const name of baselines) {
        expect(methods[name]).toMatchObject({ exact: false, comparedAt: 'outputs' });
        expect(methods[name].equal).toBeLessThan(IMAGES);
      }
    }
  });

  test('without sleep the upper bound never binds: CIF is signed IF', () => {
    for (const { methods } of result.rows) expect(methods.cif).toEqual(methods.signed);
  });

  test('each figure is what evaluate gives with that schedule', async () => {
    const { methods, ann, quantized } = result.rows[1]!;
    const file = join(folder, 'q4.onnx');
    writeFileSync(file, quantised.bytes);
    const snn = await SpikingNetwork.load(file);
    try {
      const reference = await firstAnswers(snn, {}, 'quantized');
      for (const name of names) {
        const want = await evaluate(snn, await open(IMAGES), { ...schedules[name], ann: relu, threads: 1 });
        const { top1, top5, interval, steps, operations, spikes, energy, agreement } = methods[name];
        expect({ top1, top5, interval }).toEqual({
          top1: want.snn.top1,
          top5: want.snn.top5,
          interval: want.snn.interval,
        });
        expect(steps).toEqual(want.steps);
        expect(operations).toEqual(want.operations);
        expect(energy).toEqual({ snn: want.energy.snn, ann: want.energy.ann });
        expect(IMAGES * spikes.positive).toBeCloseTo(want.spikes.positive, 6);
        expect(IMAGES * spikes.negative).toBeCloseTo(want.spikes.negative, 6);
        expect(ann).toMatchObject({ top1: want.ann!.top1, top5: want.ann!.top5 });
        // Beside the ANN as it was calibrated, not beside one with the method's own shift.
        const answers = await firstAnswers(snn, schedules[name], 'snn');
        expect(agreement).toBe(answers.filter((answer, i) => answer === reference[i]).length / IMAGES);
        if (name !== 'if') expect(quantized.top1).toBe(want.quantized.top1);
      }
    } finally {
      snn.dispose();
    }
  });

  test('the quantised ANN is what onnxruntime makes of the file', async () => {
    let right = 0;
    for await (const { images, labels, count } of (await open(IMAGES)).batches(IMAGES)) {
      const [outputs] = Object.values(await runOnnx(quantised.model, images, [count, 1, 28, 28]));
      labels.forEach((label, i) => {
        const own = [...outputs!.subarray(10 * i, 10 * i + 10)];
        if (own.indexOf(Math.max(...own)) === label) right++;
      });
    }
    expect(result.rows[1]!.quantized.top1).toBe(right / IMAGES);
  });

  test('as text: methods by levels, equal ones marked', () => {
    const text = comparisonTable(result);
    expect(text).toMatch(/^top-1 +T = 2 +T = 4$/m);
    expect(text).toMatch(/^ANN, fp32 +\d+\.\d\d % +\d+\.\d\d %$/m);
    expect(text).toMatch(/^IF +\d+\.\d\d % +\d+\.\d\d %$/m);
    expect(text).toMatch(/^CIF with sleep +(?:= \d+\.\d\d % *){2}$/m);
    expect(text.match(/= \d+\.\d\d %/g)).toHaveLength(2);
    expect(text.split('\n').at(-1)).toBe(
      '= equals the quantised ANN at all 40 images: CIF with sleep at T = 2, 4 (every neuron and output)',
    );
    // Columns stand under each other: the heads end where the figures end.
    const [head, ...lines] = text.split('\n\n')[1]!.split('\n');
    expect(new Set([head, ...lines].map((line) => line!.length)).size).toBe(1);
  });

  test('the text says where nothing equals the quantised ANN, and who is not at rest', () => {
    const changed = structuredClone(result);
    for (const { methods } of changed.rows) Object.assign(methods['cif-sleep'], { exact: false, equal: IMAGES - 1 });
    changed.rows[1]!.methods['cif-sleep'].steps.notAtRest = 1;
    expect(comparisonTable(changed).split('\n').slice(-2)).toEqual([
      '= equals the quantised ANN at all 40 images: none',
      'CIF with sleep at T = 4: 1 image not at rest',
    ]);
  });

  test('as Markdown: the same cells', () => {
    const cells = (line: string) => line.split('|').slice(1, -1);
    const lines = comparisonTable(result, 'markdown').split('\n');
    const from = lines.indexOf('| top-1 | T = 2 | T = 4 |');
    expect(lines[from + 1]).toBe('| --- | --: | --: |');
    const rows = lines.slice(from + 2, from + 10).map(cells);
    expect(rows.map((row) => row.length)).toEqual(rows.map(() => 3));
    const text = comparisonTable(result).split('\n');
    for (const [name, ...figures] of rows) {
      const same = text.find((line) => line.startsWith(`${name!.trim()} `))!;
      expect(same.match(/(?:= )?\d+\.\d\d %/g)).toEqual(figures.map((figure) => figure.trim()));
    }
  });

  test('no other format', () => {
    expect(() => comparisonTable(result, 'html' as 'csv')).toThrow(
      expect.objectContaining({ code: 'ERR_CASC_ARGUMENT', where: { option: 'format' } }),
    );
  });

  test('as CSV: one line for each method and number of levels', () => {
    const [head, ...lines] = comparisonTable(result, 'csv')
      .split('\n')
      .map((line) => line.split(','));
    expect(lines.map(([levels, method]) => `${levels} ${method}`)).toEqual(
      [2, 4].flatMap((q) => ['ann', 'quantised', ...names].map((name) => `${q} ${name}`)),
    );
    expect(new Set(lines.map((line) => line.length))).toEqual(new Set([head!.length]));
    const at = (line: string[], column: string) => line[head!.indexOf(column)];
    const [last] = lines.slice(-1);
    const { methods } = result.rows[1]!;
    expect(Number(at(last!, 'top1'))).toBe(methods['cif-sleep'].top1);
    expect(Number(at(last!, 'additions'))).toBe(methods['cif-sleep'].operations.synaptic);
    expect(lines.filter((line) => at(line, 'exact') === 'true').map(([, method]) => method)).toEqual([
      'cif-sleep',
      'cif-sleep',
    ]);
  });
});

test('float32, and a net quantised without a shift', async () => {
  const { format, rows } = await compare(relu, await options({ levels: [4], format: 'float32', shift: 0 }));
  expect(format).toBe('float32');
  const { methods } = rows[0]!;
  // The theorem holds up to rounding there.
  expect(methods['cif-sleep'].agreement).toBeGreaterThan(0.95);
  expect(methods.if.exact).toBe(false);
});

test('refusals, before any image is read', async () => {
  const refused = async (changes: Record<string, unknown>) =>
    compare(relu, { ...(await options()), ...changes } as CompareOptions);
  for (const levels of [[], [0], [256], 8, undefined]) {
    await expect(refused({ levels })).rejects.toMatchObject({ code: 'ERR_CASC_ARGUMENT', where: { option: 'levels' } });
  }
  await expect(refused({ data: undefined })).rejects.toMatchObject({ where: { option: 'data' } });
  await expect(refused({ calibration: undefined })).rejects.toMatchObject({ where: { option: 'calibration' } });
  await expect(compare(join(box, 'fashion-mnist-q8.onnx'), await options())).rejects.toThrow(/quantised already/);
  const net = new Net(['N', 1, 28, 28]);
  const map = join(folder, 'map.onnx');
  writeFileSync(map, writeModel(net.model([net.conv(net.add('Relu', [net.conv('x', 4, 1)]), 2, 4)])));
  await expect(compare(map, await options())).rejects.toMatchObject({ code: 'ERR_CASC_UNSUPPORTED' });
});

test('labels that are missing or beyond the classes are refused by image', async () => {
  const data = await open(4);
  for (const label of [-1, 10]) {
    const wrong: Dataset = {
      ...data,
      async *batches(size: number) {
        for await (const batch of data.batches(size)) yield { ...batch, labels: batch.labels.map(() => label) };
      },
    };
    await expect(
      compare(relu, await options({ levels: [2], data: wrong, calibration: await open(4) })),
    ).rejects.toMatchObject({
      code: 'ERR_CASC_DATA',
      where: { image: expect.any(String) },
    });
  }
});

test.each(['calibrating', 'simulating'])('aborted while %s it rejects with the reason', async (where) => {
  const controller = new AbortController();
  const seen: string[] = [];
  const work = compare(
    relu,
    await options({
      signal: controller.signal,
      onProgress: ({ levels, stage }) => {
        seen.push(`${levels} ${stage}`);
        if (stage === where) controller.abort(new Error('enough'));
      },
    }),
  );
  await expect(work).rejects.toThrow('enough');
  expect(seen.at(-1)).toBe(`2 ${where}`);
});

/** First classes of all images, image by image. */
async function firstAnswers(
  snn: SpikingNetwork,
  schedule: ScheduleOptions,
  of: 'quantized' | 'snn',
): Promise<number[]> {
  const answers: number[] = [];
  for await (const record of evaluateImages(snn, await open(IMAGES), { ...schedule, threads: 1 })) {
    if (!('error' in record)) answers.push(record.answers[of][0]!);
  }
  return answers;
}
