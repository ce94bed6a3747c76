/** The evaluation of a detector, against detections made one image and one step at a time. */
import { copyFileSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Dataset } from '../../lib/datasets';
import { type CocoFigures, cocoFigures, detect, vocFigures } from '../../lib/detect';
import {
  type DetectionEvaluateOptions,
  type DetectionEvaluation,
  evaluate,
  evaluateImages,
  mergeJournals,
} from '../../lib/evaluate';
import { evaluationTable } from '../../lib/report';
import { Html } from '../../lib/report/html';
import { foundSections, precisionSections } from '../../lib/report/page-detection';
import type { StepCurve } from '../../lib/report/plot-steps';
import type { Plots } from '../../lib/report/plots';
import type { SpikingNetwork } from '../../lib/simulate';
import { temporaryFolder } from '../support/casc';
import { classifier, dataset } from './small';
import { annotated, decoder, detector, geometry, NAMES, pixelsOf } from './small-detector';

const IMAGES = 13;
const folder = temporaryFolder();
const untimed = <T extends { throughput: unknown }>({ throughput: _, ...rest }: T) => rest;

let snn: SpikingNetwork;
let data: Dataset;
beforeAll(async () => {
  snn = detector();
  data = await annotated(snn, IMAGES);
});
afterAll(() => snn.dispose());

const run = (options: Partial<DetectionEvaluateOptions> = {}, on = data) =>
  evaluate(snn, on, { detection: { decoder, at: [2, 5, 9, 1000] }, batchSize: 4, ...options });

/** What the net finds when every image is simulated alone. */
async function found(options: object, images = [...Array(IMAGES).keys()]) {
  return Promise.all(
    images.map(async (at) => {
      const { outputs } = await snn.simulate(pixelsOf(at), 1, options);
      return { imageId: `image ${at}`, detections: detect(outputs, decoder, geometry) };
    }),
  );
}

test("COCO's figures at the end and after steps are those of the images' own detections", async () => {
  const network = snn.converted.network;
  const result = await run({ ann: network });
  expect(result).toMatchObject({
    ...{ task: 'detection', mode: 'full', evaluator: 'coco', images: IMAGES, classNames: NAMES },
    exact: { certified: true, images: IMAGES, mismatches: 0 },
    agreement: { quantizedSnn: 1 },
    disagreeing: [],
  });
  const truth = data.detection!;
  const end = cocoFigures(await found({}), truth);
  expect(end.AP50).toBeGreaterThan(0.3);
  expect(end.AP50).toBeLessThan(1);
  expect(result.snn.figures).toEqual(end);
  expect(result.quantized.figures).toEqual(cocoFigures(await found({ mode: 'rest' }), truth));
  expect((result.ann!.figures as CocoFigures).AP50).toBeGreaterThan(0.2);
  // Awake, the first steps of a longer run are those of a shorter one; beyond every run's end there is its end.
  const awake = cocoFigures(await found({ wake: 2, sleep: 0 }), truth);
  const perStep = result.snn.perStep!;
  expect(perStep.map(({ step }) => step)).toEqual([2, 5, 9, 1000]);
  expect(perStep[0]!.figures).toEqual(awake);
  expect(awake).not.toEqual(end);
  expect(perStep[2]!.figures).toEqual(cocoFigures(await found({ sleep: 9 - result.steps.wake }), truth));
  expect(perStep[3]!.figures).toEqual(end);
  expect(untimed(await run({ ann: network, batchSize: 1 }))).toEqual(untimed(result));
});

test("without sleep what the spiking net finds is its own, and VOC's data have VOC's figures", async () => {
  const voc = await annotated(snn, IMAGES, { kind: 'voc' });
  const result = await run({ sleep: 0 }, voc);
  const differing = (await found({ sleep: 0 })).filter(
    ({ detections }, i) => JSON.stringify(detections) !== JSON.stringify(atRest[i]!.detections),
  );
  expect(result.evaluator).toBe('voc');
  expect(result.snn.figures).toEqual(vocFigures(await found({ sleep: 0 }), voc.detection!));
  expect(result.quantized.figures).toEqual(vocFigures(atRest, voc.detection!));
  expect(differing.length).toBeGreaterThan(0);
  expect(result.disagreeing.map(({ id }) => id)).toEqual(differing.map(({ imageId }) => imageId));
  expect(result.agreement.quantizedSnn).toBeCloseTo(1 - differing.length / IMAGES, 12);
});

let atRest: Awaited<ReturnType<typeof found>>;
beforeAll(async () => {
  atRest = await found({ mode: 'rest' });
});

test('mode rest has the same figures, and no steps', async () => {
  const result = await evaluate(snn, data, { mode: 'rest', verify: 0.3, detection: { decoder } });
  expect(result.snn).toEqual({ figures: cocoFigures(atRest, data.detection!), perStep: null });
  expect(result).toMatchObject({ steps: null, exact: { certified: true, images: 4 } });
  await expect(evaluate(snn, data, { mode: 'rest', detection: { decoder, at: [3] } })).rejects.toMatchObject({
    code: 'ERR_CASC_ARGUMENT',
    message: expect.stringContaining('no steps'),
  });
});

test('images that were skipped are not in the truth', async () => {
  const gone = [2, 7];
  const result = await run({}, await annotated(snn, IMAGES, { unreadable: gone }));
  expect(result.skipped.map(({ id }) => id)).toEqual(['image 2', 'image 7']);
  const left = data.detection!.images.filter((_, at) => !gone.includes(at));
  const finds = atRest.filter((_, at) => !gone.includes(at));
  expect(result.snn.figures).toEqual(cocoFigures(finds, { ...data.detection!, images: left }));
  expect(result.objects).toBe(left.flatMap(({ objects }) => objects).length);
});

describe('with a journal', () => {
  const complete = join(folder, 'complete.jsonl');
  let whole: Omit<DetectionEvaluation, 'throughput'>;
  beforeAll(async () => {
    whole = untimed(await run({ journal: complete }));
  });

  test('cut anywhere and taken up again: the same figures', async () => {
    expect(untimed(await run())).toEqual(whole);
    const bytes = readFileSync(complete);
    const header = bytes.indexOf('\n') + 1;
    for (const at of [header, header + 900, Math.floor(bytes.length / 2), bytes.length - 1, bytes.length]) {
      const file = join(folder, `cut-${at}.jsonl`);
      copyFileSync(complete, file);
      truncateSync(file, at);
      expect(untimed(await run({ journal: file, batchSize: 3 }))).toEqual(whole);
      expect(untimed((await mergeJournals([file])) as DetectionEvaluation)).toEqual(whole);
    }
  });

  test('two shards, merged, are one run', async () => {
    const files = [1, 2].map((index) => join(folder, `shard-${index}.jsonl`));
    for (const [i, journal] of files.entries()) await run({ journal, shard: { index: i + 1, of: 2 } });
    expect(untimed((await mergeJournals(files.reverse())) as DetectionEvaluation)).toEqual(whole);
  });

  test.each<[string, DetectionEvaluateOptions['detection'], string]>([
    ['suppression', { decoder: { ...decoder, iou: 0.3 }, at: [2, 5, 9, 1000] }, 'iou 0.6, now 0.3'],
    ['steps', { decoder, at: [2, 5] }, 'at [2,5,9,1000], now [2,5]'],
    [
      'class names',
      { decoder: { ...decoder, classNames: NAMES }, at: [2, 5, 9, 1000] },
      'classNames null, now ["ant","bee","cat"]',
    ],
  ])('one of other %s is refused', async (_, detection, message) => {
    await expect(run({ journal: complete, detection })).rejects.toMatchObject({
      code: 'ERR_CASC_JOURNAL',
      message: expect.stringContaining(message),
    });
  });

  test('a record that is no detection is damaged', async () => {
    const file = join(folder, 'damaged.jsonl');
    copyFileSync(complete, file);
    const text = readFileSync(file, 'utf8').replace('"snn":[[', '"snn":[["x",');
    writeFileSync(file, text);
    await expect(mergeJournals([file])).rejects.toMatchObject({ code: 'ERR_CASC_JOURNAL' });
  });
});

test('image by image, and progress', async () => {
  const progress: number[] = [];
  const result = await run({ onProgress: ({ ap50 }) => progress.push(ap50!) });
  expect(progress).toHaveLength(Math.ceil(IMAGES / 4));
  expect(progress.every((value) => value > 0 && value < 1)).toBe(true);
  const images: string[] = [];
  for await (const record of evaluateImages(snn, data, { detection: { decoder } })) {
    if ('error' in record) throw new Error(record.error.message);
    expect(record.answers.snn).toEqual(atRest[record.at]!.detections);
    images.push(record.id);
  }
  expect(images).toHaveLength(result.images);
});

test('the table and the page have the figures', async () => {
  const result = await run({ ann: snn.converted.network });
  const figures = result.snn.figures as CocoFigures;
  const text = evaluationTable(result);
  const cells = (name: string) =>
    text
      .split('\n')
      .find((line) => line.startsWith(`${name} `))!
      .split(/ {2,}/);
  expect(cells('AP50').slice(1)).toEqual(
    [result.ann!, result.quantized, result.snn].map((net) => (net.figures as CocoFigures).AP50!.toFixed(3)),
  );
  expect(text).toContain('same detections: SNN and quantised ANN 100.00 % of the images');
  expect(text).toContain('certified:');
  const { draw } = canvas();
  const sections = textOf([...precisionSections(result, draw), ...foundSections(result)]);
  expect(sections).toContain(
    `<td>AP</td><td class="number">${(result.ann!.figures as CocoFigures).AP!.toFixed(3)}</td>`,
  );
  expect(sections).toContain(`<td>end</td><td class="number">${figures.AP!.toFixed(3)}</td>`);
  expect(sections).toContain('<td>bee</td>');
  const rest = await evaluate(snn, data, { mode: 'rest', detection: { decoder } });
  for (const made of [evaluationTable(rest), textOf(precisionSections(rest, draw))]) {
    expect(made).toContain(figures.AP75!.toFixed(3));
    expect(made).not.toContain('step ');
  }
});

/** Instead of drawings, what was to be drawn. */
function canvas(): { draw: Plots; curves: StepCurve[] } {
  const curves: StepCurve[] = [];
  const precision = (curve: StepCurve) => {
    curves.push(curve);
    return new Html('');
  };
  return { draw: { precision } as unknown as Plots, curves };
}

test.each<[Partial<DetectionEvaluateOptions>, StepCurve['sleep'], number[]]>([
  [{}, [{ from: 6.5, to: 11.5 }], [9, 11]],
  [{ sleep: 0 }, [], []],
  [{ sleep: 3 }, [{ from: 6.5, to: 9.5 }], [9]],
  [
    { sleep: 1, margin: 4 },
    [
      { from: 4.5, to: 5.5 },
      { from: 7.5, to: 8.5 },
    ],
    [5],
  ],
  // Every image has phases of its own.
  [{ margin: 4 }, [], []],
])('steps asleep in the drawing: %j', async (options, sleep, hollow) => {
  const result = await run({ ...options, detection: { decoder, at: [2, 5, 9, 11] } });
  const { draw, curves } = canvas();
  const text = textOf(precisionSections(result, draw));
  const figures = result.snn.perStep!.map(({ figures: own }) => own as CocoFigures);
  expect(curves.map(({ label, points }) => [label, points.map(({ value }) => value)])).toEqual([
    ['AP50', figures.map(({ AP50 }) => AP50)],
    ['AP', figures.map(({ AP }) => AP)],
  ]);
  for (const curve of curves) {
    expect(curve).toMatchObject({ last: 11, sleep, ann: null });
    expect(curve.points.flatMap(({ step, asleep }) => (asleep ? [step] : []))).toEqual(hollow);
  }
  expect(curves[0]!.quantized).toBe((result.quantized.figures as CocoFigures).AP50);
  expect(text.includes('sleeps after each 4 awake steps')).toBe(options.margin === 4 && options.sleep === undefined);
});

test("of VOC's figures both are drawn, of images without objects none", async () => {
  const voc = canvas();
  const onVoc = await run({ ann: snn.converted.network }, await annotated(snn, IMAGES, { kind: 'voc' }));
  precisionSections(onVoc, voc.draw);
  expect(voc.curves.map(({ label }) => label)).toEqual(['mAP, area', 'mAP, 11-point']);
  expect(voc.curves[0]).toMatchObject({ ann: expect.any(Number), quantized: expect.any(Number) });
  const none = canvas();
  const empty = await annotated(snn, 1);
  expect(empty.detection!.images[0]!.objects).toEqual([]);
  expect(textOf(precisionSections(await run({}, empty), none.draw))).toContain('<td>end</td>');
  expect(none.curves).toEqual([]);
});

const textOf = (sections: readonly { text: string }[]) => sections.map(({ text }) => text).join('');

test.each<[string, () => Promise<unknown>, string, string]>([
  ['a classifier', () => run({}, dataset(3)), 'ERR_CASC_ARGUMENT', 'does not say what is where'],
  ['no decoder', () => evaluate(snn, data), 'ERR_CASC_ARGUMENT', '--decoder'],
  [
    'another decoder',
    () => run({ detection: { decoder: { heads: [{ ...decoder.heads[0]!, stride: 2 }] } } }),
    'ERR_CASC_SHAPE',
    'channels',
  ],
  ['no heads', () => run({ detection: { decoder: { heads: [] } } }), 'ERR_CASC_ARGUMENT', 'decoder.heads'],
  ['step 0', () => run({ detection: { decoder, at: [0] } }), 'ERR_CASC_ARGUMENT', 'detection.at'],
  [
    'more classes than the data',
    async () => run({}, await annotated(snn, 3, { names: ['ant'] })),
    'ERR_CASC_DATA',
    'classNames',
  ],
  [
    'no class in common',
    () => run({ detection: { decoder: { ...decoder, classNames: ['dog', 'elk', 'fox'] } } }),
    'ERR_CASC_DATA',
    "none of the network's classes",
  ],
])('refused: %s', async (_, work, code, message) => {
  await expect(work()).rejects.toMatchObject({ code, message: expect.stringContaining(message) });
});

test('a decoder that names the classes in another order is put right', async () => {
  const turned = [...NAMES].reverse();
  const result = await run({ detection: { decoder: { ...decoder, classNames: turned } } });
  const finds = atRest.map(({ imageId, detections }) => ({
    imageId,
    detections: detections.map(([label, ...rest]) => [2 - label, ...rest] as const),
  }));
  expect(result.snn.figures).toEqual(cocoFigures(finds, data.detection!));
  expect(result.notes).toEqual([]);
});

test('classes that the net does not know are noted, and without steps the figures are the same', async () => {
  const names = [...NAMES, 'dog'];
  const on = await annotated(snn, IMAGES, { names });
  const result = await run({ detection: { decoder: { ...decoder, classNames: NAMES } } }, on);
  expect(result.notes).toEqual(['the net does not know dog: it finds none']);
  expect(result.snn.perStep).toEqual([]);
  const { classes: _, ...figures } = result.snn.figures as CocoFigures;
  expect(cocoFigures(atRest, data.detection!)).toMatchObject(figures);
  expect(result.exact).toMatchObject({ certified: true, images: IMAGES });
});

test('a classifier is evaluated as ever', async () => {
  const net = classifier();
  expect((await evaluate(net, dataset(5))).task).toBe('classification');
  net.dispose();
});
