/** Stored detections and the ground truth, put together. */
import type { GroundTruth } from '../datasets';
import { CascError } from '../errors';
import type { Detection, ImageDetections } from './detection';

/**
 * Detections of each image of the truth, in its order, whatever the order of the results.
 *
 * @throws CascError ERR_CASC_DATA for an image that is not in the truth, is there twice or lacks its result, and for a detection of
 * an unknown class or that is no six finite numbers.
 */
export function align(results: Iterable<ImageDetections>, truth: GroundTruth): (readonly Detection[])[] {
  const positions = new Map(truth.images.map(({ id }, at) => [id, at]));
  const aligned = new Array<readonly Detection[] | undefined>(truth.images.length).fill(undefined);
  for (const { imageId, detections } of results) {
    const at = positions.get(imageId);
    if (at === undefined) throw wrong(imageId, 'is not in the ground truth');
    if (aligned[at]) throw wrong(imageId, 'has detections twice');
    for (const detection of detections) check(detection, imageId, truth.categories.length);
    aligned[at] = detections;
  }
  const gap = aligned.indexOf(undefined);
  if (gap >= 0) throw wrong(truth.images[gap]!.id, 'has no entry (an image without detections has an empty list)');
  return aligned as (readonly Detection[])[];
}

function check(detection: Detection, image: string, classes: number): void {
  const [label] = detection;
  if (detection.length !== 6 || !detection.every(Number.isFinite)) {
    throw wrong(image, `has the detection ${JSON.stringify(detection)}; expected [class, score, x1, y1, x2, y2]`);
  }
  if (!Number.isInteger(label) || label < 0 || label >= classes) {
    throw wrong(image, `has a detection of class ${label}, but the ground truth has ${classes} classes (from 0)`);
  }
}

function wrong(image: string, problem: string): CascError {
  return new CascError('ERR_CASC_DATA', `the detections do not fit the ground truth: image ${image} ${problem}`, {
    image,
  });
}
