import type { GroundTruth } from '../../lib/datasets';
import {
  cocoClasses,
  cocoFigures,
  type Detection,
  type ImageDetections,
  mapClasses,
  vocFigures,
} from '../../lib/detect';
import { caught } from '../datasets/helpers';

const object = { label: 0, box: [0, 0, 10, 10], area: 100, crowd: false, difficult: false } as const;
const truth: GroundTruth = {
  categories: [
    { id: 1, name: 'a' },
    { id: 5, name: 'b' },
  ],
  images: [
    { id: 'x', width: 20, height: 20, objects: [object] },
    { id: 'y', width: 20, height: 20, objects: [] },
  ],
};
const exact: Detection = [0, 0.5, 0, 0, 10, 10];
const results = (x: readonly Detection[], y: readonly Detection[] = []): ImageDetections[] => [
  { imageId: 'x', detections: x },
  { imageId: 'y', detections: y },
];

test.each<[string, ImageDetections[], string]>([
  ['a gap', results([exact]).slice(0, 1), 'image y has no entry (an image without detections has an empty list)'],
  ['an image twice', [...results([]), ...results([])], 'image x has detections twice'],
  ['an unknown image', [{ imageId: 'z', detections: [] }], 'image z is not in the ground truth'],
  [
    'an unknown class',
    results([[2, 0.5, 0, 0, 1, 1]]),
    'image x has a detection of class 2, but the ground truth has 2',
  ],
  ['no class', results([[0.5, 0.5, 0, 0, 1, 1]]), 'of class 0.5'],
  ['NaN', results([[0, Number.NaN, 0, 0, 1, 1]]), 'image x has the detection [0,null,0,0,1,1]; expected [class'],
  ['five numbers', results([[0, 0.5, 0, 0, 1] as unknown as Detection]), 'expected [class, score, x1, y1, x2, y2]'],
])('refused: %s', async (_, wrong, text) => {
  for (const figures of [cocoFigures, vocFigures]) {
    const error = await caught(() => figures(wrong, truth));
    expect(error.code).toBe('ERR_CASC_DATA');
    expect(error.message).toContain(text);
  }
});

test('classes without objects have no figure', () => {
  expect(cocoFigures(results([exact], [[1, 0.9, 0, 0, 5, 5]]), truth)).toMatchObject({
    APmedium: null,
    classes: [
      { name: 'a', objects: 1, AP50: expect.closeTo(1, 12) },
      { name: 'b', objects: 0, AP: null, AP50: null },
    ],
  });
  expect(vocFigures(results([exact]), truth)).toEqual({
    iou: 0.5,
    area: 1,
    elevenPoint: expect.closeTo(1, 12),
    classes: [
      { name: 'a', objects: 1, area: 1, elevenPoint: expect.closeTo(1, 12) },
      { name: 'b', objects: 0, area: null, elevenPoint: null },
    ],
  });
});

test('difficult objects count for COCO’s figures no more than for VOC’s, nor crowds for VOC’s', () => {
  for (const free of ['difficult', 'crowd']) {
    const other = { ...object, box: [12, 12, 5, 5] as const, [free]: true };
    const image = { ...truth.images[0]!, objects: [object, other] };
    const withFree = { ...truth, images: [image, truth.images[1]!] };
    for (const extra of [[], [[0, 0.9, 12, 12, 17, 17]]] as Detection[][]) {
      expect(cocoFigures(results([exact, ...extra]), withFree)).toMatchObject({ AP: expect.closeTo(1, 12) });
      expect(vocFigures(results([exact, ...extra]), withFree)).toMatchObject({ area: 1 });
    }
  }
});

test.each([Number.NaN, 1, -0.1])('VOC refuses the IoU %d', async (iou) => {
  expect((await caught(() => vocFigures(results([]), truth, { iou }))).code).toBe('ERR_CASC_ARGUMENT');
});

describe('mapClasses', () => {
  test('by name, and by VOC’s names of COCO’s classes', () => {
    const voc = ['aeroplane', 'person', 'tvmonitor', 'dragon'];
    const { labels, dropped, unknown } = mapClasses(cocoClasses, voc);
    expect([labels[0], labels[4], labels[62], labels[1]]).toEqual([1, 0, 2, null]);
    expect(dropped).toHaveLength(77);
    expect(unknown).toEqual(['dragon']);
    expect(mapClasses(voc, cocoClasses).labels).toEqual([4, 0, 62, null]);
  });

  test('nothing in common', async () => {
    const error = await caught(() => mapClasses(['cup'], ['pen']));
    expect(error.code).toBe('ERR_CASC_DATA');
    expect(error.message).toContain("none of the network's classes (cup");
  });
});
