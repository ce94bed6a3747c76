/** From a detector's outputs to the objects of an image. */
import { type ImageGeometry, toImage } from '../datasets';
import { decode, type Prediction } from './decode';
import type { Decoder } from './decoder';
import { type Detection, iouOf, roundPixel, roundScore } from './detection';

export interface DetectOptions extends Partial<Pick<Decoder, 'threshold' | 'iou' | 'clip' | 'limit'>> {
  /** The data set's class for each of the network's, null to drop it: `labels` of mapClasses. Default: the network's own. */
  classes?: readonly (number | null)[];
}

/**
 * Decodes one image's outputs, drops of the boxes of one class that overlap all but the best (greedy non-maximum suppression),
 * and gives what is left in the image's own pixels, by falling score. Pure: the same outputs give the same detections, be they
 * the fp32 net's, the quantised ANN's, or the spiking net's after any step.
 *
 * @param outputs the net's outputs for this image, in the order of the ONNX file, each [channels, rows, columns]
 * @param options override what the decoder says
 * @throws CascError ERR_CASC_SHAPE, ERR_CASC_MODEL as decode.
 *
 * @example
 * const map = new Float32Array(85); // one cell of FastestDet: a box in the middle, half as wide and half as high as the image
 * map[0] = 1; // objectness
 * map.set([Math.atanh(0.5), Math.atanh(0.5), 0, 0], 1); // tx, ty, tw, th
 * map[5 + 2] = 1; // a car
 * const scaling = parseInputScaling({ resize: { rule: 'stretch', size: 16 } });
 * const geometry = imageGeometry({ width: 640, height: 480 }, scaling);
 * detect([map], decoders.fastestdet, geometry); // [[2, 1, 160, 120, 480, 360]]
 */
export function detect(
  outputs: readonly Float32Array[],
  decoder: Decoder,
  geometry: ImageGeometry,
  options: DetectOptions = {},
): Detection[] {
  const { threshold, iou, clip, limit, classes } = { ...decoder, ...defined(options) };
  const candidates = decode(outputs, decoder, geometry, threshold).flatMap((prediction): Detection[] => {
    const label = classes ? (classes[prediction.label] ?? null) : prediction.label;
    return label === null ? [] : [[label, roundScore(prediction.score), ...boxInImage(prediction, geometry, clip)]];
  });
  return suppress(candidates, iou, limit);
}

/** Options that are given as undefined do not count. */
function defined(options: DetectOptions): DetectOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

function boxInImage(
  { left, top, right, bottom }: Prediction,
  geometry: ImageGeometry,
  clip: Decoder['clip'],
): [x1: number, y1: number, x2: number, y2: number] {
  const { image, input } = geometry;
  const within = (value: number, to: number, edge: Decoder['clip']) =>
    clip === edge ? Math.min(Math.max(value, 0), to) : value;
  const corner = (x: number, y: number) => {
    const [inX, inY] = toImage(geometry, within(x, input.width, 'input'), within(y, input.height, 'input'));
    return [roundPixel(within(inX, image.width, 'image')), roundPixel(within(inY, image.height, 'image'))] as const;
  };
  return [...corner(left, top), ...corner(right, bottom)];
}

/** Greedy, class by class: the best stays, what overlaps it by more than `iou` goes; up to `limit` of a class. */
function suppress(candidates: readonly Detection[], iou: number, limit: number): Detection[] {
  const kept: Detection[] = [];
  const byClass = new Map<number, Detection[]>();
  // The sort is stable: of equal scores the earlier cell counts as the better one.
  for (const candidate of [...candidates].sort((a, b) => b[1] - a[1])) {
    const rivals = byClass.get(candidate[0]) ?? [];
    byClass.set(candidate[0], rivals);
    if (rivals.length >= limit || rivals.some((rival) => iouOf(rival, candidate) > iou)) continue;
    rivals.push(candidate);
    kept.push(candidate);
  }
  return kept;
}
