/** What is kept of one image: a line of the journal, and all that the final figures need. */
import { z } from 'zod';

const count = z.int().nonnegative();
/** JSON has no NaN. */
const number = z
  .number()
  .nullable()
  .transform((value) => value ?? Number.NaN);
const step = z.strictObject({ wake: count, sleep: count });

/** Whether a neuron's count differs from the quantised ANN's, where first, and when that neuron last fired. */
const mismatch = z.strictObject({
  layer: z.string(),
  /** Position in the layer's C×H×W values. */
  neuron: count,
  snnCount: number,
  annCount: number,
  lastSpike: step.nullable(),
});

const certificate = z.strictObject({
  /** Neurons and readout elements that were compared with the quantised ANN. */
  checked: count,
  mismatches: count,
  /** The lowest layer's lowest neuron that differs. */
  first: mismatch.optional(),
});

/** When some neurons fired; see lib/simulate/raster.ts. */
const raster = z.strictObject({
  /** The image's own steps that it covers: all, or the first of a long run. */
  steps: count,
  /** Neuron layers, as the header lists them. */
  layers: z.array(
    z.strictObject({
      /** Neurons of the layer that fired at all. */
      fired: count,
      /** Evenly chosen from these: positions in the layer's C×H×W values, ascending. */
      neurons: z.array(count),
      /** Of each, step (from 1) and size of every spike; below 0 it takes spikes back. */
      trains: z.array(z.array(z.tuple([z.int().positive(), z.int()]))),
    }),
  ),
});

/** What only a simulation has. */
const run = z.strictObject({
  /** Sleep steps of each sleep phase; with sleep 'auto' the silent one is counted. */
  sleep: z.array(count),
  /** Whether every neuron was at rest when that phase ended. */
  rest: z.array(z.boolean()),
  /** Of the last phase, the steps through the first silent one (all of them where none was silent). */
  quiet: count,
  /** By neuron layer, as the header lists them. */
  spikes: z.strictObject({ positive: z.array(count), negative: z.array(count) }),
  /** Additions that spikes caused. */
  operations: z.strictObject({ wake: count, sleep: count }),
  /** 64 bits over (layer, neuron, step, sign) of all spikes, hexadecimal. */
  hash: z.string().regex(/^[0-9a-f]{16}$/),
  /** Of the journal's first image alone. */
  raster: raster.optional(),
});

const place = {
  /** Position among the images that were chosen, from 0. */
  at: count,
  id: z.string(),
  /** Size of the image's file; null where it is missing, or has none of its own. */
  fileBytes: count.nullable(),
};

/** The record of an image whose answers have the given form. */
export const imageRecordOf = <A extends z.ZodType>(answers: A) =>
  z.strictObject({
    ...place,
    /** What the net answered, in the terms of the task. */
    answers,
    /** Null where the image was not compared. */
    certificate: certificate.nullable(),
    /** Null in mode 'rest'. */
    run: run.nullable(),
    /** The image's share of its batch's time for simulation, oracle and certificate. The one field that no two runs share. */
    seconds: z.number().nonnegative(),
  });

/** An image that could not be read, with --on-error skip. */
export const failedRecordSchema = z.strictObject({
  ...place,
  error: z.strictObject({ code: z.string(), message: z.string() }),
});

export type ImageCertificate = z.output<typeof certificate>;
export type ImageRun = z.output<typeof run>;
export type RunRaster = z.output<typeof raster>;
export type FailedRecord = z.output<typeof failedRecordSchema>;

export interface EvaluatedRecord<A> {
  at: number;
  id: string;
  fileBytes: number | null;
  answers: A;
  certificate: ImageCertificate | null;
  run: ImageRun | null;
  seconds: number;
}

/** One line of the journal. */
export type ImageRecord<A = unknown> = EvaluatedRecord<A> | FailedRecord;

export const isFailed = (record: ImageRecord): record is FailedRecord => 'error' in record;
