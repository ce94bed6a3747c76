/** The task of classifiers: first classes, and where the label stands among them. */
import { z } from 'zod';

const classes = z.array(z.int().min(-1)).max(5);

/** Classes in order of their values, the largest first; −1 stands for a NaN, which is above all. */
export const classAnswersSchema = z.strictObject({
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
