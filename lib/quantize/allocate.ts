/** Which channels of which activations are worth more neurons than one a position. */
import type { Dataset } from '../datasets';
import { type Network, numel } from '../graph/network';
import { type ClipValues, withQuantizedActivations } from '../graph/quantized';
import type { Copies } from '../graph/split';
import { type ActivationChannel, type ChannelTrace, splitUnits, traceChannels } from '../graph/split-channels';
import { abortable, addon, type NativeDensePlan } from '../native';
import { openPlan } from './calibrate';
import { readImages } from './images';

export interface AllocateOptions {
  levels: number;
  shift: number;
  /** Most neurons to be added, as a share of the net's. */
  share: number;
  threads?: number;
  signal?: AbortSignal;
  onProgress?: (done: number, total: number) => void;
}

/** Images that the errors are measured on, evenly spread. */
const IMAGES = 32;
/** Copies of a channel, at most. */
const MOST = 8;

/**
 * Spends neurons where they take most error off the outputs. What an activation's quantisation alone does to the outputs is
 * measured; within it channels count by what their rounding adds to what reads them, λ²·Σw²; m copies leave 1/m² of
 * that. Channels that need equally many copies get them together. Copies by relu node, for `splitActivations`.
 */
export async function allocate(
  network: Network,
  clips: ClipValues,
  dataset: Dataset,
  options: AllocateOptions,
): Promise<Map<number, Copies>> {
  const { levels, shift, share } = options;
  const quantized = withQuantizedActivations(network, levels, shift, (id) => clips.get(id)!);
  const neurons = [...clips.keys()].reduce((sum, id) => sum + numel(network.nodes[id]!.shape), 0);
  const trace = traceChannels(network);
  const units = splitUnits(network, trace);
  const ids = [...new Set(units.flat().map(({ id }) => id))];
  const powers = noisePowers(network, trace, clips);
  const images = await readImages(network, dataset, Math.min(IMAGES, dataset.size), options.signal);
  const exact = await outputsOf(network, images, options);
  const errors = new Map<number, Float64Array>();
  for (const [at, id] of ids.entries()) {
    const nodes = network.nodes.map((node) => (node.id === id ? quantized.nodes[id]! : node));
    const error = relativeError(exact, await outputsOf({ ...network, nodes }, images, options));
    const parts = powers.get(id)!;
    const total = parts.reduce((sum, power) => sum + power, 0);
    errors.set(
      id,
      parts.map((power) => (total > 0 ? (error * power) / total : 0)),
    );
    options.onProgress?.(at + 1, ids.length);
  }
  const candidates = units.map((channels): Candidate => {
    const cost = channels.reduce((sum, { id }) => sum + network.nodes[id]!.shape.h * network.nodes[id]!.shape.w, 0);
    const error = channels.reduce((sum, { id, channel }) => sum + errors.get(id)![channel]!, 0);
    return { channels, cost, error, copies: 1 };
  });
  spend(candidates, Math.floor(share * neurons));
  const result = new Map<number, number[]>();
  for (const { channels, copies } of candidates) {
    if (copies === 1) continue;
    for (const { id, channel } of channels) {
      if (!result.has(id)) result.set(id, new Array<number>(network.nodes[id]!.shape.c).fill(1));
      result.get(id)![channel] = copies;
    }
  }
  return result;
}

/** Channels that get copies together. */
interface Candidate {
  channels: readonly ActivationChannel[];
  /** Neurons of one copy. */
  cost: number;
  /** Of the outputs, by these channels alone, with one copy. */
  error: number;
  copies: number;
}

/** Always the copy that takes most error away for its neurons; of the same gain the earlier candidate's. */
function spend(candidates: readonly Candidate[], neurons: number): void {
  const copies = candidates.flatMap((candidate) => {
    const { error, cost } = candidate;
    return Array.from({ length: error > 0 ? MOST - 1 : 0 }, (_, i) => ({
      candidate,
      gain: (error * (1 / (i + 1) ** 2 - 1 / (i + 2) ** 2)) / cost,
    }));
  });
  copies.sort((a, b) => b.gain - a.gain);
  let left = neurons;
  // A candidate's gains fall from copy to copy, so they come in order; where one does not fit, no later one does.
  for (const { candidate } of copies) {
    if (candidate.cost > left) continue;
    candidate.copies++;
    left -= candidate.cost;
  }
}

/** λ²·Σw² of each channel, over the convolutions that read it. */
function noisePowers(network: Network, trace: ChannelTrace, clips: ClipValues): Map<number, Float64Array> {
  const sums = new Float64Array(trace.channels.length);
  for (const node of network.nodes) {
    if (node.op !== 'conv') continue;
    const { weight, window, groups, shape } = node;
    const origins = trace.origins[node.inputs[0]!]!;
    const taps = window.kernel[0] * window.kernel[1];
    const perGroup = origins.length / groups;
    weight.forEach((w, i) => {
      const group = Math.floor((Math.floor(i / (perGroup * taps)) * groups) / shape.c);
      const origin = origins[group * perGroup + (Math.floor(i / taps) % perGroup)]!;
      if (origin >= 0) sums[origin]! += w ** 2;
    });
  }
  const powers = new Map<number, Float64Array>();
  trace.channels.forEach(({ id, channel }, i) => {
    const values = clips.get(id)!;
    if (!powers.has(id)) powers.set(id, new Float64Array(network.nodes[id]!.shape.c));
    powers.get(id)![channel] = sums[i]! * (values[channel] ?? values[0]!) ** 2;
  });
  return powers;
}

async function outputsOf(network: Network, images: Float32Array, options: AllocateOptions): Promise<Float32Array[]> {
  const { signal, threads = addon().info().threads } = options;
  const plan: NativeDensePlan = openPlan(network);
  const count = images.length / numel(network.nodes[network.input]!.shape);
  try {
    const { outputs } = await abortable(signal, (abort) => plan.run([images], count, { threads, abort }));
    return outputs;
  } finally {
    plan.dispose();
  }
}

/** Σ (ours − exact)² / Σ exact², mean over outputs. */
function relativeError(exact: readonly Float32Array[], ours: readonly Float32Array[]): number {
  const errors = exact.map((values, o) => {
    let difference = 0;
    let energy = 0;
    for (let i = 0; i < values.length; i++) {
      difference += (values[i]! - ours[o]![i]!) ** 2;
      energy += values[i]! ** 2;
    }
    return energy > 0 ? difference / energy : 0;
  });
  return errors.reduce((sum, error) => sum + error, 0) / errors.length;
}
