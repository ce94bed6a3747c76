/** Generated cases whose figures the reference evaluators computed: reference/README.md. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { GroundTruth } from '../../lib/datasets';
import { cocoFigures, type Detection, type ImageDetections, vocFigures } from '../../lib/detect';

interface Case<T> {
  name: string;
  classes: number;
  images: {
    objects: [label: number, x: number, y: number, width: number, height: number, area: number, free: number][];
    detections: Detection[];
  }[];
  expected: T;
}

type CocoCase = Case<{ figures: (number | null)[]; classes: (number | null)[][] }>;
type VocCase = Case<{ iou: number; classes: [area: number | null, elevenPoint: number | null][] }[]>;

function read<T>(file: string): T[] {
  return JSON.parse(readFileSync(join(__dirname, 'reference', file), 'utf8')) as T[];
}

function truthOf({ images, classes }: Case<unknown>, free: 'crowd' | 'difficult'): GroundTruth {
  return {
    categories: Array.from({ length: classes }, (_, label) => ({ id: label + 1, name: `class ${label}` })),
    images: images.map(({ objects }, at) => ({
      id: `image ${at}`,
      width: 640,
      height: 480,
      objects: objects.map(([label, x, y, width, height, area, is]) => ({
        label,
        box: [x, y, width, height],
        area,
        crowd: false,
        difficult: false,
        [free]: is === 1,
      })),
    })),
  };
}

/** In another order than the truth: the order of images must not matter. */
function resultsOf({ images }: Case<unknown>): ImageDetections[] {
  return images.map(({ detections }, at) => ({ imageId: `image ${at}`, detections })).reverse();
}

/** Equal but for the order in which sums are rounded. */
function same(found: (number | null)[], expected: (number | null)[]): void {
  expect(found.map((value) => value === null)).toEqual(expected.map((value) => value === null));
  found.forEach((value, i) => {
    if (value !== null) expect(Math.abs(value - expected[i]!)).toBeLessThan(1e-12);
  });
}

const coco = read<CocoCase>('coco-cases.json');
const voc = read<VocCase>('voc-cases.json');

test('there are enough cases', () => {
  expect(Math.min(coco.length, voc.length)).toBeGreaterThanOrEqual(20);
});

test.each(coco.map((each) => [each.name, each] as const))('COCO: %s', (_, each) => {
  const { classes, ...figures } = cocoFigures(resultsOf(each), truthOf(each, 'crowd'));
  same(Object.values(figures), each.expected.figures);
  classes.forEach(({ AP, AP50 }, label) => {
    same([AP, AP50], each.expected.classes[label]!);
  });
});

test.each(voc.map((each) => [each.name, each] as const))('VOC: %s', (_, each) => {
  for (const expected of each.expected) {
    const figures = vocFigures(resultsOf(each), truthOf(each, 'difficult'), { iou: expected.iou });
    const areas = expected.classes.map(([area]) => area);
    const points = expected.classes.map(([, point]) => point);
    same(
      figures.classes.map(({ area }) => area),
      areas,
    );
    same(
      figures.classes.map(({ elevenPoint }) => elevenPoint),
      points,
    );
    same([figures.area, figures.elevenPoint], [meanOf(areas), meanOf(points)]);
  }
});

function meanOf(values: (number | null)[]): number | null {
  const counted = values.filter((value) => value !== null);
  return counted.length === 0 ? null : counted.reduce((a, b) => a + b, 0) / counted.length;
}
