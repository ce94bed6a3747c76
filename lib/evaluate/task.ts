/** What a kind of task makes of a net's outputs: the part of an evaluation that is not the same for all nets. */
import type { z } from 'zod';
import type { DataBatch } from '../datasets';
import type { Step } from '../simulate';
import type { JournalHeader } from './header';
import type { EvaluatedRecord } from './record';

/** One image's outputs: one array per output of the ONNX file, each a row of numel values that is valid until judge returns. */
export interface ImageOutputs {
  ann: readonly Float32Array[] | null;
  quantized: readonly Float32Array[];
  /** After the last step; in mode 'rest' the quantised ANN's. */
  snn: readonly Float32Array[];
  /** After the steps that were asked for, in their order; null in mode 'rest'. */
  perStep: readonly (readonly Float32Array[])[] | null;
}

/** Turns outputs into what a record holds. */
export interface Judge<A> {
  /** Goes into the header: the task's name and what changes the answers. A journal with other ones is refused. */
  readonly settings: JournalHeader['task'];
  /** Throws CascError for a batch whose images cannot be judged: said before it is simulated. */
  check(batch: DataBatch): void;
  /** What a reader of the figures should know. */
  readonly notes: readonly string[];
  /** Whether `stepsOf` ever names a step: readouts of every step take room. */
  readonly everyStep: boolean;
  /** Of the image's own steps, the places (ascending, from 0) whose outputs it wants to see. */
  stepsOf(steps: readonly Step[]): readonly number[];
  /** Answers of the batch's image at place `image`. Must not depend on the other images. */
  judge(batch: DataBatch, image: number, outputs: ImageOutputs): A;
}

/** The figure of a progress bar: of a classifier's, or of a detector's spiking net. */
export type Running = { top1: number } | { ap50: number };

/** Turns records into figures. What it holds must not grow with the images beyond what the figures need. */
export interface Collector<A, F> {
  /** In any order: the figures are the same. */
  add(record: EvaluatedRecord<A>): void;
  /** Of at least one image. */
  figures(): F;
  /** One figure of the images so far, for a progress bar; 0 before the first. */
  running(): Running;
}

/** All that merging and resuming need to know of a task; found by the name in the header. */
export interface TaskKind<A, F> {
  /** What `answers` of a record must be. */
  readonly answers: z.ZodType<A>;
  collector(header: JournalHeader): Collector<A, F>;
}
