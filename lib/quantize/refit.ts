/**
 * Closed-form reconstruction: layer after layer, the weights and bias of each convolution are fitted by least squares, so that
 * the quantised net, as it is up to there, computes what the fp32 net does; then the clip values of the activation behind are
 * chosen on the result.
 */
import type { Dataset } from '../datasets';
import { CascError } from '../errors';
import type { ConvNode, Network, NetworkNode, ReluNode } from '../graph/network';
import { type ClipValues, sharedClips, withQuantizedActivations } from '../graph/quantized';
import { abortable, addon, type Correction, toCascError } from '../native';
import { Frontier, type StreamedBatch } from './frontier';
import { targetOf } from './targets';
import { Twins } from './twins';

export interface RefitOptions {
  /** Q. */
  levels: number;
  /** φ. */
  shift: number;
  /** How strongly weights are pulled towards the old ones, as a share of the regressors' mean square. Default 0.01. */
  ridge?: number;
  threads?: number;
  signal?: AbortSignal;
  /** Called after every layer. */
  onProgress?: (done: number, total: number) => void;
}

/** One convolution: root mean square error of its target, relative to the target's root mean square. */
export interface RefittedConvolution {
  kind: 'convolution';
  name: string;
  errorBefore: number;
  errorAfter: number;
}

/** One activation. */
export interface RefittedActivation {
  kind: 'activation';
  name: string;
  /** Root mean square error of the quantised activation, relative to the fp32 activation's root mean square. */
  error: number;
  smallestClip: number;
  largestClip: number;
  /** Share of neurons on level 0, and on level Q. */
  shareZero: number;
  shareTop: number;
}

export type RefittedLayer = RefittedConvolution | RefittedActivation;

export interface RefitResult {
  /** The net with other weights and biases; its activations are plain still. */
  network: Network;
  clips: ClipValues;
  layers: RefittedLayer[];
}

const RIDGE = 0.01;
/** Positions that a regression takes: this many for each unknown, and at least so many. */
const ROWS_PER_UNKNOWN = 256;
const LEAST_ROWS = 2 ** 17;
/** Values of a channel that its clip value is chosen on. */
const SAMPLE = 2 ** 15;

/**
 * Fits a net with plain activations to its own quantisation.
 * Throws ERR_CASC_CALIBRATION, naming the node, where values become NaN or infinite or an activation never rises.
 */
export async function refit(network: Network, calibration: Dataset, options: RefitOptions): Promise<RefitResult> {
  return new Refit(network, calibration, options).run();
}

class Refit {
  private readonly twins: Twins;
  private readonly frontier: Frontier;
  private readonly threads: number;
  private readonly convolutions = new Map<number, ConvNode>();
  private readonly clips = new Map<number, Float64Array>();
  private readonly layers: RefittedLayer[] = [];
  private readonly shared: ReadonlySet<number>;

  constructor(
    private readonly network: Network,
    private readonly calibration: Dataset,
    private readonly options: RefitOptions,
  ) {
    this.threads = options.threads ?? addon().info().threads;
    this.shared = sharedClips(network);
    this.twins = new Twins(network);
    this.frontier = new Frontier(this.twins, network.input, calibration, {
      threads: this.threads,
      signal: options.signal,
    });
  }

  async run(): Promise<RefitResult> {
    const steps = this.network.nodes.filter(
      (node): node is ConvNode | ReluNode => (node.op === 'conv' || node.op === 'relu') && !node.tail,
    );
    for (const [done, node] of steps.entries()) {
      await this.frontier.advance(node.id);
      if (node.op === 'conv') await this.convolution(node);
      else await this.activation(node);
      this.options.onProgress?.(done + 1, steps.length);
    }
    const nodes = this.network.nodes.map((node): NetworkNode => this.convolutions.get(node.id) ?? node);
    return { network: { ...this.network, nodes }, clips: this.clips, layers: this.layers };
  }

  private async convolution(node: ConvNode): Promise<void> {
    const target = targetOf(this.network, node.id);
    let fitted = node;
    const first = await this.fit(fitted, target, undefined);
    fitted = first.fitted;
    this.settle(fitted);
    const relu = activationOf(this.network, target);
    const rounds = relu ? Number(process.env.ROUNDS ?? 0) : 0;
    const gain = Number(process.env.GAIN ?? 1);
    for (let i = 0; i < rounds; i++) {
      const next = await this.fit(fitted, target, relu, gain);
      if (process.env.VV) console.log(node.name, i, next.before, next.after);
      fitted = next.fitted;
      this.settle(fitted);
    }
    this.layers.push({ kind: 'convolution', name: node.name, errorBefore: first.before, errorAfter: first.after });
  }

  private settle(node: ConvNode): void {
    this.convolutions.set(node.id, node);
    this.twins.quantized[node.id] = node;
  }

  /** One least-squares step. */
  private async fit(
    node: ConvNode,
    target: number,
    relu: ReluNode | undefined,
    gain = 1,
  ): Promise<{ fitted: ConvNode; before: number; after: number }> {
    const { twins, frontier, threads } = this;
    const { nodes, at } = twins.part(frontier.keys, [twins.floatKey(target), twins.quantizedKey(target)]);
    const { shape } = node;
    const labels = { name: node.name, tensor: '', onnx: [], tail: false, shape };
    const push = (rest: object): number => {
      nodes.push({ ...labels, id: nodes.length, ...rest } as unknown as NetworkNode);
      return nodes.length - 1;
    };
    const rectified = (id: number) => (relu ? push({ op: 'relu', inputs: [id], max: relu.max }) : id);
    const wanted = rectified(at(twins.floatKey(target)));
    const factor = new Float32Array(shape.c).fill(-1);
    const is = rectified(at(twins.quantizedKey(target)));
    const negated = push({ op: 'scale', inputs: [is], factor, shift: null });
    let residual = push({ op: 'add', inputs: [wanted, negated] });
    if (gain !== 1) residual = push({ op: 'scale', inputs: [residual], factor: factor.map(() => gain), shift: null });
    const unknowns = node.weight.length / shape.c + 1;
    const regression = this.open(
      () =>
        new (addon().Regression)({
          nodes,
          outputs: [],
          conv: at(twins.quantizedKey(node.id)),
          residual,
          target: wanted,
          every: this.spacing(shape.h * shape.w, Math.max(LEAST_ROWS, ROWS_PER_UNKNOWN * unknowns)),
        }),
    );
    try {
      await this.stream(regression);
      const correction = await this.named(node, (abort) =>
        regression.solve({ ridge: this.options.ridge ?? RIDGE, threads, abort }),
      );
      const relative = (error: number) =>
        correction.target > 0 ? Math.sqrt(Math.max(0, error) / correction.target) : 0;
      return {
        fitted: corrected(node, correction),
        before: relative(correction.before),
        after: relative(correction.after),
      };
    } finally {
      regression.dispose();
    }
  }

  private async activation(node: ReluNode): Promise<void> {
    const { twins, frontier, threads } = this;
    const { levels, shift } = this.options;
    const value = twins.quantizedKey(node.inputs[0]!);
    const wanted = twins.floatKey(node.id);
    const { nodes, at } = twins.part(frontier.keys, [value, wanted]);
    const every = this.spacing(node.shape.h * node.shape.w, SAMPLE);
    const search = this.open(
      () => new (addon().ClipSearch)({ nodes, outputs: [], value: at(value), wanted: at(wanted), every }),
    );
    try {
      await this.stream(search);
      const shared = this.shared.has(node.id);
      const most = Math.min(node.max, 3e38);
      const choice = await this.named(node, (abort) => search.search({ levels, shift, shared, most, threads, abort }));
      const clips = shared ? choice.clips.slice(0, 1) : choice.clips;
      this.clips.set(node.id, clips);
      twins.quantized[node.id] = withQuantizedActivations(this.network, levels, shift, () => clips).nodes[node.id]!;
      const total = (values: Float64Array) => values.reduce((sum, v) => sum + v, 0);
      const count = choice.sampled * node.shape.c;
      this.layers.push({
        kind: 'activation',
        name: node.name,
        error: Math.sqrt(Math.max(0, total(choice.error)) / total(choice.energy)),
        smallestClip: Math.min(...clips),
        largestClip: Math.max(...clips),
        shareZero: total(choice.zero) / count,
        shareTop: total(choice.top) / count,
      });
    } finally {
      search.dispose();
    }
  }

  private open<T>(make: () => T): T {
    try {
      return make();
    } catch (error) {
      throw toCascError(error);
    }
  }

  private async stream(work: {
    add(
      inputs: Float32Array[],
      images: number,
      options: { threads: number; first: number; abort?: Parameters<Parameters<typeof abortable>[1]>[0] },
    ): Promise<void>;
  }): Promise<void> {
    for await (const batch of this.frontier.batches() as AsyncIterable<StreamedBatch>) {
      await abortable(this.options.signal, (abort) =>
        work.add(batch.inputs, batch.count, { threads: this.threads, first: batch.first, abort }),
      );
    }
  }

  /** Native code knows no node: its errors get the name here. */
  private async named<T>(node: NetworkNode, call: Parameters<typeof abortable<T>>[1]): Promise<T> {
    try {
      return await abortable(this.options.signal, call);
    } catch (error) {
      if (!(error instanceof CascError && error.code === 'ERR_CASC_CALIBRATION')) throw error;
      throw new CascError(
        error.code,
        `${node.name} ${error.message}; use more or other images, or check the input scaling and the weights`,
        { node: node.name },
        { cause: error },
      );
    }
  }

  /** Every so-many-th position, so that about `rows` of all images remain. */
  private spacing(plane: number, rows: number): number {
    return Math.max(1, Math.floor((plane * this.calibration.size) / rows));
  }
}

function corrected(node: ConvNode, { weight, bias }: Correction): ConvNode {
  const { c, h, w } = node.shape;
  const old = node.bias ?? new Float32Array(c);
  const row = old.length === c ? 1 : h * w;
  return {
    ...node,
    weight: node.weight.map((v, i) => v + weight[i]!),
    bias: old.map((v, i) => v + bias[Math.floor(i / row)]!),
  };
}

function activationOf(network: Network, id: number): ReluNode | undefined {
  const readers = network.nodes.filter((node) => node.inputs.includes(id));
  const [only] = readers;
  return readers.length === 1 && only!.op === 'relu' && !only!.tail ? only : undefined;
}
