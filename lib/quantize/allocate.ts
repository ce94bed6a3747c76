/** Which channels of which activations are worth more neurons than one a position. */
import type { Dataset } from '../datasets';
import { type Network, numel } from '../graph/network';
import { type ClipValues, withQuantizedActivations } from '../graph/quantized';
import { type Copies, canSplit, weightsReading } from '../graph/split';
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
 * that. Copies by relu node, for `splitActivations`.
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
  const ids = [...clips.keys()].filter((id) => canSplit(network, id));
  const images = await readImages(network, dataset, Math.min(IMAGES, dataset.size), options.signal);
  const exact = await outputsOf(network, images, options);
  const channels: Channel[] = [];
  for (const [at, id] of ids.entries()) {
    const nodes = network.nodes.map((node) => (node.id === id ? quantized.nodes[id]! : node));
    const error = relativeError(exact, await outputsOf({ ...network, nodes }, images, options));
    const { c, h, w } = network.nodes[id]!.shape;
    const powers = noisePowers(network, id, clips.get(id)!);
    const total = powers.reduce((sum, power) => sum + power, 0);
    for (let channel = 0; channel < c; channel++) {
      channels.push({ id, channel, cost: h * w, error: total > 0 ? (error * powers[channel]!) / total : 0, copies: 1 });
    }
    options.onProgress?.(at + 1, ids.length);
  }
  spend(channels, Math.floor(share * neurons));
  const result = new Map<number, number[]>();
  for (const { id, channel, copies } of channels) {
    if (!result.has(id)) result.set(id, []);
    result.get(id)![channel] = copies;
  }
  return new Map([...result].filter(([, copies]) => copies.some((m) => m > 1)));
}

interface Channel {
  id: number;
  channel: number;
  /** Neurons of one copy. */
  cost: number;
  /** Of the outputs, by this channel alone, with one copy. */
  error: number;
  copies: number;
}

/** Always the copy that takes most error away for its neurons; of the same gain the earlier channel's. */
function spend(channels: readonly Channel[], neurons: number): void {
  const copies = channels.flatMap((channel) => {
    const { error, cost } = channel;
    return Array.from({ length: error > 0 ? MOST - 1 : 0 }, (_, i) => ({
      channel,
      gain: (error * (1 / (i + 1) ** 2 - 1 / (i + 2) ** 2)) / cost,
    }));
  });
  copies.sort((a, b) => b.gain - a.gain);
  let left = neurons;
  // A channel's gains fall from copy to copy, so they come in order; where one does not fit, no later one does.
  for (const { channel } of copies) {
    if (channel.cost > left) continue;
    channel.copies++;
    left -= channel.cost;
  }
}

function noisePowers(network: Network, id: number, clips: Float64Array): Float64Array {
  const { c } = network.nodes[id]!.shape;
  const powers = new Float64Array(c);
  for (const { weight, window, shape } of weightsReading(network, id)!) {
    const taps = window.kernel[0] * window.kernel[1];
    for (let m = 0; m < shape.c; m++) {
      for (let channel = 0; channel < c; channel++) {
        const from = (m * c + channel) * taps;
        for (let t = from; t < from + taps; t++) powers[channel]! += weight[t]! ** 2;
      }
    }
  }
  return powers.map((power, channel) => power * (clips[channel] ?? clips[0]!) ** 2);
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
