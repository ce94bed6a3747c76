/** Average precision of an evaluation, as rows: for the table and for the page. */
import type { AveragePrecision, DetectionEvaluation, RestDetectionEvaluation } from '../evaluate';
import { count, percent, plural, type Row, table } from './table';

type Result = DetectionEvaluation | RestDetectionEvaluation;

const COCO = [
  ...['AP', 'AP50', 'AP75', 'APsmall', 'APmedium', 'APlarge'],
  ...['AR1', 'AR10', 'AR100', 'ARsmall', 'ARmedium', 'ARlarge'],
] as const;

/** Three digits, as COCO's evaluator has them; "–" where no object counts. */
export const digits = (value: number | null): string => (value === null ? '–' : value.toFixed(3));

/** Names of the figures and their values. */
function named(figures: AveragePrecision): [name: string, value: number | null][] {
  if ('area' in figures) {
    return [
      ['mAP, area', figures.area],
      ['mAP, 11-point', figures.elevenPoint],
    ];
  }
  return COCO.map((name) => [name, figures[name as 'AP']]);
}

/** The nets that were evaluated, the spiking one last. */
export function netsOf({ mode, ann, quantized, snn }: Result): { name: string; figures: AveragePrecision }[] {
  const levels = plural(quantized.levels, 'level');
  return [
    ...(ann ? [{ name: 'ANN, fp32', figures: ann.figures }] : []),
    ...(mode === 'rest'
      ? [{ name: `SNN at rest = ANN, ${levels}`, figures: snn.figures }]
      : [
          { name: `ANN, ${levels}`, figures: quantized.figures },
          { name: 'SNN, at the end', figures: snn.figures },
        ]),
  ];
}

/** A row for each figure, a column for each net. */
export function precisionRows(result: Result): { head: string[]; rows: string[][] } {
  const nets = netsOf(result).map(({ name, figures }) => ({ name, values: named(figures) }));
  return {
    head: ['', ...nets.map(({ name }) => name)],
    rows: nets[0]!.values.map(([name], i) => [name, ...nets.map(({ values }) => digits(values[i]![1]))]),
  };
}

/** The spiking net after the steps that were asked for, and at its end; null where none was. */
export function stepRows({ snn }: Result): { head: string[]; rows: string[][] } | null {
  if (!snn.perStep || snn.perStep.length === 0) return null;
  const row = (step: string, figures: AveragePrecision) => [
    step,
    ...named(figures)
      .slice(0, 3)
      .map(([, value]) => digits(value)),
  ];
  return {
    head: [
      'step',
      ...named(snn.figures)
        .slice(0, 3)
        .map(([name]) => `SNN ${name}`),
    ],
    rows: [...snn.perStep.map(({ step, figures }) => row(String(step), figures)), row('end', snn.figures)],
  };
}

/** One figure of the spiking net after the steps that were asked for, and of the other nets; null: no object counts. */
export interface PrecisionCurve {
  name: string;
  /** Where objects count. */
  points: { step: number; value: number }[];
  end: number | null;
  quantized: number | null;
  ann: number | null;
}

/** COCO's AP50 and AP, or VOC's two figures. */
export function curvesOf({ snn, quantized, ann }: Result): PrecisionCurve[] {
  const wanted = 'area' in snn.figures ? ['mAP, area', 'mAP, 11-point'] : ['AP50', 'AP'];
  const valueIn = (figures: AveragePrecision, name: string) => named(figures).find(([own]) => own === name)![1];
  return wanted.map((name) => ({
    name,
    points: (snn.perStep ?? []).flatMap(({ step, figures }) => {
      const value = valueIn(figures, name);
      return value === null ? [] : [{ step, value }];
    }),
    end: valueIn(snn.figures, name),
    quantized: valueIn(quantized.figures, name),
    ann: ann ? valueIn(ann.figures, name) : null,
  }));
}

/** A row for each class that has objects: how many count, and its AP for each net. */
export function classRows(result: Result): { head: string[]; rows: string[][] } {
  const nets = netsOf(result);
  const last = nets.at(-1)!.figures;
  const rows = last.classes.flatMap(({ name, objects }, i) => {
    if (objects === 0) return [];
    const own = nets.map(({ figures }) =>
      digits('area' in figures ? figures.classes[i]!.area : figures.classes[i]!.AP),
    );
    return [[name, count(objects), ...own]];
  });
  return { head: ['class', 'objects', ...nets.map(({ name }) => name)], rows };
}

export function agreementLine({ mode, agreement, disagreeing }: Result): string | null {
  if (mode === 'rest') return null;
  const list = disagreeing.length > 0 ? ` (${plural(disagreeing.length, 'image')} differ; --json lists them)` : '';
  return `same detections: SNN and quantised ANN ${percent(agreement.quantizedSnn)} of the images${list}`;
}

/** In the words of the decoder. */
export function decodedLine({ decoder, evaluator, objects }: Result): string {
  const clipped = decoder.clip === 'none' ? 'boxes not clipped' : `boxes clipped to the ${decoder.clip}`;
  const whose = evaluator === 'coco' ? "COCO's" : "Pascal VOC's";
  return `${whose} figures over ${plural(objects, 'object')}; scores above ${decoder.threshold}, suppressed above IoU ${decoder.iou}, ${clipped}`;
}

const numbers = ({ head }: { head: string[] }): number[] => [...head.keys()].slice(1);

/** Of the table of `casc evaluate`. */
export function detectionSections(result: Result): string[] {
  const steps = stepRows(result);
  const all = precisionRows(result);
  const agreement = agreementLine(result);
  return [
    ...(steps ? [table(steps.head, steps.rows as Row[], [0, ...numbers(steps)]), ''] : []),
    table(all.head, all.rows as Row[], numbers(all)),
    decodedLine(result),
    '',
    ...(agreement === null ? [] : [agreement, '']),
  ];
}
