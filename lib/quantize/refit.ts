/**
 * Closed-form reconstruction: layer after layer, the weights and bias of each convolution are fitted by least squares, so that
 * the quantised net, as it is up to there, computes what the fp32 net does; then the clip values of the activation behind are
 * chosen on the result.
 */
import type { Dataset } from '../datasets';
import { CascError } from '../errors';
import type { ConvNode, Network, NetworkNode, ReluNode } from '../graph/network';
import { type ClipValues, quantizedActivation, sharedClips, withQuantizedActivations } from '../graph/quantized';
import { phasesOf } from '../graph/split';
import {
  abortable,
  addon,
  type Correction,
  type NativeRegression,
  type PlanFormat,
  type RegressionDescription,
  toCascError,
} from '../native';
import { Frontier, type StreamedBatch } from './frontier';
import { LARGEST } from './limit';
import { type RoundingGroup, reachOf, roundingGroups, unitsOf } from './rounding-groups';
import { activationOf, isPooled, targetOf } from './targets';
import { Twins } from './twins';
import { LEAST_STEP, neuronGrid, readoutGrid, rowsOf, type WeighedInput } from './weight-grid';

export interface RefitOptions {
  /** Q. */
  levels: number;
  /** φ. */
  shift: number;
  /** int8 and int16: weights are rounded as the file will have them, so that later layers make up for it. */
  format: PlanFormat;
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

/** Steps for what the activation behind lets through, after the first. */
const ROUNDS = 2;
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
  private readonly groups: readonly RoundingGroup[];
  /** Of the convolution in hand, and of those that are still to be rounded. */
  private readonly regressions = new Map<number, NativeRegression>();
  private readonly ridges = new Map<number, number>();

  constructor(
    private readonly network: Network,
    private readonly calibration: Dataset,
    private readonly options: RefitOptions,
  ) {
    this.threads = options.threads ?? addon().info().threads;
    this.shared = sharedClips(network);
    this.twins = new Twins(network);
    const { levels, shift } = options;
    const quantized = withQuantizedActivations(network, levels, shift, () => Float64Array.of(1));
    this.groups =
      options.format === 'float32'
        ? []
        : roundingGroups(
            quantized,
            network.nodes.filter(({ tail }) => !tail).map(({ id }) => id),
          );
    this.frontier = new Frontier(this.twins, network, calibration, {
      threads: this.threads,
      signal: options.signal,
    });
  }

  async run(): Promise<RefitResult> {
    const steps = this.network.nodes.filter(
      (node): node is ConvNode | ReluNode => (node.op === 'conv' || node.op === 'relu') && !node.tail,
    );
    try {
      for (const [done, node] of steps.entries()) {
        await this.frontier.advance(node.id);
        if (node.op === 'conv') await this.convolution(node);
        else await this.activation(node);
        this.options.onProgress?.(done + 1, steps.length);
      }
    } finally {
      for (const regression of this.regressions.values()) regression.dispose();
    }
    const nodes = this.network.nodes.map((node): NetworkNode => this.convolutions.get(node.id) ?? node);
    return { network: { ...this.network, nodes }, clips: this.clips, layers: this.layers };
  }

  private async convolution(node: ConvNode): Promise<void> {
    const target = targetOf(this.network, node.id);
    const linear = this.problem(node, target);
    const regression = this.open(() => new (addon().Regression)(linear));
    this.regressions.set(node.id, regression);
    const first = await this.step(node, regression);
    const relu = activationOf(this.network, target);
    for (let round = 0; relu && round < ROUNDS; round++) {
      this.open(() => regression.restart(this.problem(node, target, relu)));
      await this.step(this.convolutions.get(node.id)!, regression);
    }
    const { before, after, target: size, ridge } = first;
    const group = this.groups.find(({ convs }) => convs.includes(node.id));
    if (group) this.ridges.set(node.id, ridge);
    else this.close(node);
    if (group?.quant === null) await this.roundGroup(group, null);
    const relative = (error: number) => (size > 0 ? Math.sqrt(Math.max(0, error) / size) : 0);
    this.layers.push({
      kind: 'convolution',
      name: node.name,
      errorBefore: relative(before),
      errorAfter: relative(after),
    });
  }

  /** The convolution's least-squares correction for what the quantised net lacks; it is made. */
  private async step(node: ConvNode, regression: NativeRegression): Promise<Correction> {
    await this.stream(regression);
    const { threads } = this;
    const correction = await this.named(node, (abort) => regression.solve({ threads, abort }));
    this.keep(corrected(node, correction));
    return correction;
  }

  /**
   * What the quantised net lacks at the target. With `relu` what it lacks behind that activation: there errors below zero do not
   * count. As that has no steeper slope than 1, the correction of its error lowers it too.
   */
  private problem(node: ConvNode, target: number, relu?: ReluNode): RegressionDescription {
    const { twins } = this;
    const { nodes, at } = twins.part(this.frontier.keys, [twins.floatKey(target), twins.quantizedKey(target)]);
    const { shape } = node;
    const labels = { name: node.name, tensor: '', onnx: [], tail: false, shape };
    const push = (make: (base: { id: number; inputs: number[] } & typeof labels) => NetworkNode, inputs: number[]) =>
      nodes.push(make({ ...labels, id: nodes.length, inputs })) - 1;
    const behind = (value: number) => (relu ? push((base) => ({ ...relu, ...base }), [value]) : value);
    const wanted = behind(at(twins.floatKey(target)));
    const factor = new Float32Array(shape.c).fill(-1);
    const negated = push(
      (base) => ({ ...base, op: 'scale', factor, shift: null }),
      [behind(at(twins.quantizedKey(target)))],
    );
    const residual = push((base) => ({ ...base, op: 'add' }), [wanted, negated]);
    const unknowns = node.weight.length / shape.c + 1;
    const every = this.spacing(shape.h * shape.w, Math.max(LEAST_ROWS, ROWS_PER_UNKNOWN * unknowns));
    return { nodes, outputs: [], conv: at(twins.quantizedKey(node.id)), residual, target: wanted, every };
  }

  private close({ id }: ConvNode): void {
    this.regressions.get(id)?.dispose();
    this.regressions.delete(id);
  }

  /** Rounds the convolutions that meet at an activation with these steps, or (null) are a readout. */
  private async roundGroup({ convs }: RoundingGroup, steps: Float64Array | null): Promise<void> {
    const { levels, format } = this.options;
    const inputs = convs.map((id) => this.weighedInput(id));
    const rows = rowsOf(inputs, levels);
    const most = LARGEST[format];
    const grid = steps ? neuronGrid(rows, steps, levels, most) : readoutGrid(rows, most);
    for (const { conv, units } of inputs) {
      const regression = this.regressions.get(conv.id)!;
      try {
        // A map over positions is rounded when it is written.
        const isMap = conv.bias!.length !== conv.shape.c;
        const bias = isMap ? new Float32Array(conv.shape.c) : conv.bias!;
        const rounded = await this.named(conv, (abort) =>
          regression.round({
            ...grid,
            units,
            weight: conv.weight,
            bias,
            most,
            biasSteps: levels,
            ridge: this.ridges.get(conv.id)!,
            threads: this.threads,
            abort,
          }),
        );
        this.keep({ ...conv, ...rounded, ...(isMap ? { bias: conv.bias } : {}) });
      } finally {
        this.close(conv);
      }
    }
  }

  private weighedInput(id: number): WeighedInput {
    const conv = this.convolutions.get(id)!;
    const { levels } = this.options;
    const sofar = { ...this.network, nodes: this.twins.quantized };
    const source = conv.inputs[0]!;
    return { conv, units: unitsOf(sofar, source, levels), reach: reachOf(sofar, source, levels) };
  }

  private keep(node: ConvNode): void {
    this.convolutions.set(node.id, node);
    this.twins.quantized[node.id] = node;
  }

  private async activation(node: ReluNode): Promise<void> {
    const { twins, frontier, threads } = this;
    const { levels, shift } = this.options;
    const value = twins.quantizedKey(node.inputs[0]!);
    const wanted = twins.floatKey(node.id);
    const { nodes, at } = twins.part(frontier.keys, [value, wanted]);
    const every = this.spacing(node.shape.h * node.shape.w, SAMPLE);
    const search = this.open(
      () =>
        new (addon().ClipSearch)({
          ...{ nodes, outputs: [], value: at(value), wanted: at(wanted), every },
          pooled: isPooled(this.network, node),
        }),
    );
    try {
      await this.stream(search);
      const shared = this.shared.has(node.id);
      const most = Math.min(node.max, 3e38);
      const choose = (times: number) =>
        this.named(node, (abort) => search.search({ levels: times * levels, shift, shared, most, threads, abort }));
      const choice = await choose(1);
      // Copies of a channel have the levels of all of them between them.
      const phases = node.copies && phasesOf(node.copies, shift);
      for (const times of new Set(phases?.map(({ among }) => among))) {
        if (times === 1) continue;
        const { clips, error } = await choose(times);
        phases!.forEach(({ among }, c) => {
          if (among !== times) return;
          choice.clips[c] = clips[c]!;
          choice.error[c] = error[c]!;
        });
      }
      const clips = shared ? choice.clips.slice(0, 1) : choice.clips;
      const group = this.groups.find(({ quant }) => quant === node.id);
      if (group && !shared) this.leaveRoom(group, clips, node);
      this.clips.set(node.id, clips);
      twins.quantized[node.id] = quantizedActivation(node, levels, shift, clips);
      if (group)
        await this.roundGroup(
          group,
          clips.map((clip) => clip / levels),
        );
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

  /** As raiseClips does it when all is done, and a little more: weights rounded on this K are not to raise the clip again. */
  private leaveRoom({ convs }: RoundingGroup, clips: Float64Array, { max }: ReluNode): void {
    const { levels } = this.options;
    const rows = rowsOf(
      convs.map((id) => this.weighedInput(id)),
      levels,
    );
    for (let c = 0; c < clips.length; c++) {
      const least = Math.min(max, 1.00001 * LEAST_STEP * rows.largest(c) * levels);
      clips[c] = Math.fround(Math.max(clips[c]!, least));
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
