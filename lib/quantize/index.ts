/** Quantisation: a trained ANN becomes an ANN with quantised activations, as an ordinary ONNX file. */
import { basename } from 'node:path';
import type { Dataset, InputScaling } from '../datasets';
import { argumentError, CascError } from '../errors';
import { classCount, importModel } from '../graph';
import { toLayers } from '../graph/layered';
import type { Network, QuantNode, ReluNode } from '../graph/network';
import { type ClipValues, sharedClips, withQuantizedActivations } from '../graph/quantized';
import type { PlanFormat } from '../native';
import { type OnnxModel, readModel, writeModel } from '../onnx';
import { type Calibration, calibrate } from './calibrate';
import { type ClipMethod, type ClipOptions, chooseChannelClips, chooseClip } from './clip-values';
import { toFixedPoint } from './fixed-point';
import { raiseClips } from './least-clips';
import { encodeMetadata, inputRangeOf, keptReadouts, type NetworkMetadata, readMetadata } from './metadata';
import { readoutUnits, writeFixedPoint } from './write-fixed';
import { writeFloat } from './write-float';

export type { ClipMethod } from './clip-values';
export { type NetworkMetadata, readMetadata } from './metadata';

export interface QuantizeOptions {
  /** Q, 1 to 255. Needed unless the net is quantised already, which then keeps its own. */
  levels?: number;
  /** Calibration images. Needed unless the net is quantised already. */
  calibration?: Dataset;
  format?: PlanFormat;
  /** φ: 0 as in the paper, or 1/2, which rounds. Default 1/2. */
  shift?: 0 | 0.5;
  /** How clip values are chosen. Default mse. */
  method?: ClipMethod;
  /**
   * One clip value for a layer, or one for each of its channels (which costs nothing: it folds into thresholds and
   * weights). Default channel; the percentile method has them by layer.
   */
  clips?: 'layer' | 'channel';
  /** Quantile of the percentile method. Default 0.999. */
  percentile?: number;
  /** Recorded in the file; default: the calibration data's. */
  scaling?: InputScaling;
  classNames?: readonly string[];
  threads?: number;
  signal?: AbortSignal;
  onProgress?: (done: number, total: number) => void;
}

export interface QuantizedLayer {
  name: string;
  /** λ: one value for the layer, or one for each channel. */
  clips: readonly number[];
  /** Largest activation seen in calibration; null where the net came quantised. */
  max: number | null;
}

export interface QuantizeResult {
  /** The quantised net; `writeModel` gives the file's bytes. */
  model: OnnxModel;
  bytes: Uint8Array;
  levels: number;
  format: PlanFormat;
  layers: QuantizedLayer[];
  images: number;
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
  const { levels, calibration, shift = 0.5, method = 'mse', percentile = 0.999 } = options;
  if (levels === undefined || !Number.isInteger(levels) || levels < 1 || levels > 255) {
    throw argumentError('levels', 'a whole number from 1 to 255', levels);
  }
  if (shift !== 0 && shift !== 0.5) throw argumentError('shift', '0 or 0.5', shift);
  if (method !== 'mse' && method !== 'percentile') throw argumentError('method', 'mse or percentile', method);
  const clips = options.clips ?? (method === 'percentile' ? 'layer' : 'channel');
  if (clips !== 'layer' && clips !== 'channel') throw argumentError('clips', 'layer or channel', clips);
  if (clips === 'channel' && method === 'percentile') {
    throw argumentError('clips', 'layer, which is all that the percentile method knows,', clips);
  }
  if (!(percentile > 0 && percentile <= 1)) throw argumentError('percentile', 'a number above 0, up to 1', percentile);
  if (!calibration) throw argumentError('calibration', 'a data set (the net has plain ReLUs)', calibration);

  // What cannot be converted is said before any work.
  toLayers(withQuantizedActivations(network, levels, shift, () => Float64Array.of(1)));
  const seen = await calibrate(network, calibration, { ...options, channels: clips === 'channel' });
  const chosen = chooseClips(network, seen, { method, percentile, levels, shift });
  const metadata: NetworkMetadata = {
    format,
    levels,
    shift,
    clips: recordOf(network, chosen),
    input: options.scaling ?? calibration.scaling,
    classes: options.classNames ? [...options.classNames] : ((calibration.classNames as string[] | null) ?? undefined),
    task: classCount(network) === undefined ? undefined : 'classification',
    calibration: seen.hash,
  };
  const written =
    format === 'float32'
      ? writeFloat(model, network, { levels, shift, clips: chosen }, encodeMetadata(metadata))
      : fixed(
          withQuantizedActivations(network, levels, shift, (id) => chosen.get(id)!),
          format,
          metadata,
          seen.input,
        );
  const layers = [...chosen].map(([id, values]) => ({
    name: network.nodes[id]!.name,
    clips: [...values],
    max: seen.activations.get(id)!.max,
  }));
  return { model: written, bytes: writeModel(written), levels, format, layers, images: seen.images };
}

/** By layer, or by channel where these were counted and nothing later mixes them. */
function chooseClips(network: Network, seen: Calibration, options: ClipOptions): ClipValues {
  const shared = sharedClips(network);
  const clips = new Map<number, Float64Array>();
  for (const [id, histogram] of seen.activations) {
    const { name, max } = network.nodes[id] as ReluNode;
    const layer = chooseClip(name, histogram, options);
    const channels = shared.has(id) ? undefined : seen.channels.get(id);
    const values = channels
      ? chooseChannelClips(channels, layer, options.levels, options.shift)
      : Float64Array.of(layer);
    clips.set(
      id,
      values.map((clip) => Math.min(clip, max)),
    );
  }
  return raiseClips(network, clips, options.levels);
}

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
    task: recorded.task ?? (classCount(network) === undefined ? undefined : 'classification'),
    classes: options.classNames
      ? [...options.classNames]
      : (recorded.classes ?? (options.calibration?.classNames as string[] | null) ?? undefined),
  };
  const written = fixed(network, format, metadata, input && inputRangeOf(input));
  const layers = Object.entries(clips).map(([name, values]) => ({ name, clips: [values].flat(), max: null }));
  return { model: written, bytes: writeModel(written), levels: layered.levels, format, layers, images: 0 };
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
