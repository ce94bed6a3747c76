/**
 * Which detections of one class in one image are right: COCO's matching (evaluateImg of pycocotools' cocoeval.py), for all of
 * its IoU thresholds and one range of areas.
 */
import type { TruthObject } from '../datasets';
import type { Detection } from './detection';

export const Verdict = { Wrong: 0, Right: 1, Ignored: 2 } as const;

/** Detections of one class in one image, best first, beside the objects of that class. */
export interface Encounter {
  readonly objects: readonly TruthObject[];
  readonly detections: readonly Detection[];
  /** IoU of each detection with each object, [detections × objects]. */
  readonly ious: Float64Array;
}

export interface Matching {
  /** Of each detection at each threshold, [thresholds × detections]. */
  readonly verdicts: Uint8Array;
  /** Objects that should be found. */
  readonly objects: number;
}

export type AreaRange = readonly [from: number, to: number];

/** Best first, of equal scores the earlier one; at most `limit`. */
export function encounter(objects: readonly TruthObject[], detections: readonly Detection[], limit: number): Encounter {
  const best = [...detections].sort((a, b) => b[1] - a[1]).slice(0, limit);
  const ious = new Float64Array(best.length * objects.length);
  best.forEach((detection, d) => {
    objects.forEach((object, g) => {
      ious[d * objects.length + g] = cocoIou(detection, object);
    });
  });
  return { objects, detections: best, ious };
}

/**
 * Detections in order take the object that they overlap most and at least by the threshold, if it is still free; objects that do
 * not count (crowds, difficult ones, areas out of range) only where no other is to be had, and crowds as often as one likes.
 * Detections that end on one of these, or that are out of range themselves and end on none, do not count.
 */
export function match(
  { objects, detections, ious }: Encounter,
  thresholds: readonly number[],
  [from, to]: AreaRange,
): Matching {
  const outside = (area: number) => area < from || area > to;
  const ignored = objects.map(({ crowd, difficult, area }) => crowd || difficult || outside(area));
  // Those that count come first; the order is kept otherwise.
  const order = [...objects.keys()].sort((a, b) => Number(ignored[a]) - Number(ignored[b]));
  const verdicts = new Uint8Array(thresholds.length * detections.length);
  thresholds.forEach((threshold, t) => {
    const taken = new Uint8Array(objects.length);
    detections.forEach((detection, d) => {
      let least = Math.min(threshold, 1 - 1e-10);
      let found = -1;
      for (const g of order) {
        if (taken[g] && !objects[g]!.crowd) continue;
        if (found >= 0 && !ignored[found] && ignored[g]) break;
        const iou = ious[d * objects.length + g]!;
        if (iou < least) continue;
        least = iou;
        found = g;
      }
      if (found >= 0) taken[found] = 1;
      const free = found < 0 ? outside(areaOf(detection)) : ignored[found]!;
      verdicts[t * detections.length + d] = free ? Verdict.Ignored : found < 0 ? Verdict.Wrong : Verdict.Right;
    });
  });
  return { verdicts, objects: ignored.filter((is) => !is).length };
}

function areaOf([, , x1, y1, x2, y2]: Detection): number {
  return (x2 - x1) * (y2 - y1);
}

/** With a crowd, the share of the detection that lies in it. The order of operations is that of pycocotools' bbIou. */
function cocoIou(detection: Detection, { box: [x, y, width, height], crowd }: TruthObject): number {
  const [, , x1, y1, x2, y2] = detection;
  const w = Math.min(x2 - x1 + x1, x + width) - Math.max(x1, x);
  if (w <= 0) return 0;
  const h = Math.min(y2 - y1 + y1, y + height) - Math.max(y1, y);
  if (h <= 0) return 0;
  const both = w * h;
  const area = areaOf(detection);
  return both / (crowd ? area : area + width * height - both);
}
