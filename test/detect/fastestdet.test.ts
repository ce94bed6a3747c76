/** FastestDet in fp32 on real images: the figures of ../shared/models/README.md. */
import { type Dataset, imageGeometry, openDataset } from '../../lib/datasets';
import {
  type CocoFigures,
  cocoFigures,
  type DetectOptions,
  decoders,
  detect,
  type ImageDetections,
  mapClasses,
  vocFigures,
} from '../../lib/detect';
import { importModel } from '../../lib/graph';
import { addon } from '../../lib/native';
import { openPlan } from '../../lib/quantize/calibrate';
import { dataPath, describeWithData } from '../support/data';

const model = 'models/fastestdet-coco.onnx';
const scaling = { resize: { rule: 'stretch' as const, size: 352 }, antialias: false, channels: 'bgr' as const };

/** The fp32 net's outputs of every image. */
async function outputsOf(data: Dataset): Promise<Float32Array[][]> {
  const plan = openPlan(await importModel(dataPath(model)));
  const all: Float32Array[][] = [];
  for await (const { images, count } of data.batches(16)) {
    const { outputs } = await plan.run([images], count, { threads: addon().info().threads });
    for (let i = 0; i < count; i++) {
      all.push(outputs.map((map) => map.subarray((i * map.length) / count, ((i + 1) * map.length) / count)));
    }
  }
  plan.dispose();
  return all;
}

function detectAll(outputs: Float32Array[][], data: Dataset, options?: DetectOptions): ImageDetections[] {
  return data.detection!.images.map((image, i) => ({
    imageId: image.id,
    detections: detect(outputs[i]!, decoders.fastestdet, imageGeometry(image, data.scaling), options),
  }));
}

const near = (value: number | null, expected: number, tolerance: number) =>
  expect(Math.abs(value! - expected)).toBeLessThanOrEqual(tolerance);

describeWithData('FastestDet on coco128', [model, 'data/coco128'], () => {
  let data: Dataset;
  let outputs: Float32Array[][];

  beforeAll(async () => {
    data = await openDataset(`coco:${dataPath('data/coco128')}`, { scaling });
    outputs = await outputsOf(data);
  });

  test('the ground truth is the one its README describes', () => {
    const { images, categories } = data.detection!;
    const objects = images.flatMap((image) => image.objects);
    expect([images.length, categories.length, objects.length]).toEqual([128, 80, 939]);
    expect(objects.filter(({ crowd }) => crowd)).toHaveLength(10);
    expect(new Set(objects.map(({ label }) => label)).size).toBe(71);
    expect(images.filter((image) => image.objects.length === 0).map(({ id }) => Number.parseInt(id, 10))).toEqual([
      250, 508,
    ]);
    expect(decoders.fastestdet.classNames).toEqual(data.classNames);
  });

  test.each<[string, DetectOptions, number, number]>([
    ['as the decoder has it', {}, 0.319, 0.187],
    ['boxes clipped to the image', { clip: 'image' }, 0.323, 0.201],
    ['threshold 0.05', { threshold: 0.05 }, 0.319, 0.187],
    ['threshold 0.25', { threshold: 0.25 }, 0.313, 0.185],
  ])('%s', (_, options, ap50, ap) => {
    const results = detectAll(outputs, data, options);
    const figures = cocoFigures(results, data.detection!);
    near(figures.AP50, ap50, 0.002);
    near(figures.AP, ap, 0.002);
    // Stored as JSON, in another order: the same figures.
    const stored = JSON.parse(JSON.stringify([...results].reverse())) as ImageDetections[];
    expect(cocoFigures(stored, data.detection!)).toEqual<CocoFigures>(figures);
  });
});

describeWithData('FastestDet on voc-sample', [model, 'data/voc-sample'], () => {
  test('VOC mean average precision', async () => {
    const data = await openDataset(`voc:${dataPath('data/voc-sample/VOCdevkit/VOC2007')}`, { scaling });
    const objects = data.detection!.images.flatMap((image) => image.objects);
    expect([data.size, objects.length, objects.filter(({ difficult }) => difficult).length]).toEqual([64, 325, 4]);
    const { labels, dropped, unknown } = mapClasses(decoders.fastestdet.classNames!, data.classNames!);
    expect([dropped.length, unknown]).toEqual([60, []]);
    const results = detectAll(await outputsOf(data), data, { classes: labels });
    const figures = vocFigures(results, data.detection!);
    near(figures.area, 43.4 / 100, 0.003);
    near(figures.elevenPoint, 0.437, 0.003);
    expect(figures.classes.filter(({ area }) => area !== null)).toHaveLength(18);
  });
});
