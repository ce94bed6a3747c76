/** Calibration: what every activation of the fp32 net does on real images, counted natively while images stream by. */
import { DataHash, type Dataset } from '../datasets';
import { CascError } from '../errors';
import type { Network, NetworkNode } from '../graph/network';
import { numel } from '../graph/network';
import {
  abortable,
  addon,
  type NativeChannelHistogram,
  type NativeDensePlan,
  type NativeHistogram,
  toCascError,
} from '../native';
import { addChannels, merge } from './histograms';

export interface CalibrationOptions {
  /** Also counts every channel by itself. Default false. */
  channels?: boolean;
  threads?: number;
  signal?: AbortSignal;
  /** Called after every batch. */
  onProgress?: (done: number, total: number) => void;
}

export interface Calibration {
  /** By id of the network's relu nodes. */
  activations: ReadonlyMap<number, NativeHistogram>;
  /** By the same ids; empty unless channels were asked for. */
  channels: ReadonlyMap<number, NativeChannelHistogram>;
  /** Range of the net's input. */
  input: { min: number; max: number };
  images: number;
  /** SHA-256 of the images as the net saw them. */
  hash: string;
}

/** Images in flight; statistics do not depend on it. */
const BATCH = 32;

/** Throws ERR_CASC_SHAPE where the images do not fit the net, ERR_CASC_CALIBRATION for NaN. */
export async function calibrate(
  network: Network,
  dataset: Dataset,
  options: CalibrationOptions = {},
): Promise<Calibration> {
  checkShape(network, dataset);
  const relus = network.nodes.filter((node) => node.op === 'relu' && !node.tail).map((node) => node.id);
  const observed = [network.input, ...relus];
  const plan = openPlan(network);
  const totals: NativeHistogram[] = [];
  const channelTotals: NativeChannelHistogram[] = [];
  const hash = new DataHash();
  let images = 0;
  try {
    for await (const batch of dataset.batches(BATCH)) {
      hash.update(batch.images);
      const threads = options.threads ?? addon().info().threads;
      const { histograms, channels } = await abortable(options.signal, (abort) =>
        plan.run([batch.images], batch.count, { threads, observe: observed, channels: options.channels, abort }),
      );
      histograms.forEach((histogram, i) => {
        totals[i] = totals[i] ? merge(totals[i], histogram) : histogram;
      });
      channels.forEach((histogram, i) => {
        if (channelTotals[i]) addChannels(channelTotals[i], histogram);
        else channelTotals[i] = histogram;
      });
      images += batch.count;
      options.onProgress?.(images, dataset.size);
    }
  } finally {
    plan.dispose();
  }
  const [input, ...rest] = totals;
  if (!input || input.nonFinite > 0) {
    throw new CascError('ERR_CASC_CALIBRATION', `${dataset.name}: the calibration images hold NaN or infinite values`);
  }
  return {
    activations: new Map(relus.map((id, i) => [id, rest[i]!])),
    channels: new Map(channelTotals.slice(1).map((histogram, i) => [relus[i]!, histogram])),
    input: { min: input.min, max: input.max },
    images,
    hash: hash.digest(),
  };
}

/** The dense float pass of a whole network: the fp32 ANN. */
export function openPlan(network: Network): NativeDensePlan {
  return openNodes(
    network.nodes,
    network.outputs.map(({ node }) => node),
  );
}

/** The dense float pass of any nodes. */
export function openNodes(nodes: readonly NetworkNode[], outputs: readonly number[]): NativeDensePlan {
  try {
    return new (addon().DensePlan)({ nodes: [...nodes], outputs: [...outputs] });
  } catch (error) {
    throw toCascError(error);
  }
}

/** Throws ERR_CASC_SHAPE where a data set's images are not what the net takes. */
export function checkShape(network: Network, dataset: Dataset): void {
  const want = network.nodes[network.input]!.shape;
  const { c, h, w } = dataset.shape;
  const vector = want.h * want.w === 1; // takes an image as the list of its pixels
  if (numel(want) === c * h * w && (vector || (want.c === c && want.h === h))) return;
  throw new CascError(
    'ERR_CASC_SHAPE',
    `${network.file}: the input "${network.inputName}" takes images of ${want.c}x${want.h}x${want.w}, but ${dataset.name} gives ${c}x${h}x${w}. Set --resize, --crop or --channels`,
    { file: network.file, tensor: network.inputName },
  );
}
