/** From a net with plain activations to clip values, and with some methods other weights. */
import type { Dataset } from '../datasets';
import { argumentError, CascError } from '../errors';
import { toLayers } from '../graph/layered';
import type { InputGrid, Network, ReluNode } from '../graph/network';
import { type ClipValues, sharedClips, withQuantizedActivations } from '../graph/quantized';
import { type Copies, splitActivations } from '../graph/split';
import type { PlanFormat } from '../native';
import { allocate } from './allocate';
import { type Calibration, calibrate } from './calibrate';
import { chooseChannelClips, chooseClip } from './clip-values';
import { chooseInputGrid, gridOf, type InputRange, withInputGrid } from './input-grid';
import { raiseClips } from './least-clips';
import { reconstruct } from './reconstruct';
import { refit } from './refit';

/**
 * percentile: the paper's, one clip value per layer. mse: least squared error of each activation. refit: layer after layer
 * fitted to the fp32 net in closed form, clip values on the result. reconstruct: refit, then weights, biases and clip values trained
 * block by block, and at last as a whole, on what the fp32 net's blocks put out.
 */
export type QuantizeMethod = 'percentile' | 'mse' | 'refit' | 'reconstruct';

/** What quantize does at the moment, for progress bars, and what it counts in. */
export type QuantizeStage = 'calibrating' | 'splitting' | 'fitting' | 'training' | 'measuring';

export interface MethodOptions {
  method: QuantizeMethod;
  levels: number;
  shift: 0 | 0.5;
  clips: 'layer' | 'channel';
  percentile: number;
  /** Of refit and reconstruct: neurons that may be added by splitting channels, as a share of the net's. */
  split: number;
  /** Of reconstruct: steps of each block. */
  iterations: number;
  format: PlanFormat;
  /** Of the input: what its grid is chosen by. */
  inputRange: InputRange;
  threads?: number;
  signal?: AbortSignal;
  onProgress?: (done: number, total: number, stage: QuantizeStage) => void;
}

export interface Quantization {
  /** The fp32 net that the result is compared with: the net itself, or with channels split. */
  fp32: Network;
  /** Plain activations still; the net itself where the method changes no weights. */
  network: Network;
  /** λ by id of the network's relu nodes, in float32. */
  clips: ClipValues;
  /** Quantised by squared error alone, where the method did more than that: what it started from. */
  start?: ClipValues;
  seen: Calibration;
}

/** Fewer images say nothing about the values to come, or leave the weights undetermined. */
const LEAST_IMAGES: Record<QuantizeMethod, number> = { percentile: 1, mse: 1, refit: 16, reconstruct: 32 };

/** Copies are at most eight, so more could not be spent. */
const MOST_SPLIT = 7;

export const METHODS = Object.keys(LEAST_IMAGES) as QuantizeMethod[];

/** Throws ERR_CASC_CALIBRATION for too few or constant images, NaN, and activations that nothing can be learnt about. */
export async function runMethod(
  original: Network,
  calibration: Dataset,
  options: MethodOptions,
): Promise<Quantization> {
  const { method, levels, shift, threads, signal, onProgress } = options;
  checkSize(calibration, method);
  const seen = await calibrate(original, calibration, {
    threads,
    signal,
    channels: options.clips === 'channel',
    onProgress: (done, total) => onProgress?.(done, total, 'calibrating'),
  });
  if (seen.input.min === seen.input.max) {
    throw new CascError(
      'ERR_CASC_CALIBRATION',
      `${calibration.name}: every pixel of the calibration images is the same; use images like those that the net was trained on`,
    );
  }
  const byError = chooseClips(original, seen, options);
  if (method === 'mse' || method === 'percentile') {
    return { fp32: original, network: original, clips: raiseClips(original, byError, levels), seen };
  }
  const copies = await splitsOf(original, byError, calibration, options);
  const network = splitActivations(original, copies);
  const grid = inputGridOf(original, byError, options);
  const fitted = await refit(withInputGrid(network, grid), calibration, {
    // Training learns the rounding itself, and further from weights that are not rounded yet.
    format: method === 'refit' ? options.format : 'float32',
    levels,
    shift,
    threads,
    signal,
    onProgress: (done, total) => onProgress?.(done, total, 'fitting'),
  });
  const start = raiseClips(network, clipsOfCopies(byError, copies), levels);
  const refitted = { network: fitted.network, clips: raiseClips(fitted.network, fitted.clips, levels) };
  if (method === 'refit') return { fp32: network, ...refitted, start, seen };
  const trained = await reconstruct(network, refitted, calibration, {
    levels,
    shift,
    format: options.format,
    iterations: options.iterations,
    threads,
    signal,
    onProgress: (done, total) => onProgress?.(done, total, 'training'),
  });
  return { fp32: network, network: trained.network, clips: trained.clips, start, seen };
}

async function splitsOf(
  network: Network,
  clips: ClipValues,
  calibration: Dataset,
  { split, levels, shift, threads, signal, onProgress }: MethodOptions,
): Promise<Map<number, Copies>> {
  if (split === 0) return new Map();
  return allocate(network, clips, calibration, {
    levels,
    shift,
    share: split,
    threads,
    signal,
    onProgress: (done, total) => onProgress?.(done, total, 'splitting'),
  });
}

function clipsOfCopies(clips: ClipValues, copies: ReadonlyMap<number, Copies>): ClipValues {
  return new Map(
    [...clips].map(([id, values]) => {
      const times = copies.get(id);
      return [
        id,
        times ? Float64Array.from(times.flatMap((m, c) => new Array(m).fill(values[c] ?? values[0]!))) : values,
      ];
    }),
  );
}

/** The integers that the written file will round its input to. */
function inputGridOf(
  network: Network,
  clips: ClipValues,
  { format, levels, shift, inputRange }: MethodOptions,
): InputGrid | null {
  const grid = gridOf(network);
  if (format === 'float32' || grid) return grid;
  const { layers } = toLayers(withQuantizedActivations(network, levels, shift, (id) => clips.get(id)!));
  const input = layers.findIndex(({ kind }) => kind === 'input');
  return chooseInputGrid(layers, input, { levels, format, range: inputRange });
}

/** Throws ERR_CASC_ARGUMENT for options that do not go together. */
export function checkMethod({
  method,
  clips,
  percentile,
  iterations,
  split,
}: Pick<MethodOptions, 'method' | 'clips' | 'percentile' | 'iterations' | 'split'>): void {
  if (!METHODS.includes(method)) throw argumentError('method', METHODS.join(' or '), method);
  if (clips !== 'layer' && clips !== 'channel') throw argumentError('clips', 'layer or channel', clips);
  if (method === 'percentile' && clips === 'channel') {
    throw argumentError('clips', 'layer, all that the percentile method knows,', clips);
  }
  if ((method === 'refit' || method === 'reconstruct') && clips === 'layer') {
    throw argumentError('clips', `channel, all that the ${method} method knows,`, clips);
  }
  if (!Number.isInteger(iterations) || iterations < 1) {
    throw argumentError('iterations', 'a whole number, at least 1', iterations);
  }
  if (!Number.isFinite(split) || split < 0 || split > MOST_SPLIT) {
    throw argumentError('split', `a share from 0 to ${MOST_SPLIT}`, split);
  }
  if (split > 0 && method !== 'refit' && method !== 'reconstruct') {
    throw argumentError('split', `0 (the method ${method} splits no channels; refit and reconstruct do)`, split);
  }
  if (!(percentile > 0 && percentile <= 1)) throw argumentError('percentile', 'a number above 0, up to 1', percentile);
}

function checkSize(calibration: Dataset, method: QuantizeMethod): void {
  const least = LEAST_IMAGES[method];
  if (calibration.size >= least) return;
  throw new CascError(
    'ERR_CASC_CALIBRATION',
    `${calibration.name} gives ${calibration.size} calibration image(s), but the method ${method} needs at least ${least}; give more (--samples), or use the method mse`,
    { option: 'calibration' },
  );
}

/** By layer, or by channel where these were counted and nothing later mixes them. */
function chooseClips(network: Network, seen: Calibration, options: MethodOptions): ClipValues {
  const { levels, shift, percentile } = options;
  const method = options.method === 'percentile' ? 'percentile' : 'mse';
  const shared = sharedClips(network);
  const clips = new Map<number, Float64Array>();
  for (const [id, histogram] of seen.activations) {
    const { name, max } = network.nodes[id] as ReluNode;
    const layer = chooseClip(name, histogram, { method, percentile, levels, shift });
    const channels = shared.has(id) ? undefined : seen.channels.get(id);
    const values = channels ? chooseChannelClips(channels, layer, levels, shift) : Float64Array.of(layer);
    clips.set(
      id,
      values.map((clip) => Math.min(clip, max)),
    );
  }
  return clips;
}
