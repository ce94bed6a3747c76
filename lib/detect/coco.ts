/** COCO's twelve figures, as its own evaluator (pycocotools, cocoeval.py) computes them. */
import type { GroundTruth, TruthObject } from '../datasets';
import { type AreaRange, type Encounter, encounter, type Matching, match, Verdict } from './coco-match';
import type { Detection, ImageDetections } from './detection';
import { align } from './results';

/** Shares, 0 to 1; null where no object counts (pycocotools says −1). */
export interface CocoFigures {
  /** Average precision: mean over the IoU thresholds .50, .55, … .95 and over the classes that have objects. */
  AP: number | null;
  AP50: number | null;
  AP75: number | null;
  /** Objects of an area up to 32², from there to 96², above. */
  APsmall: number | null;
  APmedium: number | null;
  APlarge: number | null;
  /** Average recall with at most 1, 10 and 100 detections per class and image. */
  AR1: number | null;
  AR10: number | null;
  AR100: number | null;
  ARsmall: number | null;
  ARmedium: number | null;
  ARlarge: number | null;
  /** In class order. `objects` counts those that should be found. */
  classes: { name: string; objects: number; AP: number | null; AP50: number | null }[];
}

/** As numpy's linspace gives them. */
const thresholds = Array.from({ length: 10 }, (_, i) => (i === 9 ? 0.95 : 0.5 + i * ((0.95 - 0.5) / 9)));
const recalls = Array.from({ length: 101 }, (_, i) => (i === 100 ? 1 : i * 0.01));

const areas = {
  all: [0, 1e10],
  small: [0, 32 ** 2],
  medium: [32 ** 2, 96 ** 2],
  large: [96 ** 2, 1e10],
} as const satisfies Record<string, AreaRange>;

const LIMIT = 100;

/** The curves of one class in one range of areas: mean precision by threshold, and the recall reached. */
interface ClassFigures {
  precision: number[];
  recall: number[];
  objects: number;
}

/**
 * COCO's figures of stored detections. Boxes are compared as they are: at most 100 of a class and image, the best first. VOC's
 * difficult objects count like those out of the range of areas.
 *
 * @throws CascError ERR_CASC_DATA where the detections do not fit the truth.
 *
 * @example
 * const data = await openDataset('coco:coco#val2017', { scaling });
 * const { AP, AP50 } = cocoFigures(results, data.detection!);
 */
export function cocoFigures(results: Iterable<ImageDetections>, truth: GroundTruth): CocoFigures {
  const detections = align(results, truth);
  const perClass = truth.categories.map((_, label) => encountersOf(label, truth, detections));
  const judge = (area: AreaRange) => perClass.map((encounters) => judgedIn(encounters, area));
  const everywhere = judge(areas.all);
  const figures = (judged: readonly Judged[], limit: number) => judged.map((each) => figuresOf(each, limit));
  const all = figures(everywhere, LIMIT);
  const [small, medium, large] = [areas.small, areas.medium, areas.large].map((area) => figures(judge(area), LIMIT));
  return {
    AP: meanOf(all, 'precision'),
    AP50: meanOf(all, 'precision', 0),
    AP75: meanOf(all, 'precision', 5),
    APsmall: meanOf(small!, 'precision'),
    APmedium: meanOf(medium!, 'precision'),
    APlarge: meanOf(large!, 'precision'),
    AR1: meanOf(figures(everywhere, 1), 'recall'),
    AR10: meanOf(figures(everywhere, 10), 'recall'),
    AR100: meanOf(all, 'recall'),
    ARsmall: meanOf(small!, 'recall'),
    ARmedium: meanOf(medium!, 'recall'),
    ARlarge: meanOf(large!, 'recall'),
    classes: truth.categories.map(({ name }, label) => ({
      name,
      objects: all[label]?.objects ?? 0,
      AP: meanOf([all[label]!], 'precision'),
      AP50: meanOf([all[label]!], 'precision', 0),
    })),
  };
}

/** The images in which the class occurs or is detected, in order. */
function encountersOf(label: number, { images }: GroundTruth, detections: (readonly Detection[])[]): Encounter[] {
  return images.flatMap(({ objects }, at) => {
    const theirs = objects.filter((object: TruthObject) => object.label === label);
    const ours = detections[at]!.filter((detection) => detection[0] === label);
    return theirs.length + ours.length > 0 ? [encounter(theirs, ours, LIMIT)] : [];
  });
}

/** One class in one range of areas. */
interface Judged {
  readonly encounters: readonly Encounter[];
  readonly matchings: readonly Matching[];
  /** Objects that should be found. */
  readonly objects: number;
}

function judgedIn(encounters: readonly Encounter[], area: AreaRange): Judged {
  const matchings = encounters.map((each) => match(each, thresholds, area));
  return { encounters, matchings, objects: matchings.reduce((sum, matching) => sum + matching.objects, 0) };
}

/** Null where the class has no object that counts. */
function figuresOf(judged: Judged, limit: number): ClassFigures | null {
  if (judged.objects === 0) return null;
  const ranked = rank(judged.encounters, limit);
  const curves = thresholds.map((_, t) => curveOf(ranked, judged, t));
  return {
    precision: curves.map(({ precision }) => precision),
    recall: curves.map(({ recall }) => recall),
    objects: judged.objects,
  };
}

interface Ranked {
  readonly image: number;
  readonly detection: number;
  readonly score: number;
}

/** Of all images the `limit` best each, together by falling score; of equal scores the earlier image first. */
function rank(encounters: readonly Encounter[], limit: number): Ranked[] {
  return encounters
    .flatMap(({ detections }, image) =>
      detections.slice(0, limit).map(([, score], detection) => ({ image, detection, score })),
    )
    .sort((a, b) => b.score - a.score);
}

function curveOf(
  ranked: readonly Ranked[],
  { encounters, matchings, objects }: Judged,
  threshold: number,
): { precision: number; recall: number } {
  const precision: number[] = [];
  const recall: number[] = [];
  let right = 0;
  let wrong = 0;
  for (const { image, detection } of ranked) {
    const verdict = matchings[image]!.verdicts[threshold * encounters[image]!.detections.length + detection];
    if (verdict === Verdict.Right) right++;
    if (verdict === Verdict.Wrong) wrong++;
    recall.push(right / objects);
    precision.push(right / (wrong + right + Number.EPSILON));
  }
  for (let i = precision.length - 1; i > 0; i--) precision[i - 1] = Math.max(precision[i - 1]!, precision[i]!);
  // The precision at the first point where the recall is reached; none where it never is.
  let sum = 0;
  let at = 0;
  for (const wanted of recalls) {
    while (at < recall.length && recall[at]! < wanted) at++;
    if (at < recall.length) sum += precision[at]!;
  }
  return { precision: sum / recalls.length, recall: recall.at(-1) ?? 0 };
}

/** Mean over classes with objects, and over thresholds or at one of them. */
function meanOf(
  figures: readonly (ClassFigures | null)[],
  of: 'precision' | 'recall',
  threshold?: number,
): number | null {
  const values = figures.flatMap((each) => {
    if (!each) return [];
    return threshold === undefined ? each[of] : [each[of][threshold]!];
  });
  return values.length === 0 ? null : values.reduce((a, b) => a + b, 0) / values.length;
}
