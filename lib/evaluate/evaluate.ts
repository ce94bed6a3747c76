import type { Dataset } from '../datasets';
import { argumentError, CascError } from '../errors';
import { classesOf, importModel, type Network } from '../graph';
import { abortable, addon, type NativeDensePlan } from '../native';
import { checkShape, openPlan } from '../quantize/calibrate';
import type { SpikingNetwork } from '../simulate';
import { isRest } from '../simulate/rest';
import { Counter } from './counter';
import type { EvaluateOptions, Evaluation, RestEvaluateOptions, RestEvaluation } from './evaluation';
import { FullRunner } from './full';
import { RestRunner } from './rest';

/**
 * Runs the net over the data set: accuracy at every step, the quantised ANN and (with `ann`) the fp32 ANN beside it, and
 * every neuron compared with the quantised ANN. In mode 'rest' the quantised ANN answers for the spiking net at rest, and a
 * sample of the images is simulated in full and compared.
 * Throws ERR_CASC_SHAPE, ERR_CASC_DATA, ERR_CASC_ARGUMENT, ERR_CASC_UNSUPPORTED (no classifier); rejects with the
 * signal's reason when aborted.
 *
 * @example
 * const result = await evaluate(snn, await openDataset('cifar10:cifar-10-batches-bin', { scaling }), { ann: 'net.onnx' });
 * console.log(result.exact.certified, result.snn.top1, result.quantized.top1);
 * const atRest = await evaluate(snn, images, { mode: 'rest', verify: 0.01 });
 */
export async function evaluate(snn: SpikingNetwork, dataset: Dataset, options?: EvaluateOptions): Promise<Evaluation>;
export async function evaluate(
  snn: SpikingNetwork,
  dataset: Dataset,
  options: RestEvaluateOptions,
): Promise<RestEvaluation>;
export async function evaluate(
  snn: SpikingNetwork,
  dataset: Dataset,
  options: EvaluateOptions | RestEvaluateOptions = {},
): Promise<Evaluation | RestEvaluation> {
  const { network, format, levels } = snn.converted;
  const { onProgress, ann, batchSize = 32, threads, signal } = options;
  if (!Number.isInteger(batchSize) || batchSize < 1) {
    throw argumentError('batchSize', 'a whole number, at least 1', batchSize);
  }
  checkShape(network, dataset);
  const classes = classesOf(network);
  const schedule = snn.schedule(options);
  const runner = isRest(options)
    ? new RestRunner(snn, dataset.size, options as RestEvaluateOptions, schedule)
    : new FullRunner(snn, classes, options as EvaluateOptions, schedule);
  const original = ann === undefined ? undefined : await openOriginal(ann, dataset, classes);

  const ours = new Counter();
  const fp32 = new Counter();
  let done = 0;
  try {
    for await (const batch of dataset.batches(batchSize)) {
      const { images, labels, ids, count } = batch;
      checkLabels(labels, ids, classes, network.file);
      ours.add(await runner.run(batch), labels, classes);
      if (original) {
        const dense = await abortable(signal, (abort) =>
          original.plan.run([images], count, { threads: threads ?? addon().info().threads, abort }),
        );
        fp32.add(dense.outputs[0]!, labels, classes);
      }
      done += count;
      onProgress?.({ done, total: dataset.size, top1: ours.accuracy().top1 });
    }
  } finally {
    original?.plan.dispose();
  }
  if (done === 0) throw new CascError('ERR_CASC_DATA', `${dataset.name} holds no images`);
  return runner.evaluation(ours.accuracy(), {
    model: { file: network.file, hash: network.hash, format, levels, isa: snn.isa },
    data: dataset.name,
    images: done,
    ...(original ? { ann: { file: original.file, ...fp32.accuracy() } } : {}),
    throughput: { imagesPerSecond: done / runner.seconds },
    notes: [...formatNotes(snn), ...schedule.notes, ...dataset.notes],
  });
}

function formatNotes({ converted: { format, metadata, network } }: SpikingNetwork): string[] {
  const notes: string[] = [];
  if (metadata.format === 'int16' && format === 'int8') {
    notes.push('the file is in int16 and was rounded anew to int8: other integers than a runtime finds in the file');
  }
  const ties = network.nodes.filter((node) => node.op === 'quant' && node.tiesToEven).length;
  if (ties > 0) {
    notes.push(
      `${ties} activations of the file round ties to even; neurons, and the quantised ANN here, round them up`,
    );
  }
  return notes;
}

/** A data set opened without the net's number of classes may hold labels that the net has no output for. */
function checkLabels(labels: Int32Array, ids: readonly string[], classes: number, file: string): void {
  const at = labels.findIndex((label) => label < 0 || label >= classes);
  if (at < 0) return;
  throw new CascError(
    'ERR_CASC_DATA',
    `image ${ids[at]} has label ${labels[at]}, but ${file} has ${classes} outputs; evaluate on the data that the net was trained on`,
    { file, image: ids[at] },
  );
}

async function openOriginal(
  ann: string | Network,
  dataset: Dataset,
  classes: number,
): Promise<{ plan: NativeDensePlan; file: string }> {
  const network = typeof ann === 'string' ? await importModel(ann) : ann;
  checkShape(network, dataset);
  if (classesOf(network) !== classes) {
    throw new CascError(
      'ERR_CASC_SHAPE',
      `${network.file} has ${classesOf(network)} outputs, but the quantised net has ${classes}; give the net that it was made from`,
      { file: network.file },
    );
  }
  return { plan: openPlan(network), file: network.file };
}
