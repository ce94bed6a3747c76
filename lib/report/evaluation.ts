/** The table of `casc evaluate`. */
import type {
  Accuracy,
  AnyEvaluation,
  DetectionEvaluation,
  Evaluation,
  RestDetectionEvaluation,
  RestEvaluation,
} from '../evaluate';
import { certificateLine, verificationLine } from './certificate';
import { costs } from './costs';
import { detectionSections } from './detection';
import { profileTable } from './profile';
import { count, percent, percentRange, plural, points, type Row, table } from './table';

/** Rows of the accuracy table before steps are left out of it. */
const MOST_ROWS = 24;
/** Skipped images that are named. */
const MOST_NAMES = 10;

type Curve = Evaluation['snn']['top1PerStep'];

/**
 * Accuracy (of a detector, average precision) step by step beside the ANN's, what it cost, and the certificate. In mode 'rest', which has no steps, accuracy at rest
 * and how it was verified.
 *
 * @example
 * console.log(evaluationTable(await evaluate(snn, dataset)));
 */
export function evaluationTable(result: AnyEvaluation): string {
  return [
    titleLine(result),
    '',
    ...(result.mode === 'full' ? fullSections(result) : restSections(result)),
    ...result.notes.map((note) => `note: ${note}`),
    ...unfinished(result),
  ].join('\n');
}

function titleLine({ model, images, selected, shard, data }: AnyEvaluation): string {
  const part = shard ? ` (shard ${shard.index}/${shard.of})` : '';
  const which = images < selected ? `${count(images)} of ${plural(selected, 'image')}` : plural(images, 'image');
  return `${model.file}: ${model.levels} levels, ${model.format}, ${which} of ${data}${part}`;
}

/** What is missing from the figures, and why. */
function unfinished({ images, selected, skipped }: AnyEvaluation): string[] {
  const left = selected - images - skipped.length;
  const names = skipped.slice(0, MOST_NAMES).map(({ id }) => id);
  const more = skipped.length > names.length ? `, … (${skipped.length}; --json names all)` : '';
  return [
    ...(skipped.length > 0
      ? [`SKIPPED: ${plural(skipped.length, 'image')} could not be read: ${names.join(', ')}${more}`]
      : []),
    ...(left > 0 ? [`INTERRUPTED: ${plural(left, 'image')} still to be evaluated`] : []),
  ];
}

function fullSections(result: Evaluation | DetectionEvaluation): string[] {
  const { profile, images, notes } = result;
  return [
    ...(result.task === 'detection' ? detectionSections(result) : accuracySections(result)),
    costs(result),
    '',
    ...(profile ? [profileTable(profile, images), ''] : []),
    certificateLine(result.exact, images, notes),
  ];
}

function accuracySections(result: Evaluation): string[] {
  return [curveTable(result), '', ...anytimeSection(result), accuracies(result), '', ...agreementSection(result)];
}

/** The two accuracies of a full evaluation are one here, and what a simulation would cost is not known. */
function restSections(result: RestEvaluation | RestDetectionEvaluation): string[] {
  const { throughput, model, operations } = result;
  const rows: Row[] = [
    ['multiply-adds per image', count(operations.denseMacs)],
    ['throughput', `${throughput.imagesPerSecond.toFixed(1)} images per second (${model.isa}), not simulated`],
  ];
  return [
    'mode rest: computed without the transient, as the quantised ANN; no steps, no spikes',
    '',
    ...(result.task === 'detection'
      ? detectionSections(result)
      : [accuracies(result), '', ...agreementSection(result)]),
    table(null, rows),
    '',
    verificationLine(result),
  ];
}

function curveTable({ snn: { top1PerStep: curve }, quantized }: Evaluation): string {
  const shown = thin(curve);
  const phases = new Set(curve.filter(({ sleep }) => sleep > 0).map(({ wake }) => wake)).size;
  const rows = shown.map((i): Row => {
    const { wake, sleep, top1 } = curve[i]!;
    const asleep = phases > 1 ? `wake ${wake}, sleep ${sleep}` : `sleep ${sleep}`;
    return [i + 1, sleep === 0 ? `wake ${wake}` : asleep, percent(top1), points(top1 - quantized.top1)];
  });
  const left = shown.length < curve.length ? `\n(${shown.length} of ${curve.length} steps; --json writes all)` : '';
  return table(['step', 'phase', 'SNN top-1', 'vs quantised ANN'], rows, [0, 2, 3]) + left;
}

function accuracies({ mode, ann, quantized, snn }: Evaluation | RestEvaluation): string {
  const row = (name: string, { top1, top5, interval }: Accuracy): Row => [
    name,
    percent(top1),
    percentRange(interval.top1),
    percent(top5),
  ];
  const levels = plural(quantized.levels, 'level');
  const rows = [
    ...(ann ? [row('ANN, fp32', ann)] : []),
    ...(mode === 'rest'
      ? [row(`SNN at rest = ANN, quantised at ${levels}`, snn)]
      : [row(`ANN, quantised at ${levels}`, quantized), row('SNN, at the end', snn)]),
  ];
  return table(['', 'top-1', '95 % interval', 'top-5'], rows, [1, 2, 3]);
}

/** Where there are several sleep phases: each ends with the answer of the net quantised at so many levels. */
function anytimeSection({ snn: { anytime } }: Evaluation): string[] {
  if (!anytime || anytime.length < 2) return [];
  const rows = thinned(anytime).map(
    ({ wake, steps, top1, interval, notAtRest }): Row => [
      wake,
      steps.toFixed(1),
      percent(top1),
      percentRange(interval.top1),
      notAtRest === 0 ? '' : `${count(notAtRest)} not at rest`,
    ],
  );
  return [table(['level', 'steps', 'SNN top-1', '95 % interval', ''], rows, [0, 1, 2, 3]), ''];
}

function thinned<T>(points: readonly T[]): T[] {
  return even([...points.keys()], MOST_ROWS).map((i) => points[i]!);
}

function agreementSection({ agreement, disagreeing, mode }: Evaluation | RestEvaluation): string[] {
  const { quantizedSnn, annSnn } = agreement;
  const parts = [
    ...(mode === 'full' ? [`SNN and quantised ANN ${percent(quantizedSnn)}`] : []),
    ...(annSnn === undefined ? [] : [`SNN and fp32 ANN ${percent(annSnn)}`]),
  ];
  if (parts.length === 0) return [];
  const differing = plural(disagreeing.length, 'image');
  const list = disagreeing.length === 0 ? '' : ` (${differing} answered differently; --json lists them)`;
  return [`same answer: ${parts.join(', ')}${list}`, ''];
}

/** Indices of the rows to show: all, or an even choice with the last awake step and the end of each sleep phase. */
function thin(curve: Curve): number[] {
  const all = [...curve.keys()];
  if (all.length <= MOST_ROWS) return all;
  const lastWake = all.filter((i) => curve[i]!.sleep === 0).at(-1);
  const ends = all.filter(
    (i) => i === lastWake || i === all.length - 1 || (curve[i]!.sleep > 0 && curve[i + 1]!.sleep === 0),
  );
  const others = even(all, Math.max(2, MOST_ROWS - ends.length));
  return [...new Set([...others, ...even(ends, MOST_ROWS - 2)])].sort((a, b) => a - b);
}

/** At most n of the values, evenly, with the first and the last. */
function even(values: readonly number[], n: number): number[] {
  if (values.length <= n) return [...values];
  return Array.from({ length: n }, (_, i) => values[Math.round((i * (values.length - 1)) / (n - 1))]!);
}
