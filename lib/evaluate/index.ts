/** Evaluation: a spiking net over a labelled data set, beside the ANN it came from, with a certificate of exactness. */
import type { Dataset } from '../datasets';
import { argumentError, CascError } from '../errors';
import { importModel } from '../graph';
import type { Network } from '../graph/network';
import { abortable, addon, type NativeDensePlan } from '../native';
import { checkShape, openPlan } from '../quantize/calibrate';
import type { Divergence, ScheduleOptions, SimulationResult, SpikingNetwork, Step } from '../simulate';
import { isInTop, StepAccuracy } from './accuracy';

export interface EvaluateOptions extends ScheduleOptions {
  /** The original fp32 net, evaluated on the same images. */
  ann?: string | Network;
  /**
   * Images whose every neuron is compared with the quantised ANN: 'all', 'none', or the first n. Default: all where the
   * theorem promises equality (fixed point, CIF, T awake steps and sleep), else none.
   */
  certify?: 'all' | 'none' | number;
  /** Images simulated at a time. Default 32. Does not change any figure. */
  batchSize?: number;
  threads?: number;
  signal?: AbortSignal;
  /** Called after every batch. */
  onProgress?: (progress: { done: number; total: number; top1: number }) => void;
}

/** Shares of images, 0 to 1. */
export interface Accuracy {
  top1: number;
  top5: number;
}

export interface Evaluation {
  /** What was evaluated. */
  model: { file: string; hash: string; format: string; levels: number; isa: string };
  data: string;
  images: number;
  ann?: Accuracy & { file: string };
  /** The quantised ANN (at `levels` levels: the awake steps), from the integer oracle. */
  quantized: Accuracy & { levels: number };
  snn: Accuracy & { top1PerStep: (Step & { top1: number })[] };
  /** The certificate. `certified`: no image differed, at any neuron or in the readout. */
  exact: {
    certified: boolean;
    file: string;
    format: string;
    images: number;
    checkedNeurons: number;
    mismatches: number;
    first?: Omit<Divergence, 'image'> & { image: string };
  };
  steps: { wake: number; sleep: { mean: number; p95: number; max: number }; notAtRest: number };
  spikes: { positive: number; negative: number; hash: string };
  /** Additions caused by spikes, and multiply-adds of the dense ANN and of the first layer; all per image. */
  operations: { synaptic: number; denseMacs: number; firstLayerMacs: number };
  /** Simulation, oracle and certificate together; decoding of images runs beside it. */
  throughput: { imagesPerSecond: number };
  notes: string[];
}

/**
 * Runs the net over the data set.
 * Throws ERR_CASC_SHAPE, ERR_CASC_DATA, ERR_CASC_ARGUMENT; rejects with the signal's reason when aborted.
 */
export async function evaluate(
  snn: SpikingNetwork,
  dataset: Dataset,
  options: EvaluateOptions = {},
): Promise<Evaluation> {
  const { network, format, levels } = snn.converted;
  const { onProgress, certify, ann, batchSize = 32, ...simulate } = options;
  if (!Number.isInteger(batchSize) || batchSize < 1) {
    throw argumentError('batchSize', 'a whole number, at least 1', batchSize);
  }
  checkShape(network, dataset);
  const classes = classesOf(network);
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
  let last: SimulationResult | undefined;
  try {
    for await (const { images, labels, ids, count } of dataset.batches(batchSize)) {
      checkLabels(labels, ids, classes, network.file);
      const started = performance.now();
      const result: SimulationResult = await certifying(snn, images, count, done, certify, {
        ...simulate,
        everyStep: true,
        oracle: true,
      });
      seconds += (performance.now() - started) / 1000;
      last = result;
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
  if (!last) throw new CascError('ERR_CASC_DATA', `${dataset.name} holds no images`);
  sleep.sort((a, b) => a - b);
  return {
    model: { file: network.file, hash: network.hash, format, levels, isa: snn.isa },
    data: dataset.name,
    images: done,
    ...(original ? { ann: { file: original.file, ...fp32.accuracy() } } : {}),
    quantized: { levels: last.schedule.wake, ...quantized.accuracy() },
    snn: { ...ours.accuracy(), top1PerStep: perStep.curve() },
    exact: {
      certified: exact.images > 0 && exact.mismatches === 0,
      file: network.file,
      format,
      ...exact,
    },
    steps: {
      wake: last.schedule.wake,
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
    notes: [...formatNotes(snn), ...last.schedule.notes, ...dataset.notes],
  };
}

function formatNotes({ converted: { format, metadata } }: SpikingNetwork): string[] {
  if (metadata.format !== 'int16' || format !== 'int8') return [];
  return ['the file is in int16 and was rounded anew to int8: other integers than a runtime finds in the file'];
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

/** Certifies what is asked for: a batch may hold the last image to certify and the first not to. */
async function certifying(
  snn: SpikingNetwork,
  images: Float32Array,
  count: number,
  done: number,
  certify: EvaluateOptions['certify'],
  options: Parameters<SpikingNetwork['simulate']>[2],
): Promise<SimulationResult> {
  const lossFree = snn.schedule(options).lossFree;
  const wanted = certify ?? (lossFree ? 'all' : 'none');
  if (wanted !== 'all' && wanted !== 'none' && !(Number.isInteger(wanted) && wanted >= 0)) {
    throw argumentError('certify', '"all", "none" or a number of images', wanted);
  }
  const most = wanted === 'all' ? count : wanted === 'none' ? 0 : Math.max(0, Math.min(count, wanted - done));
  return snn.simulate(images, count, { ...options, certify: most });
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

class Counter {
  private images = 0;
  private top1 = 0;
  private top5 = 0;

  add(outputs: Float32Array, labels: Int32Array, classes: number): void {
    labels.forEach((label, i) => {
      const values = outputs.subarray(i * classes, (i + 1) * classes);
      this.images++;
      if (isInTop(1, values, label)) this.top1++;
      if (isInTop(5, values, label)) this.top5++;
    });
  }

  accuracy(): Accuracy {
    return { top1: this.top1 / this.images, top5: this.top5 / this.images };
  }
}

/** Outputs of a classifier: its one output tensor holds one value per class. */
export function classesOf(network: Network): number {
  const [output, ...more] = network.outputs;
  if (more.length > 0 || !output) {
    throw new CascError(
      'ERR_CASC_UNSUPPORTED',
      `${network.file} has ${network.outputs.length} outputs; accuracy is measured on nets with one. Run it with \`casc simulate\``,
      { file: network.file },
    );
  }
  return output.dims.reduce((product, dim) => product * dim, 1);
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

/** An image's hash and its place, as one 64-bit number; sums of these do not depend on batches. (splitmix64) */
function mix(hash: bigint, place: number): bigint {
  let z = BigInt.asUintN(64, hash + 0x9e3779b97f4a7c15n * BigInt(place + 1));
  z = BigInt.asUintN(64, (z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n);
  z = BigInt.asUintN(64, (z ^ (z >> 27n)) * 0x94d049bb133111ebn);
  return z ^ (z >> 31n);
}
