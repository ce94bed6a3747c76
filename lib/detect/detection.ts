/** One detected object, as it is computed, stored and evaluated. */

/**
 * Class, score 0..1, and the box in pixels of the image: left, top, right, bottom; the upper left corner of the image is (0, 0).
 * Scores are rounded to 7 decimals, boxes to 3, so that the JSON is short and reads back as the very numbers.
 */
export type Detection = readonly [label: number, score: number, x1: number, y1: number, x2: number, y2: number];

/** Detections of one image. */
export interface ImageDetections {
  /** As in the data set's batches. */
  readonly imageId: string;
  readonly detections: readonly Detection[];
}

export function roundScore(score: number): number {
  return Math.round(score * 1e7) / 1e7;
}

/** Never −0, which JSON would not keep. */
export function roundPixel(position: number): number {
  return Math.round(position * 1e3) / 1e3 + 0;
}

/** Intersection over union of two boxes; 0 where they do not overlap. */
export function iouOf(a: Detection, b: Detection): number {
  const width = Math.min(a[4], b[4]) - Math.max(a[2], b[2]);
  const height = Math.min(a[5], b[5]) - Math.max(a[3], b[3]);
  if (!(width > 0 && height > 0)) return 0;
  const both = width * height;
  return both / ((a[4] - a[2]) * (a[5] - a[3]) + (b[4] - b[2]) * (b[5] - b[3]) - both);
}
