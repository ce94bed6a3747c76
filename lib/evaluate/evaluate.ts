import type { Dataset } from '../datasets';
import type { SpikingNetwork } from '../simulate';
import type { ClassAnswers } from './classification';
import type { DetectionAnswers } from './detection-answers';
import type {
  DetectionEvaluateOptions,
  DetectionEvaluation,
  RestDetectionEvaluateOptions,
  RestDetectionEvaluation,
} from './detection-evaluation';
import type { EvaluateOptions, Evaluation, RestEvaluateOptions, RestEvaluation } from './evaluation';
import { type AnyEvaluation, Figures } from './figures';
import { imagesOf } from './header';
import type { ImageRecord } from './record';
import { Session } from './session';

type AnyOptions = EvaluateOptions | RestEvaluateOptions | DetectionEvaluateOptions | RestDetectionEvaluateOptions;

/**
 * Runs the net over the data set: accuracy at every step, the quantised ANN and (with `ann`) the fp32 ANN beside it, and
 * every neuron compared with the quantised ANN. With `detection` the net is a detector, and average precision (COCO's figures, or
 * VOC's) stands in place of accuracy, at the end and after chosen steps. In mode 'rest' the quantised ANN answers for the spiking net at rest, and a
 * sample of the images is simulated in full and compared.
 * With `journal` each image's record is on disk as soon as it is known, and a run that was cut off goes on where it was.
 * Throws ERR_CASC_SHAPE, ERR_CASC_DATA, ERR_CASC_ARGUMENT, ERR_CASC_JOURNAL, ERR_CASC_FILE, ERR_CASC_UNSUPPORTED (no
 * classifier, and no `detection`); with it ERR_CASC_SHAPE and ERR_CASC_MODEL where the decoder does not fit the outputs; rejects with the signal's reason when aborted.
 *
 * @example
 * const result = await evaluate(snn, await openDataset('cifar10:cifar-10-batches-bin', { scaling }), { ann: 'net.onnx' });
 * console.log(result.exact.certified, result.snn.top1, result.quantized.top1);
 * const atRest = await evaluate(snn, images, { mode: 'rest', verify: 0.01 });
 * const { snn: { figures } } = await evaluate(detector, await openDataset('coco:coco128', { scaling }), {
 *   detection: { decoder: decoders.fastestdet, at: [8, 16] },
 * });
 */
export async function evaluate(
  snn: SpikingNetwork,
  dataset: Dataset,
  options: DetectionEvaluateOptions,
): Promise<DetectionEvaluation>;
export async function evaluate(
  snn: SpikingNetwork,
  dataset: Dataset,
  options: RestDetectionEvaluateOptions,
): Promise<RestDetectionEvaluation>;
export async function evaluate(snn: SpikingNetwork, dataset: Dataset, options?: EvaluateOptions): Promise<Evaluation>;
export async function evaluate(
  snn: SpikingNetwork,
  dataset: Dataset,
  options: RestEvaluateOptions,
): Promise<RestEvaluation>;
export async function evaluate(
  snn: SpikingNetwork,
  dataset: Dataset,
  options: AnyOptions = {},
): Promise<AnyEvaluation> {
  const session = await Session.open(snn, dataset, options);
  const { stop, onProgress } = options;
  try {
    const figures = new Figures(session.header, options);
    for await (const record of session.before()) figures.add(record);
    const resumed = figures.progress().done;
    const total = imagesOf(session.header);
    for await (const records of session.batches()) {
      for (const record of records) figures.add(record);
      const { running, ...progress } = figures.progress();
      onProgress?.({ ...progress, total, resumed, ...running });
    }
    if (figures.progress().done === 0) stop?.throwIfAborted();
    const { profile } = session;
    return { ...figures.evaluation(), ...(profile ? { profile } : {}) };
  } finally {
    await session.close();
  }
}

/**
 * The same, image by image: first the records that the journal has, then the new ones, in order. Leaving the loop ends the
 * work after the batch in hand. For the figures call `evaluate`, or read the journal (`readJournal`, `figuresOf`).
 *
 * @example
 * for await (const record of evaluateImages(snn, dataset, { journal: 'run.jsonl' })) {
 *   if ('error' in record) console.error(record.id, record.error.message);
 *   else console.log(record.id, record.answers.snn[0], record.run?.operations);
 * }
 */
export function evaluateImages(
  snn: SpikingNetwork,
  dataset: Dataset,
  options: DetectionEvaluateOptions | RestDetectionEvaluateOptions,
): AsyncGenerator<ImageRecord<DetectionAnswers>, void, undefined>;
export function evaluateImages(
  snn: SpikingNetwork,
  dataset: Dataset,
  options?: EvaluateOptions | RestEvaluateOptions,
): AsyncGenerator<ImageRecord<ClassAnswers>, void, undefined>;
export async function* evaluateImages(
  snn: SpikingNetwork,
  dataset: Dataset,
  options: AnyOptions = {},
): AsyncGenerator<ImageRecord<ClassAnswers> | ImageRecord<DetectionAnswers>, void, undefined> {
  const session = await Session.open(snn, dataset, options);
  try {
    yield* session.before() as AsyncGenerator<ImageRecord<ClassAnswers>>;
    for await (const records of session.batches()) yield* records as ImageRecord<ClassAnswers>[];
  } finally {
    await session.close();
  }
}
