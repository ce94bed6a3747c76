/** What the evaluation of a detector takes and gives. */
import type { CocoFigures, DecoderOptions, VocFigures } from '../detect';
import type { Profile } from '../simulate';
import type {
  EvaluateOptions,
  EvaluationFrame,
  RestEvaluateOptions,
  TransientFigures,
  WithoutTransient,
} from './evaluation';

export interface DetectionOptions {
  /**
   * What the outputs mean: one of `decoders`, or another; threshold, suppression and clipping are its own. Default: what the file
   * records.
   */
  decoder?: DecoderOptions;
  /**
   * Numbers of steps, awake and asleep, after which the spiking net is asked what it has found; an image whose run is shorter
   * keeps what it had at its end. Default: none. Not in mode 'rest'.
   */
  at?: readonly number[];
}

export interface DetectionEvaluateOptions extends EvaluateOptions {
  detection: DetectionOptions;
}

export interface RestDetectionEvaluateOptions extends RestEvaluateOptions {
  detection: DetectionOptions;
}

/** Of a COCO data set, or of one in VOC's form. */
export type AveragePrecision = CocoFigures | VocFigures;

/** What is known of a detector. Images that were skipped are not in the ground truth either. */
export interface DetectionFigures {
  task: 'detection';
  /** Whose figures these are: CocoFigures or VocFigures. */
  evaluator: 'coco' | 'voc';
  /** As it was used. `classNames` null: those of the data, in their order. */
  decoder: Omit<Required<DecoderOptions>, 'classNames'> & { classNames: readonly string[] | null };
  /** Annotated objects in the images, with those that do not count. */
  objects: number;
  ann?: { file: string; hash: string; figures: AveragePrecision };
  /** The quantised ANN (at `levels` levels: the awake steps), from the integer oracle. */
  quantized: { levels: number; figures: AveragePrecision };
  snn: {
    figures: AveragePrecision;
    /** After the steps that were asked for; null in mode 'rest'. */
    perStep: { step: number; figures: AveragePrecision }[] | null;
  };
  /** Share of the images in which the spiking net finds what the quantised ANN finds: same boxes, same scores. */
  agreement: { quantizedSnn: number };
  /** The other images, in order. */
  disagreeing: { id: string }[];
  classNames: string[];
}

export interface DetectionEvaluation extends EvaluationFrame, DetectionFigures, TransientFigures {
  mode: 'full';
  /** If asked for. */
  profile?: Profile;
}

/** Computed without the transient: what only a simulation has is null. */
export interface RestDetectionEvaluation extends EvaluationFrame, DetectionFigures, WithoutTransient {
  mode: 'rest';
}
