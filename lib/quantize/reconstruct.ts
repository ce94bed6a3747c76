/**
 * Gradient reconstruction: block after block, then all together, the weights, biases and clip values of the quantised net are
 * trained on what the blocks put out in the float32 net (BRECQ), on calibration images without labels.
 */
import type { Dataset } from '../datasets';
import { CascError } from '../errors';
import type { ConvNode, Network, QuantNode } from '../graph/network';
import { numel } from '../graph/network';
import { type ClipValues, withQuantizedActivations } from '../graph/quantized';
import { abortable, addon, type BlockData, type PlanFormat, toCascError } from '../native';
import { type BlockTraining, denseBlock, trainerOf, withParameters } from './block-trainer';
import { type Block, findBlocks } from './blocks';
import { openNodes } from './calibrate';
import { readImages } from './images';
import { gridOf, roundInput } from './input-grid';
import { raiseClips } from './least-clips';

export interface ReconstructOptions {
  /** Q. */
  levels: number;
  /** φ */
  shift: 0 | 0.5;
  /** int8 and int16: weights learn with the rounding that they will get. */
  format: PlanFormat;
  /** Steps of Adam for each block, and at the end for the whole net. */
  iterations: number;
  threads?: number;
  signal?: AbortSignal;
  /** In iterations over all blocks. */
  onProgress?: (done: number, total: number) => void;
  /** Most bytes of cached values; fewer images are used where they would not fit. Default 2 GiB. */
  cacheBytes?: number;
  /** How a block is trained where not as usual: batch, rates, QDrop's share of exact inputs (0: it did not help), seed. */
  training?: Partial<BlockTraining['schedule']>;
}

/** A net's weights, and the clip values of its relu nodes. */
export interface StartingPoint {
  /** Plain ReLUs, and nodes with the ids of the float32 net. */
  network: Network;
  clips: ClipValues;
}

export interface ReconstructedBlock {
  /** Name of the block's last node; at the end, `the whole net`. */
  name: string;
  /** Names of its convolutions. */
  convolutions: string[];
  /** Squared error by the variance of the float32 net's values, before and after, mean over outputs. */
  before: number;
  after: number;
}

export interface Reconstruction extends StartingPoint {
  blocks: ReconstructedBlock[];
  /** How many calibration images were used. */
  images: number;
}

const CACHE_BYTES = 2 ** 31;
/** Images in one call of the dense pass. */
const BATCH = 32;
/** Iterations between two looks at progress. */
const STEP = 10;
/** Images that the errors before and after are measured on. */
const MEASURED = 128;

/** Images of one step of Adam. */
export const TRAINING_BATCH = 32;

/** Learning rates of the whole net by those of its blocks: little is left to do, and much to spoil. */
const WHOLE = 0.3;

const TRAINING: Omit<BlockTraining['schedule'], 'iterations'> = {
  batch: TRAINING_BATCH,
  rates: { weight: 0.01, bias: 0.003, step: 0.01 },
  drop: 0,
  seed: 1,
};

/**
 * Trains the net that `start` quantises. The same calibration gives the same bits, whatever the number of threads (on one
 * instruction set).
 * Throws CascError: ERR_CASC_SHAPE, ERR_CASC_CALIBRATION, ERR_CASC_ABORTED, ERR_CASC_OUT_OF_MEMORY.
 */
export async function reconstruct(
  fp32: Network,
  start: StartingPoint,
  calibration: Dataset,
  options: ReconstructOptions,
): Promise<Reconstruction> {
  const bytes = options.cacheBytes ?? CACHE_BYTES;
  const parts = findBlocks(fp32);
  const images = imagesWithin(fp32, parts, calibration.size, bytes);
  const blocks = [...parts, wholeNet(fp32, parts, bytes / images)];
  const pictures = await readImages(fp32, calibration, images, options.signal);
  const values = new Values(fp32, pictures, roundInput(pictures, gridOf(start.network)), images);
  let network = withQuantizedActivations(start.network, options.levels, options.shift, (id) => start.clips.get(id)!);
  const report: ReconstructedBlock[] = [];
  const total = blocks.length * options.iterations;
  for (const [index, block] of blocks.entries()) {
    await values.computeExact(fp32, block, options);
    const onProgress = (done: number) => options.onProgress?.(index * options.iterations + done, total);
    if (block.outputs.some((id) => isSplit(fp32, id))) {
      await values.computeQuantized(network, block, options);
      values.forget(blocks.slice(index + 1));
      onProgress(options.iterations);
      continue;
    }
    const pace = index < parts.length ? 1 : WHOLE;
    const result = await trainBlock(network, block, values, options, pace, onProgress);
    network = result.network;
    if (index < parts.length) await values.computeQuantized(network, block, options);
    values.forget(blocks.slice(index + 1));
    const last = network.nodes[block.nodes.at(-1)!]!;
    const convolutions = block.nodes.map((id) => network.nodes[id]!).filter(({ op }) => op === 'conv');
    const { before, after } = result;
    report.push({
      name: index < parts.length ? last.name : 'the whole net',
      convolutions: convolutions.map(({ name }) => name),
      before,
      after,
    });
  }
  const clips = new Map<number, Float64Array>();
  for (const node of network.nodes) {
    if (node.op === 'quant') clips.set(node.id, clipsOf(node));
  }
  const trained = withWeightsOf(start.network, network);
  return { network: trained, clips: raiseClips(trained, clips, options.levels), blocks: report, images };
}

/**
 * Whether the value is that of copies (see graph/split.ts), maybe behind pools. Each of them is off by its phase, so it is
 * only together that they can be compared with the float32 net's.
 */
function isSplit(network: Network, id: number): boolean {
  const node = network.nodes[id]!;
  if (node.op === 'relu') return node.copies !== undefined;
  const moves = node.op === 'maxpool' || node.op === 'avgpool' || node.op === 'route';
  return moves && node.inputs.some((input) => isSplit(network, input));
}

/** In float32, as the file has them. */
function clipsOf({ stepIn, levels }: QuantNode): Float64Array {
  return stepIn.map((step) => Math.fround(step * levels));
}

/** How many images' values fit, two blocks' at a time. */
function imagesWithin(network: Network, blocks: readonly Block[], available: number, bytes: number): number {
  const size = (ids: readonly number[]) => ids.reduce((sum, id) => sum + 4 * numel(network.nodes[id]!.shape), 0);
  const image = size([network.input]);
  const largest = blocks.reduce((most, _, index) => {
    const later = blocks.slice(index);
    const made = new Set([network.input, ...blocks.slice(0, index).flatMap(({ outputs }) => outputs)]);
    const carried = new Set(later.flatMap(({ inputs }) => inputs.filter((id) => made.has(id))));
    return Math.max(most, 2 * (size([...carried]) + size(blocks[index]!.outputs)));
  }, image);
  const fits = Math.floor(bytes / largest);
  if (fits < 1) {
    throw new CascError(
      'ERR_CASC_OUT_OF_MEMORY',
      `${network.file}: the values of one image between two blocks take ${largest} bytes, and ${bytes} may be cached; raise cacheBytes`,
      { file: network.file, option: 'cacheBytes' },
    );
  }
  return Math.min(available, fits);
}

/**
 * All blocks as one, which evens out between them what each learned on its own. It is compared where blocks end: at the net's
 * outputs, and at as many points before as may be kept.
 */
function wholeNet(network: Network, blocks: readonly Block[], bytesPerImage: number): Block {
  const outputs: number[] = [];
  let bytes = 4 * numel(network.nodes[network.input]!.shape);
  for (const block of [...blocks].reverse()) {
    if (block.outputs.some((id) => isSplit(network, id))) continue;
    bytes += block.outputs.reduce((sum, id) => sum + 4 * numel(network.nodes[id]!.shape), 0);
    if (outputs.length > 0 && bytes > bytesPerImage) break;
    outputs.push(...block.outputs);
  }
  return { inputs: [network.input], nodes: blocks.flatMap(({ nodes }) => nodes), outputs };
}

/** Values between blocks of all images, of the float32 net and of the quantised one. */
class Values {
  private readonly exact = new Map<number, Float32Array>();
  private readonly quantized = new Map<number, Float32Array>();

  constructor(
    network: Network,
    input: Float32Array,
    rounded: Float32Array,
    readonly images: number,
  ) {
    this.exact.set(network.input, input);
    this.quantized.set(network.input, rounded);
  }

  computeExact(network: Network, block: Block, options: ReconstructOptions): Promise<void> {
    return this.compute(network, block, this.exact, options);
  }

  computeQuantized(network: Network, block: Block, options: ReconstructOptions): Promise<void> {
    return this.compute(network, block, this.quantized, options);
  }

  data(block: Block): BlockData {
    return {
      inputs: block.inputs.map((id) => this.quantized.get(id)!),
      exact: block.inputs.map((id) => this.exact.get(id)!),
      targets: block.outputs.map((id) => this.exact.get(id)!),
      images: this.images,
    };
  }

  /** Drops what no later block reads. */
  forget(later: readonly Block[]): void {
    const needed = new Set(later.flatMap(({ inputs }) => inputs));
    for (const values of [this.exact, this.quantized]) {
      for (const id of [...values.keys()]) if (!needed.has(id)) values.delete(id);
    }
  }

  private async compute(
    network: Network,
    block: Block,
    values: Map<number, Float32Array>,
    { signal, threads = addon().info().threads }: ReconstructOptions,
  ): Promise<void> {
    const { nodes, outputs: wanted } = denseBlock(network, block);
    const plan = openNodes(nodes, wanted);
    try {
      const sizes = block.inputs.map((id) => numel(network.nodes[id]!.shape));
      const outputs = block.outputs.map((id) => new Float32Array(this.images * numel(network.nodes[id]!.shape)));
      for (let from = 0; from < this.images; from += BATCH) {
        const count = Math.min(BATCH, this.images - from);
        const inputs = block.inputs.map((id, i) =>
          values.get(id)!.subarray(from * sizes[i]!, (from + count) * sizes[i]!),
        );
        const result = await abortable(signal, (abort) => plan.run(inputs, count, { threads, abort }));
        result.outputs.forEach((output, i) => {
          outputs[i]!.set(output, from * (output.length / count));
        });
      }
      block.outputs.forEach((id, i) => {
        values.set(id, outputs[i]!);
      });
    } finally {
      plan.dispose();
    }
  }
}

async function trainBlock(
  network: Network,
  block: Block,
  values: Values,
  options: ReconstructOptions,
  pace: number,
  onProgress: (done: number) => void,
): Promise<{ network: Network; before: number; after: number }> {
  const { levels, format, iterations, signal, threads = addon().info().threads } = options;
  const schedule = { ...TRAINING, ...options.training, iterations };
  const { weight, bias, step } = schedule.rates;
  const rates = { weight: pace * weight, bias: pace * bias, step: pace * step };
  const training = { levels, format, schedule: { ...schedule, rates } };
  const trainer = openTrainer(network, block, training);
  const data = values.data(block);
  const measured = firstImages(data, MEASURED);
  const error = async () => {
    const { loss } = await abortable(signal, (abort) => trainer.gradient(measured, { threads, abort }));
    return loss / block.outputs.length;
  };
  try {
    const first = withParameters(network, block, trainer.parameters());
    const before = await error();
    for (let done = 0; done < iterations; done += STEP) {
      const count = Math.min(STEP, iterations - done);
      await abortable(signal, (abort) => trainer.train(data, count, { threads, abort }));
      onProgress(done + count);
    }
    const after = await error();
    // A rate too high for a block must not make it worse than it was.
    if (!(after < before)) return { network: first, before, after: before };
    return { network: withParameters(network, block, trainer.parameters()), before, after };
  } finally {
    trainer.dispose();
  }
}

function openTrainer(network: Network, block: Block, training: BlockTraining) {
  try {
    return new (addon().BlockTrainer)(trainerOf(network, block, training));
  } catch (error) {
    throw toCascError(error);
  }
}

function firstImages(data: BlockData, most: number): BlockData {
  const images = Math.min(most, data.images);
  const first = (arrays: readonly Float32Array[]) =>
    arrays.map((array) => array.subarray(0, (array.length / data.images) * images));
  return { inputs: first(data.inputs), targets: first(data.targets), images };
}

/** `network` with the weights of a net whose nodes have the same ids. */
function withWeightsOf(network: Network, trained: Network): Network {
  const nodes = network.nodes.map((node) => {
    if (node.op !== 'conv') return node;
    const { weight, bias } = trained.nodes[node.id] as ConvNode;
    return { ...node, weight, bias };
  });
  return { ...network, nodes };
}
