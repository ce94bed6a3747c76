/** The task of detectors: what each net finds in an image, kept beside what is there. */
import type { ConvertedNetwork } from '../convert';
import { type DataBatch, type Dataset, type ImageGeometry, type ImageTruth, imageGeometry } from '../datasets';
import { checkDecoder, detect, mapClasses, parseDecoder } from '../detect';
import { argumentError, CascError } from '../errors';
import { type DetectionAnswers, detectionAnswersSchema } from './detection-answers';
import type { DetectionFigures, DetectionOptions } from './detection-evaluation';
import { DetectionCollector } from './detection-figures';
import type { ImageOutputs, Judge, TaskKind } from './task';

export const DETECTION: TaskKind<DetectionAnswers, DetectionFigures> = {
  answers: detectionAnswersSchema,
  collector: (header) => new DetectionCollector(header),
};

/**
 * On data that have their ground truth. Throws ERR_CASC_ARGUMENT for a decoder or steps that are wrong, or no decoder; ERR_CASC_SHAPE
 * where the decoder is not the net's; ERR_CASC_DATA where net and data share no class.
 */
export function detectionJudge(
  net: Pick<ConvertedNetwork, 'network' | 'metadata'>,
  options: DetectionOptions,
  dataset: Dataset,
  rest: boolean,
): Judge<DetectionAnswers> {
  const { scaling, kind, name } = dataset;
  const truth = dataset.detection!;
  const decoder = decoderOf(net, options);
  const at = stepsAsked(options.at ?? [], rest);
  const names = truth.categories.map((category) => category.name);
  const classes = checkDecoder(decoder, net.network);
  if (!decoder.classNames && classes !== names.length) throw otherClasses(classes, name, names.length);
  const map = decoder.classNames && mapClasses(decoder.classNames, names);
  const find = (outputs: readonly Float32Array[], geometry: ImageGeometry) =>
    detect(outputs, decoder, geometry, { classes: map?.labels });
  return {
    settings: {
      name: 'detection',
      evaluator: kind === 'voc' ? 'voc' : 'coco',
      at,
      decoder: { ...decoder, classNames: decoder.classNames ?? null },
    },
    notes: map && map.unknown.length > 0 ? [`the net does not know ${map.unknown.join(', ')}: it finds none`] : [],
    everyStep: at.length > 0,
    check: () => undefined,
    // A run that was shorter keeps what it had found at its end.
    stepsOf: (steps) => at.map((step) => Math.min(step, steps.length) - 1),
    judge: (batch, i, { ann, quantized, snn, perStep }: ImageOutputs) => {
      const { image, geometry } = placeOf(batch, i);
      const each = (outputs: readonly Float32Array[]) => find(outputs, geometry);
      return {
        objects: compact(image),
        ann: ann && each(ann),
        quantized: each(quantized),
        snn: each(snn),
        perStep: perStep?.map(each) ?? null,
      };
    },
  };

  function placeOf({ positions }: DataBatch, i: number): { image: ImageTruth; geometry: ImageGeometry } {
    const image = truth.images[positions[i]!]!;
    return { image, geometry: imageGeometry(image, scaling) };
  }
}

function decoderOf(
  { network, metadata }: Pick<ConvertedNetwork, 'network' | 'metadata'>,
  { decoder }: DetectionOptions,
) {
  const chosen = decoder ?? metadata.decoder;
  if (chosen) return parseDecoder(chosen);
  throw new CascError(
    'ERR_CASC_ARGUMENT',
    `${network.file} does not record what its outputs mean; give a decoder (--decoder fastestdet)`,
    { option: 'decoder' },
  );
}

function stepsAsked(at: readonly number[], rest: boolean): number[] {
  if (!Array.isArray(at) || !at.every((step) => Number.isInteger(step) && step >= 1)) {
    throw argumentError('detection.at', 'whole numbers of steps, at least 1', at);
  }
  if (rest && at.length > 0) {
    throw new CascError('ERR_CASC_ARGUMENT', 'detection.at does not go with mode "rest", which simulates no steps', {
      option: 'at',
    });
  }
  return [...new Set(at)].sort((a, b) => a - b);
}

function compact({ objects }: ImageTruth): DetectionAnswers['objects'] {
  return objects.map((object) => [
    object.label,
    ...object.box,
    object.area,
    object.crowd ? 1 : 0,
    object.difficult ? 1 : 0,
  ]);
}

function otherClasses(net: number, data: string, classes: number): CascError {
  return new CascError(
    'ERR_CASC_DATA',
    `the net has ${net} classes and ${data} has ${classes}: which is which? Give the decoder its classNames, in the order of its channels`,
    { option: 'decoder' },
  );
}
