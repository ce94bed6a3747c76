/** The wake-sleep calibration: what each number of levels costs and gives, and the fewest that are good enough. */
import type { Dataset } from '../datasets';
import { argumentError, CascError } from '../errors';
import { classCount, importModel, type Network } from '../graph';
import { abortable, addon, type NativeDensePlan, type PlanFormat } from '../native';
import { type QuantizeMethod, type QuantizeOptions, type QuantizeStage, quantize } from '../quantize';
import { checkShape, openPlan } from '../quantize/calibrate';
import { SpikingNetwork } from '../simulate';
import { Comparison, type Likeness } from './comparison';
import { ENERGY } from './energy';
import type { Evaluation } from './evaluation';
import { imageRun } from './image-run';
import { neuronLayers } from './neuron-layers';
import { TransientCollector } from './transient-figures';

export interface CalibrateOptions
  extends Pick<
    QuantizeOptions,
    'shift' | 'method' | 'clips' | 'percentile' | 'iterations' | 'split' | 'scaling' | 'threads' | 'signal'
  > {
  /** Numbers of levels to try, 1 to 255: each is also the number of awake steps T. */
  levels: readonly number[];
  /** Images that the net is quantised on. */
  calibration: Dataset;
  /** Images that it is judged on: others. */
  data: Dataset;
  /** Default int8. */
  format?: PlanFormat;
  /** The loss that is good enough, as a share: 0.005 is half a point. Default 0.005. */
  loss?: number;
  /** By agreement also where the data have labels. Default: by top-1 where they have, else by agreement. */
  judge?: 'top-1' | 'agreement';
  onProgress?: (progress: CalibrateProgress) => void;
}

export interface CalibrateProgress {
  /** The number of levels at work, its place in the list from 0, and how many there are. */
  levels: number;
  at: number;
  of: number;
  stage: QuantizeStage | 'simulating';
  done: number;
  total: number;
}

/** The net at one number of levels. Operations and energies are per image. */
export interface LevelsPoint {
  levels: number;
  /** Beside the fp32 net, on the images it is judged on. */
  likeness: Likeness;
  /** What the fp32 net loses: points of top-1 where there are labels, else disagreement, else relative error; as a share. */
  loss: number;
  steps: Evaluation['steps'];
  spikes: { positive: number; negative: number };
  /** Additions caused by spikes, awake and asleep. */
  operations: Evaluation['operations'];
  /**
   * Joules: the SNN's additions and the multiply-adds of its first layer, whose constant current is computed once; the fp32
   * ANN's multiply-adds. Memory, neurons and the analogue tail are not counted.
   */
  energy: { snn: number; ann: number };
}

export interface LevelsCalibration {
  file: string;
  format: PlanFormat;
  method: QuantizeMethod;
  calibration: { data: string; images: number };
  data: string;
  images: number;
  /** What `loss` of a point is, by what the data and the net allow. */
  judgedBy: 'top-1' | 'agreement' | 'relative error';
  /** The loss that is good enough. */
  allowedLoss: number;
  /** In increasing order of levels. */
  points: LevelsPoint[];
  /** The fewest levels, and so awake steps, whose loss is allowed; null where none of those tried is good enough. */
  smallest: number | null;
}

const BATCH = 32;

/**
 * Quantises the fp32 net in `file` at each number of levels, simulates each as a spiking net on `data` until rest, and finds
 * the fewest levels within a given loss. Memory does not grow with the number of images.
 * Throws CascError as quantize does, ERR_CASC_ARGUMENT for a net that is quantised already, ERR_CASC_DATA for labels that are
 * missing or do not fit; rejects with the signal's reason when aborted.
 *
 * @example
 * const calibration = await openDataset('cifar10:cifar-10-batches-bin#train', { scaling, limit: 512, spread: true });
 * const data = await openDataset('cifar10:cifar-10-batches-bin', { scaling, limit: 1000, spread: true });
 * const { smallest, points } = await calibrateLevels('net.onnx', { levels: [4, 8, 16, 32], calibration, data });
 */
export async function calibrateLevels(file: string, options: CalibrateOptions): Promise<LevelsCalibration> {
  const { calibration, data, loss = 0.005, format = 'int8', method = 'mse' } = options;
  const list = checkLevels(options.levels);
  if (!(loss >= 0 && loss <= 1)) throw argumentError('loss', 'a share from 0 to 1', loss);
  const { judge: by } = options;
  if (by !== undefined && by !== 'top-1' && by !== 'agreement') throw argumentError('judge', 'top-1 or agreement', by);
  if (!calibration) throw argumentError('calibration', 'a data set', calibration);
  if (!data) throw argumentError('data', 'a data set', data);
  const ann = await importModel(file);
  if (!ann.nodes.some((node) => node.op === 'relu' && !node.tail)) {
    throw new CascError(
      'ERR_CASC_ARGUMENT',
      `${file} has no plain activation: it is quantised already. Give the fp32 net that it was made from`,
      { file },
    );
  }
  checkShape(ann, data);
  const original = openPlan(ann);
  try {
    const points: LevelsPoint[] = [];
    for (const [at, levels] of list.entries()) {
      points.push(await judge(file, ann, original, { ...options, format, method }, { levels, at, of: list.length }));
    }
    return {
      file,
      format,
      method,
      calibration: { data: calibration.name, images: calibration.size },
      data: data.name,
      images: data.size,
      judgedBy: judgedBy(points[0]!.likeness, options.judge),
      allowedLoss: loss,
      points,
      smallest: points.find((point) => point.loss <= loss)?.levels ?? null,
    };
  } finally {
    original.dispose();
  }
}

function checkLevels(levels: readonly number[]): number[] {
  const fits = (n: unknown) => Number.isInteger(n) && (n as number) >= 1 && (n as number) <= 255;
  if (!Array.isArray(levels) || levels.length === 0 || !levels.every(fits)) {
    throw argumentError('levels', 'a list of whole numbers from 1 to 255', String(levels));
  }
  return [...new Set(levels)].sort((a, b) => a - b);
}

async function judge(
  file: string,
  ann: Network,
  original: NativeDensePlan,
  options: CalibrateOptions,
  place: Pick<CalibrateProgress, 'levels' | 'at' | 'of'>,
): Promise<LevelsPoint> {
  const { data, signal, onProgress } = options;
  const { levels } = place;
  const { model } = await quantize(file, {
    ...options,
    levels,
    onProgress: (done, total, stage) => onProgress?.({ ...place, stage, done, total }),
  });
  const snn = SpikingNetwork.from(await importModel(model));
  const comparison = new Comparison(classCount(ann));
  const { total, input } = snn.denseMacs;
  const transient = new TransientCollector({
    layers: neuronLayers(snn),
    macs: { total, firstLayer: input },
    wake: levels,
  });
  let done = 0;
  try {
    for await (const { images, labels, ids, count } of data.batches(BATCH)) {
      const threads = options.threads ?? addon().info().threads;
      const run = await snn.simulate(images, count, { threads, signal });
      const exact = await abortable(signal, (abort) => original.run([images], count, { threads, abort }));
      for (let i = 0; i < count; i++) transient.add(done + i, imageRun(run, i));
      comparison.add(exact.outputs, run.outputs, labels, ids, file);
      done += count;
      onProgress?.({ ...place, stage: 'simulating', done, total: data.size });
    }
    if (done === 0) throw new CascError('ERR_CASC_DATA', `${data.name} holds no images`);
    const { steps, spikes, operations, energy } = transient.figures(ENERGY);
    const likeness = comparison.likeness();
    return {
      levels,
      likeness,
      loss: lossOf(likeness, judgedBy(likeness, options.judge)),
      steps,
      spikes: { positive: spikes.positive / done, negative: spikes.negative / done },
      operations,
      energy: { snn: energy.snn, ann: energy.ann },
    };
  } finally {
    snn.dispose();
  }
}

/** What the data and the net allow. */
function judgedBy({ ann, agreement }: Likeness, wanted: CalibrateOptions['judge']): LevelsCalibration['judgedBy'] {
  if (agreement === undefined) return 'relative error';
  return ann && wanted !== 'agreement' ? 'top-1' : 'agreement';
}

function lossOf(likeness: Likeness, by: LevelsCalibration['judgedBy']): number {
  const { ann, quantized, agreement, error } = likeness;
  if (by === 'top-1') return ann!.top1 - quantized!.top1;
  return by === 'agreement' ? 1 - agreement! : error;
}
