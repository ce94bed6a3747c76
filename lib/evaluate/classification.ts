/** The task of classifiers: first classes, and where the label stands among them. */
import { z } from 'zod';
import type { DataBatch } from '../datasets';
import { CascError } from '../errors';
import { ClassificationCollector } from './classification-figures';
import type { ClassificationFigures } from './evaluation';
import { firstClasses } from './ranking';
import type { ImageOutputs, Judge, TaskKind } from './task';

const classes = z.array(z.int().min(-1)).max(5);

/** Classes in order of their values, the largest first; −1 stands for a NaN, which is above all. */
const classAnswersSchema = z.strictObject({
  label: z.int().nonnegative(),
  /** Null where no fp32 net was given. */
  ann: classes.nullable(),
  quantized: classes,
  snn: classes,
  /** By the image's own steps (awake, then asleep, phase after phase); null in mode 'rest'. */
  perStep: z
    .strictObject({
      /** The first class. */
      first: z.array(z.int().min(-1)),
      /** The label's rank, 1 to 5; 0 where it is not among the first five. */
      rank: z.array(z.int().min(0).max(5)),
    })
    .nullable(),
});

export type ClassAnswers = z.output<typeof classAnswersSchema>;

export const CLASSIFICATION: TaskKind<ClassAnswers, ClassificationFigures> = {
  answers: classAnswersSchema,
  collector: (header) => new ClassificationCollector(header),
};

/** For a net with so many outputs; `file` names it in errors. */
export function classificationJudge(outputs: number, file: string): Judge<ClassAnswers> {
  return {
    settings: { name: 'classification' },
    notes: [],
    everyStep: true,
    check: (batch) => checkLabels(batch, outputs, file),
    stepsOf: (steps) => [...steps.keys()],
    judge: ({ labels }, image, outputsOf) => judge(labels[image]!, outputsOf),
  };
}

function judge(label: number, { ann, quantized, snn, perStep }: ImageOutputs): ClassAnswers {
  const five = (outputs: readonly Float32Array[]) => firstClasses(outputs[0]!, 5);
  const steps = perStep?.map(five);
  return {
    label,
    ann: ann && five(ann),
    quantized: five(quantized),
    snn: five(snn),
    perStep: steps
      ? { first: steps.map(([first]) => first!), rank: steps.map((answer) => answer.indexOf(label) + 1) }
      : null,
  };
}

/** A data set opened without the net's number of classes may hold labels that the net has no output for. */
function checkLabels({ labels, ids }: DataBatch, outputs: number, file: string): void {
  const at = labels.findIndex((label) => label < 0 || label >= outputs);
  if (at < 0) return;
  throw new CascError(
    'ERR_CASC_DATA',
    `image ${ids[at]} has label ${labels[at]}, but ${file} has ${outputs} outputs; evaluate on the data that the net was trained on`,
    { file, image: ids[at] },
  );
}
