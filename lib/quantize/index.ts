/** Quantisation: a trained ANN becomes an ANN with quantised activations, as an ordinary ONNX file. */
import { basename } from 'node:path';
import type { Dataset, InputScaling } from '../datasets';
import type { DecoderOptions } from '../detect';
import { argumentError, CascError } from '../errors';
import { importGraph, importModel } from '../graph';
import { toLayers } from '../graph/layered';
import type { Network, QuantNode } from '../graph/network';
import { type ClipValues, withQuantizedActivations } from '../graph/quantized';
import type { PlanFormat } from '../native';
import { type OnnxModel, readModel, writeModel } from '../onnx';
import { toFixedPoint } from './fixed-point';
import { type Answers, measure } from './measure';
import { encodeMetadata, inputRangeOf, keptReadouts, type NetworkMetadata, readMetadata } from './metadata';
import { checkMethod, type QuantizeMethod, type QuantizeStage, runMethod } from './methods';
import { taskOf } from './task';
import { readoutUnits, writeFixedPoint } from './write-fixed';
import { writeFloat } from './write-float';
import { writeNetwork } from './write-network';

export { type NetworkMetadata, readMetadata } from './metadata';
export type { QuantizeMethod, QuantizeStage } from './methods';
export { iterationsWithin } from './time-budget';

const ITERATIONS = 300;

export interface QuantizeOptions {
  /** Q, 1 to 255. Needed unless the net is quantised already, which then keeps its own. */
  levels?: number;
  /** Calibration images. Needed unless the net is quantised already. */
  calibration?: Dataset;
  format?: PlanFormat;
  /** φ: 0 as in the paper, or 1/2, which rounds. Default 1/2. */
  shift?: 0 | 0.5;
  /** Default mse. */
  method?: QuantizeMethod;
  /**
   * One clip value for a layer, or one for each of its channels (which costs nothing: it folds into thresholds and
   * weights). Default channel; the percentile method knows layers only, refit and reconstruct
   * channels only.
   */
  clips?: 'layer' | 'channel';
  /** Quantile of the percentile method. Default 0.999. */
  percentile?: number;
  /**
   * Of the method reconstruct: steps of Adam for each block, and at the end for the whole net. Default 300. See
   * `iterationsWithin` for a number that fits a time.
   */
  iterations?: number;
  /**
   * Of refit and reconstruct: neurons that may be added, as a share of the net's. Where that takes most error off the outputs,
   * channels are made several times over with staggered thresholds and so have more levels between them. Default 0.
   */
  split?: number;
  /** Recorded in the file; default: the calibration data's. */
  scaling?: InputScaling;
  /** Of a detector: what its outputs mean, one of `decoders` or another. Recorded in the file, so that `evaluate` need not be told. */
  decoder?: DecoderOptions;
  /** Recorded, too. Default: the decoder's; of a classifier the calibration data's, where they have as many as the net. */
  classNames?: readonly string[];
  threads?: number;
  signal?: AbortSignal;
  /** In images, layers while fitting, or iterations while training. */
  onProgress?: (done: number, total: number, stage: QuantizeStage) => void;
}

export interface QuantizedLayer {
  name: string;
  /** λ: one value for the layer, or one for each channel. */
  clips: readonly number[];
  /** Neurons by those of the imported net's activation: above 1 where channels were split. */
  copies: number;
  /** Largest activation seen in calibration; null, as all that follows, where the net came quantised. */
  max: number | null;
  /**
   * Root mean square difference of the quantised activation from the fp32 net's, relative to the latter's root mean square, on
   * up to 256 calibration images. Of channels that were split each copy counts on its own; their mean is nearer.
   */
  error: number | null;
  /** The same with clip values by squared error and weights as they were; null where that is all that was done. */
  errorBefore: number | null;
  /** Share of neurons on level 0, and on level Q. */
  zero: number | null;
  top: number | null;
}

export interface QuantizeResult {
  /** The quantised net; `writeModel` gives the file's bytes. */
  model: OnnxModel;
  bytes: Uint8Array;
  levels: number;
  format: PlanFormat;
  /** Null where the net came quantised. */
  method: QuantizeMethod | null;
  layers: QuantizedLayer[];
  images: number;
  /** The written net beside the fp32 net on up to 256 calibration images: only of a classifier. */
  answers?: Answers & { images: number };
}

/**
 * Quantises the net in `file`. A net whose activations are quantised already keeps its clip values; only its weights
 * become fixed point.
 * Throws CascError: ERR_CASC_ARGUMENT, ERR_CASC_MODEL, ERR_CASC_UNSUPPORTED, ERR_CASC_CALIBRATION, ERR_CASC_SHAPE.
 *
 * @example
 * const calibration = await openDataset('cifar10:cifar-10-batches-bin#train', { scaling, limit: 512, spread: true });
 * const { bytes } = await quantize('net.onnx', { levels: 16, format: 'int8', calibration });
 * await writeWhole('q16.onnx', bytes);
 */
export async function quantize(file: string, options: QuantizeOptions): Promise<QuantizeResult> {
  const model = await readModel(file);
  const network = await importModel(model);
  const format = options.format ?? 'float32';
  if (!['float32', 'int8', 'int16'].includes(format)) throw argumentError('format', 'float32, int8 or int16', format);
  return network.nodes.some((node) => node.op === 'relu' && !node.tail)
    ? quantizeActivations(model, network, format, options)
    : keepActivations(network, format, options);
}

async function quantizeActivations(
  model: OnnxModel,
  network: Network,
  format: PlanFormat,
  options: QuantizeOptions,
): Promise<QuantizeResult> {
  const { levels, calibration, shift = 0.5, method = 'mse', percentile = 0.999, threads, signal, onProgress } = options;
  if (levels === undefined || !Number.isInteger(levels) || levels < 1 || levels > 255) {
    throw argumentError('levels', 'a whole number from 1 to 255', levels);
  }
  if (shift !== 0 && shift !== 0.5) throw argumentError('shift', '0 or 0.5', shift);
  const granularity = options.clips ?? (method === 'percentile' ? 'layer' : 'channel');
  if (options.percentile !== undefined && method !== 'percentile') {
    throw argumentError('percentile', `nothing (the method ${method} takes none)`, options.percentile);
  }
  if (options.iterations !== undefined && method !== 'reconstruct') {
    throw argumentError('iterations', 'nothing (only the method reconstruct iterates)', options.iterations);
  }
  const { split = 0, iterations = ITERATIONS } = options;
  const settings = { method, percentile, clips: granularity, iterations, split };
  checkMethod(settings);
  if (!calibration) throw argumentError('calibration', 'a data set (the net has plain ReLUs)', calibration);
  const task = taskOf(network, options);

  // What cannot be converted is said before any work.
  toLayers(withQuantizedActivations(network, levels, shift, () => Float64Array.of(1)));
  const chosen = await runMethod(network, calibration, {
    ...settings,
    format,
    inputRange: inputRangeOf(options.scaling ?? calibration.scaling),
    levels,
    shift,
    threads,
    signal,
    onProgress,
  });
  const { fp32, clips, seen, start } = chosen;
  const metadata: NetworkMetadata = {
    format,
    levels,
    shift,
    clips: recordOf(network, clips),
    input: options.scaling ?? calibration.scaling,
    ...task,
    calibration: seen.hash,
  };
  const quantized = withQuantizedActivations(chosen.network, levels, shift, (id) => clips.get(id)!);
  const written = write(model, network, quantized, clips, metadata, seen.input);
  const before = start && withQuantizedActivations(fp32, levels, shift, (id) => start.get(id)!);
  const measured = await measure(fp32, [quantized, before ?? []].flat(), importGraph(written), calibration, {
    threads,
    signal,
    onProgress: (done, total) => onProgress?.(done, total, 'measuring'),
  });
  const [after, first] = measured.variants;
  const layers = [...clips].map(
    ([id, values]): QuantizedLayer => ({
      name: network.nodes[id]!.name,
      clips: [...values],
      copies: copiesOf(fp32, id),
      max: seen.activations.get(id)!.max,
      errorBefore: first?.get(id)?.error ?? null,
      ...after!.get(id)!,
    }),
  );
  const { answers } = measured;
  return {
    model: written,
    bytes: writeModel(written),
    levels,
    format,
    method,
    layers,
    images: seen.images,
    ...(answers ? { answers: { images: measured.images, ...answers } } : {}),
  };
}

function copiesOf({ nodes }: Network, id: number): number {
  const node = nodes[id]!;
  return node.op === 'relu' && node.copies ? node.shape.c / node.copies.length : 1;
}

/** In float32 the original graph where its weights still hold, else node by node. */
function write(
  model: OnnxModel,
  network: Network,
  quantized: Network,
  clips: ClipValues,
  metadata: NetworkMetadata,
  inputRange: { min: number; max: number },
): OnnxModel {
  const { format = 'float32', levels, shift } = metadata;
  if (format !== 'float32') return fixed(quantized, format, metadata, inputRange);
  const weighed = quantized.nodes.some((node, id) => node.op === 'conv' && node !== network.nodes[id]);
  const props = encodeMetadata(metadata);
  if (!weighed) return writeFloat(model, network, { levels: levels!, shift: shift!, clips }, props);
  return { ...writeNetwork(quantized, props), file: model.file };
}

/** What says how plain activations are quantised. */
const HOW = ['method', 'clips', 'percentile', 'iterations', 'split'] as const;

async function keepActivations(
  network: Network,
  format: PlanFormat,
  options: QuantizeOptions,
): Promise<QuantizeResult> {
  const layered = toLayers(network);
  if (options.levels !== undefined && options.levels !== layered.levels) {
    throw new CascError(
      'ERR_CASC_ARGUMENT',
      `${network.file} is quantised already, with ${layered.levels} levels; it keeps them. Leave out the levels, or quantise the original net`,
      { file: network.file, option: 'levels' },
    );
  }
  const quants = network.nodes.filter((node) => node.op === 'quant');
  const { shift } = options;
  if (shift !== undefined && quants.some((node) => !hasShift(node, shift))) {
    throw new CascError(
      'ERR_CASC_ARGUMENT',
      `${network.file} is quantised already and keeps its own shift, which is not ${shift}. Leave out the shift, or quantise the original net`,
      { file: network.file, option: 'shift' },
    );
  }
  const chosen = HOW.find((option) => options[option] !== undefined);
  if (chosen) {
    throw new CascError(
      'ERR_CASC_ARGUMENT',
      `${network.file} is quantised already: it keeps its weights and clip values, whatever the ${chosen}. Leave out --${chosen}, or quantise the original net`,
      { file: network.file, option: chosen },
    );
  }
  if (format === 'float32') {
    throw new CascError(
      'ERR_CASC_ARGUMENT',
      `${network.file} is quantised already and float32 changes nothing in it. Choose the format int8 or int16`,
      { file: network.file, option: 'format' },
    );
  }
  const recorded = readMetadata(network);
  const input = options.scaling ?? recorded.input ?? options.calibration?.scaling;
  const clips = recorded.clips ?? recordOf(network, clipsOf(quants));
  const metadata: NetworkMetadata = {
    ...recorded,
    format,
    levels: layered.levels,
    clips,
    input,
    ...taskOf(network, options, recorded),
  };
  const written = fixed(network, format, metadata, input && inputRangeOf(input));
  const unknown = { copies: 1, max: null, error: null, errorBefore: null, zero: null, top: null };
  const layers = Object.entries(clips).map(([name, values]) => ({ name, clips: [values].flat(), ...unknown }));
  return {
    model: written,
    bytes: writeModel(written),
    levels: layered.levels,
    format,
    method: null,
    layers,
    images: 0,
  };
}

function clipsOf(quants: readonly QuantNode[]): ClipValues {
  return new Map(quants.map(({ id, stepIn, levels }) => [id, stepIn.map((step) => step * levels)]));
}

/** As the metadata hold them: a number for a layer, a list for its channels. */
function recordOf(network: Network, clips: ClipValues): NonNullable<NetworkMetadata['clips']> {
  const entries = [...clips].map(([id, values]): [string, number | number[]] => {
    return [network.nodes[id]!.name, values.length === 1 ? values[0]! : [...values]];
  });
  return Object.fromEntries(entries);
}

/** In a fixed-point file the offset is ⌊φK⌋. */
function hasShift({ stepIn, offset }: QuantNode, shift: number): boolean {
  return offset.every((value, c) => {
    const step = stepIn[c] ?? stepIn[0]!;
    const floored = Number.isInteger(step) && value === Math.floor(shift * step);
    return floored || Math.abs(value - shift * step) <= 1e-5 * step;
  });
}

function fixed(
  network: Network,
  format: 'int8' | 'int16',
  metadata: NetworkMetadata,
  inputRange: { min: number; max: number } | undefined,
): OnnxModel {
  const wholeRange = metadata.input ? inputRangeOf(metadata.input) : inputRange;
  const result = toFixedPoint(toLayers(network), {
    format,
    inputRange: wholeRange,
    readoutUnits: keptReadouts(readMetadata(network), format),
  });
  return {
    ...writeFixedPoint(result, encodeMetadata({ ...metadata, readouts: readoutUnits(result) })),
    file: basename(network.file),
  };
}
