/** What a record holds of one image of a detector, and what the header says of how that came about. */
import { z } from 'zod';
import { decoderSchema } from '../detect';

const label = z.int().nonnegative();
const mark = z.literal([0, 1]);
const finite = z.number();

/** As lib/detect has them: class, score, left, top, right, bottom. */
const detections = z.array(z.tuple([label, finite, finite, finite, finite, finite]).readonly());

export const detectionAnswersSchema = z.strictObject({
  /** What is in the image: class, left, top, width, height, area, crowd, difficult. Merging has no data set. */
  objects: z.array(z.tuple([label, finite, finite, finite, finite, finite, mark, mark])),
  /** Null where no fp32 net was given. */
  ann: detections.nullable(),
  quantized: detections,
  snn: detections,
  /** After the steps that the header names, in their order; null in mode 'rest'. */
  perStep: z.array(detections).nullable(),
});

export type DetectionAnswers = z.output<typeof detectionAnswersSchema>;

/** What the header says of the task: all that changes the answers. */
export const detectionSettingsSchema = z.strictObject({
  name: z.literal('detection'),
  /** Whose figures the data set asks for. */
  evaluator: z.enum(['coco', 'voc']),
  at: z.array(z.int().positive()),
  decoder: decoderSchema.extend({ classNames: z.array(z.string()).readonly().nullable() }),
});

export type DetectionSettings = z.output<typeof detectionSettingsSchema>;
