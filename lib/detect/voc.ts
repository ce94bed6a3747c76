/** Pascal VOC's average precision, as voc_eval.py, the devkit's port to Python, computes it. */
import type { GroundTruth, TruthObject } from '../datasets';
import { argumentError } from '../errors';
import type { Detection, ImageDetections } from './detection';
import { align } from './results';

export interface VocOptions {
  /** Detections must overlap an object by more. Default 0.5. */
  iou?: number;
}

/** Shares, 0 to 1; null where no object counts. */
export interface VocFigures {
  iou: number;
  /** Area under the curve of precision against recall (VOC 2010 on): mean over the classes that have objects. */
  area: number | null;
  /** Mean of the best precision at recalls of at least 0, 0.1, … 1 (VOC 2007). */
  elevenPoint: number | null;
  /** In class order. `objects` are those that should be found: without the difficult ones. */
  classes: { name: string; objects: number; area: number | null; elevenPoint: number | null }[];
}

/** As numpy's arange gives them. */
const elevenths = Array.from({ length: 11 }, (_, i) => i * 0.1);

/**
 * VOC's figures of stored detections. COCO's crowds count like difficult objects.
 *
 * @throws CascError ERR_CASC_ARGUMENT, ERR_CASC_DATA where the detections do not fit the truth.
 *
 * @example
 * const data = await openDataset('voc:VOCdevkit/VOC2007#test', { scaling });
 * const { elevenPoint, area } = vocFigures(results, data.detection!);
 */
export function vocFigures(
  results: Iterable<ImageDetections>,
  truth: GroundTruth,
  { iou = 0.5 }: VocOptions = {},
): VocFigures {
  if (!(iou >= 0 && iou < 1)) throw argumentError('iou', 'a number from 0 to below 1', iou);
  const detections = align(results, truth);
  const classes = truth.categories.map(({ name }, label) => {
    const objects = truth.images.map((image) => image.objects.filter((object) => object.label === label));
    const counted = objects.flat().filter((object) => !isFree(object)).length;
    if (counted === 0) return { name, objects: 0, area: null, elevenPoint: null };
    const curve = curveOf(objects, detections, label, counted, iou);
    return { name, objects: counted, area: areaUnder(curve), elevenPoint: elevenPointOf(curve) };
  });
  return { iou, area: mean(classes, 'area'), elevenPoint: mean(classes, 'elevenPoint'), classes };
}

interface Curve {
  readonly recall: readonly number[];
  readonly precision: readonly number[];
}

/** Found or missed, it does not count. */
function isFree({ difficult, crowd }: TruthObject): boolean {
  return difficult || crowd;
}

/**
 * Detections by falling score, of equal ones the earlier image's first; each looks at the object that it overlaps most. The first
 * one to overlap it enough is right, later ones are wrong; where it is a difficult one, neither.
 */
function curveOf(
  objects: readonly TruthObject[][],
  detections: readonly (readonly Detection[])[],
  label: number,
  counted: number,
  least: number,
): Curve {
  const ranked = detections
    .flatMap((list, image) =>
      list.filter((detection) => detection[0] === label).map((detection) => ({ image, detection })),
    )
    .sort((a, b) => b.detection[1] - a.detection[1]);
  const found = new Set<TruthObject>();
  const recall: number[] = [];
  const precision: number[] = [];
  let right = 0;
  let wrong = 0;
  for (const { image, detection } of ranked) {
    let best = Number.NEGATIVE_INFINITY;
    let target: TruthObject | undefined;
    for (const object of objects[image]!) {
      const overlap = vocIou(detection, object);
      if (!(overlap > best)) continue;
      best = overlap;
      target = object;
    }
    if (target === undefined || best <= least) wrong++;
    else if (!isFree(target)) {
      if (found.has(target)) wrong++;
      else right++;
      found.add(target);
    }
    recall.push(right / counted);
    precision.push(right / Math.max(right + wrong, Number.EPSILON));
  }
  return { recall, precision };
}

/** VOC counts pixels from 1, both ends within the box: left + 1 to right, hence its + 1 in every width. */
function vocIou([, , x1, y1, x2, y2]: Detection, { box: [x, y, width, height] }: TruthObject): number {
  const across = Math.max(Math.min(x2, x + width) - Math.max(x1 + 1, x + 1) + 1, 0);
  const down = Math.max(Math.min(y2, y + height) - Math.max(y1 + 1, y + 1) + 1, 0);
  const both = across * down;
  return both / ((x2 - (x1 + 1) + 1) * (y2 - (y1 + 1) + 1) + width * height - both);
}

function elevenPointOf({ recall, precision }: Curve): number {
  let sum = 0;
  for (const least of elevenths) {
    let best = 0;
    recall.forEach((reached, i) => {
      if (reached >= least) best = Math.max(best, precision[i]!);
    });
    sum += best / 11;
  }
  return sum;
}

function areaUnder({ recall, precision }: Curve): number {
  const steps = [0, ...recall, 1];
  const heights = [0, ...precision, 0];
  for (let i = heights.length - 1; i > 0; i--) heights[i - 1] = Math.max(heights[i - 1]!, heights[i]!);
  let sum = 0;
  for (let i = 1; i < steps.length; i++) sum += (steps[i]! - steps[i - 1]!) * heights[i]!;
  return sum;
}

function mean(classes: VocFigures['classes'], of: 'area' | 'elevenPoint'): number | null {
  const values = classes.flatMap((each) => each[of] ?? []);
  return values.length === 0 ? null : values.reduce((a, b) => a + b, 0) / values.length;
}
