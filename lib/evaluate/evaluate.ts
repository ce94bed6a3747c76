import type { Dataset } from '../datasets';
import { argumentError, CascError } from '../errors';
import { classesOf, importModel, type Network } from '../graph';
import { abortable, addon, type NativeDensePlan } from '../native';
import { checkShape, openPlan } from '../quantize/calibrate';
import type { Schedule, SimulationResult, SpikingNetwork } from '../simulate';
import { isInTop, StepAccuracy } from './accuracy';
import { Counter } from './counter';
import type { EvaluateOptions, Evaluation } from './evaluation';
import { mix } from './hash';

/**
 * Runs the net over the data set: accuracy at every step, the quantised ANN and (with `ann`) the fp32 ANN beside it, and
 * every neuron compared with the quantised ANN.
 * Throws ERR_CASC_SHAPE, ERR_CASC_DATA, ERR_CASC_ARGUMENT, ERR_CASC_UNSUPPORTED (no classifier); rejects with the
 * signal's reason when aborted.
 *
 * @example
 * const result = await evaluate(snn, await openDataset('cifar10:cifar-10-batches-bin', { scaling }), { ann: 'net.onnx' });
 * console.log(result.exact.certified, result.snn.top1, result.quantized.top1);
 */
export async function evaluate(
  snn: SpikingNetwork,
  dataset: Dataset,
  options: EvaluateOptions = {},
): Promise<Evaluation> {
  const { network, format, levels } = snn.converted;
  const { onProgress, certify: _, ann, batchSize = 32, ...simulate } = options;
  if (!Number.isInteger(batchSize) || batchSize < 1) {
    throw argumentError('batchSize', 'a whole number, at least 1', batchSize);
  }
  checkShape(network, dataset);
  const classes = classesOf(network);
  const schedule = snn.schedule(simulate);
  const certify = imagesToCertify(options.certify, schedule);
  const original = ann === undefined ? undefined : await openOriginal(ann, dataset, classes);

  const ours = new Counter();
  const quantized = new Counter();
  const fp32 = new Counter();
  const perStep = new StepAccuracy();
  const sleep: number[] = [];
  const exact = { images: 0, checkedNeurons: 0, mismatches: 0, first: undefined as Evaluation['exact']['first'] };
  const spikes = { positive: 0, negative: 0, hash: 0n };
  let synaptic = 0;
  let notAtRest = 0;
  let done = 0;
  let seconds = 0;
  try {
    for await (const { images, labels, ids, count } of dataset.batches(batchSize)) {
      checkLabels(labels, ids, classes, network.file);
      const started = performance.now();
      const left = Math.min(count, Math.max(0, certify - done));
      const result = await snn.simulate(images, count, { ...simulate, everyStep: true, oracle: true, certify: left });
      seconds += (performance.now() - started) / 1000;
      ours.add(result.outputs[0]!, labels, classes);
      quantized.add(result.oracle![0]!, labels, classes);
      if (original) {
        const threads = options.threads ?? addon().info().threads;
        const dense = await abortable(options.signal, (abort) =>
          original.plan.run([images], count, { threads, abort }),
        );
        fp32.add(dense.outputs[0]!, labels, classes);
      }
      perStep.add(result.steps, await correctPerStep(snn, result, labels, classes), count);
      for (const steps of result.sleepSteps) sleep.push(steps);
      notAtRest += result.atRest.filter((rest) => !rest).length;
      const { certificate } = result;
      if (certificate) {
        exact.images += certificate.images;
        exact.checkedNeurons += certificate.checkedNeurons;
        exact.mismatches += certificate.mismatches;
        if (certificate.first) exact.first ??= { ...certificate.first, image: ids[certificate.first.image]! };
      }
      spikes.positive += result.spikes.positive;
      spikes.negative += result.spikes.negative;
      result.hash.forEach((hash, i) => {
        spikes.hash = BigInt.asUintN(64, spikes.hash + mix(hash, done + i));
      });
      synaptic += result.synapticOperations;
      done += count;
      onProgress?.({ done, total: dataset.size, top1: ours.accuracy().top1 });
    }
  } finally {
    original?.plan.dispose();
  }
  if (done === 0) throw new CascError('ERR_CASC_DATA', `${dataset.name} holds no images`);
  sleep.sort((a, b) => a - b);
  return {
    model: { file: network.file, hash: network.hash, format, levels, isa: snn.isa },
    data: dataset.name,
    images: done,
    ...(original ? { ann: { file: original.file, ...fp32.accuracy() } } : {}),
    quantized: { levels: schedule.wake, ...quantized.accuracy() },
    snn: { ...ours.accuracy(), top1PerStep: perStep.curve() },
    exact: {
      // What float32 happens to agree on is a measurement, unless a certificate was asked for.
      measured: format === 'float32' && options.certify === undefined,
      certified: exact.images > 0 && exact.mismatches === 0 && (format !== 'float32' || options.certify !== undefined),
      file: network.file,
      format,
      ...exact,
    },
    steps: {
      wake: schedule.wake,
      sleep: {
        mean: sleep.reduce((sum, n) => sum + n, 0) / sleep.length,
        p95: sleep[Math.ceil(0.95 * sleep.length) - 1]!,
        max: sleep.at(-1)!,
      },
      notAtRest,
    },
    spikes: { ...spikes, hash: spikes.hash.toString(16).padStart(16, '0') },
    operations: {
      synaptic: synaptic / done,
      denseMacs: snn.denseMacs.total,
      firstLayerMacs: snn.denseMacs.input,
    },
    throughput: { imagesPerSecond: done / seconds },
    notes: [...formatNotes(snn), ...schedule.notes, ...dataset.notes],
  };
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

/** How many of the first images are compared with the oracle. */
function imagesToCertify(certify: EvaluateOptions['certify'], schedule: Schedule): number {
  const wanted = certify ?? (schedule.consistent ? 'all' : 'none');
  if (wanted === 'all') return Number.POSITIVE_INFINITY;
  if (wanted === 'none') return 0;
  if (Number.isInteger(wanted) && wanted >= 0) return wanted;
  throw argumentError('certify', '"all", "none" or a number of images', wanted);
}

async function correctPerStep(
  snn: SpikingNetwork,
  result: SimulationResult,
  labels: Int32Array,
  classes: number,
): Promise<number[]> {
  const { accumulated, steps, images } = result;
  const width = snn.readoutSize;
  const rows = images * steps.length;
  const rates = accumulated.slice();
  for (let row = 0; row < rows; row++) {
    const { wake } = steps[row % steps.length]!;
    for (let i = row * width; i < (row + 1) * width; i++) rates[i]! /= wake;
  }
  const outputs = (await snn.readoutToOutputs(rates, rows))[0]!;
  return steps.map((_, s) => {
    let correct = 0;
    for (let i = 0; i < images; i++) {
      const row = i * steps.length + s;
      if (isInTop(1, outputs.subarray(row * classes, (row + 1) * classes), labels[i]!)) correct++;
    }
    return correct;
  });
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
