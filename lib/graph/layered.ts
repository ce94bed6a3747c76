/**
 * The layered form of a network: what a spiking network consists of. A layer carries a plane of values (spikes, or graded
 * values); between planes there is only linear algebra, gathered into the terms of the layer that receives it. The
 * fixed-point stage, the ONNX writer and the plan of the native engine all start from this form.
 */
import { CascError } from '../errors';
import { addBias, composeConv, type LinearTerm, scaleTerm, type Values } from './compose';
import type { AvgPoolNode, ConvNode, InputGrid, MaxPoolNode, Network, NetworkNode, Shape, Window } from './network';
import { numel } from './network';

export type { LinearTerm } from './compose';

interface LayerBase {
  /** Name of the network node whose value the layer carries; what errors and tables show. */
  readonly name: string;
  /** ONNX tensor that holds the value in the file the network came from. */
  readonly tensor: string;
  readonly shape: Shape;
}

export interface InputLayer extends LayerBase {
  readonly kind: 'input';
  readonly grid: InputGrid | null;
}

/** Quantised activation of Σ terms + bias: stepOut · clip(floor((z + offset) / stepIn), 0, levels), per channel. */
export interface NeuronLayer extends LayerBase {
  readonly kind: 'neuron';
  readonly terms: readonly LinearTerm[];
  /** Length C or C·H·W. */
  readonly bias: Values;
  readonly levels: number;
  readonly stepIn: Values;
  readonly offset: Values;
  readonly stepOut: Values;
  readonly tiesToEven: boolean;
}

/** Σ terms + bias, without a neuron: a graded plane, or a readout. */
export interface LinearLayer extends LayerBase {
  readonly kind: 'linear';
  readonly terms: readonly LinearTerm[];
  readonly bias: Values;
  readonly readout: boolean;
}

export interface MaxPoolLayer extends LayerBase {
  readonly kind: 'maxpool';
  readonly source: number;
  readonly window: Window;
}

/** out[i] = concat(sources)[index[i]], 0 where −1. */
export interface RelayLayer extends LayerBase {
  readonly kind: 'relay';
  readonly sources: readonly number[];
  readonly index: Int32Array;
}

export type Layer = InputLayer | NeuronLayer | LinearLayer | MaxPoolLayer | RelayLayer;

export interface LayeredNetwork {
  readonly network: Network;
  readonly layers: readonly Layer[];
  /** Network node id → index of the readout layer that carries it: what the tail or the outputs read. */
  readonly readouts: ReadonlyMap<number, number>;
  /** Q, the same for all neuron layers. */
  readonly levels: number;
}

/** A network value on its way: a plane that a layer carries, or an expression not yet received by one. */
type Value = { plane: number } | { terms: readonly LinearTerm[]; bias: Values };

/**
 * Gathers a quantised network into layers.
 * Throws ERR_CASC_NOT_QUANTIZED at the first plain ReLU, ERR_CASC_UNSUPPORTED (naming the node) where something analogue
 * would stay in the middle of the net.
 */
export function toLayers(network: Network): LayeredNetwork {
  return new Gatherer(network).run();
}

class Gatherer {
  private readonly layers: Layer[] = [];
  private readonly values = new Map<number, Value>();
  /** Graded planes of expressions, for the readers that need one; the others go on with the expression. */
  private readonly graded = new Map<number, number>();
  private readonly readouts = new Map<number, number>();
  private levels: { count: number; name: string } | undefined;

  constructor(private readonly network: Network) {}

  run(): LayeredNetwork {
    const wanted = this.readoutNodes();
    for (const node of this.network.nodes) {
      if (node.tail) continue;
      this.values.set(node.id, this.visit(node));
      if (wanted.has(node.id)) this.readouts.set(node.id, this.readout(node));
    }
    if (!this.levels) {
      throw new CascError(
        'ERR_CASC_NOT_QUANTIZED',
        `${this.network.file}: the net has no quantised activation, so there is nothing that could spike`,
        { file: this.network.file },
      );
    }
    return { network: this.network, layers: this.layers, readouts: this.readouts, levels: this.levels.count };
  }

  /** Values that leave the spiking part: outputs of the net, and what the analogue tail reads. */
  private readoutNodes(): Set<number> {
    const wanted = new Set<number>();
    const node = (id: number) => this.network.nodes[id]!;
    for (const output of this.network.outputs) if (!node(output.node).tail) wanted.add(output.node);
    for (const reader of this.network.nodes) {
      if (reader.tail) for (const id of reader.inputs) if (!node(id).tail) wanted.add(id);
    }
    return wanted;
  }

  private visit(node: NetworkNode): Value {
    switch (node.op) {
      case 'input':
        return this.push({ kind: 'input', ...labels(node), grid: node.grid });
      case 'conv':
        return this.conv(node);
      case 'scale': {
        const x = this.expression(node.inputs[0]!);
        const factor = Float64Array.from(node.factor);
        const shift = node.shift ? Float64Array.from(node.shift) : new Float64Array(node.shape.c);
        const scaled = Float64Array.from(x.bias, (b, i) => b * factor[channelOf(i, x.bias.length, node.shape)]!);
        return {
          terms: x.terms.map((term) => scaleTerm(term, factor)),
          bias: addBias(scaled, shift, node.shape),
        };
      }
      case 'add': {
        const parts = node.inputs.map((id) => this.expression(id));
        return {
          terms: mergeShortcuts(parts.flatMap((part) => part.terms)),
          bias: parts.map((part) => part.bias).reduce((sum, bias) => addBias(sum, bias, node.shape)),
        };
      }
      case 'avgpool':
        return isSampling(node) ? this.conv(asConvolution(node)) : this.average(node, Float64Array.from(node.factor));
      case 'maxpool':
        return this.maxpool(node);
      case 'route': {
        const sources = node.inputs.map((id) => this.plane(id));
        return this.push({ kind: 'relay', ...labels(node), sources, index: node.index });
      }
      case 'quant': {
        this.agreeOnLevels(node.levels, node.name);
        const x = this.expression(node.inputs[0]!);
        const perChannel = (values: Float64Array) =>
          values.length === 1 ? new Float64Array(node.shape.c).fill(values[0]!) : values;
        return this.push({
          kind: 'neuron',
          ...labels(node),
          terms: x.terms,
          bias: x.bias,
          levels: node.levels,
          stepIn: perChannel(node.stepIn),
          offset: perChannel(node.offset),
          stepOut: perChannel(node.stepOut),
          tiesToEven: node.tiesToEven,
        });
      }
      case 'relu':
        throw new CascError(
          'ERR_CASC_NOT_QUANTIZED',
          `${this.network.file}: the activation ${node.name} is not quantised. Quantise the net first: casc quantize ${this.network.file} -o quantized.onnx --levels 8 --calibration <data>`,
          { file: this.network.file, node: node.name },
        );
      case 'unary':
      case 'softmax':
        throw this.refuse(
          node,
          `${node.op} in the middle of the net stays analogue; only after the last neuron can it`,
        );
    }
  }

  /** A plane of its own: its sums go on as graded values, their common denominator into the next layer's unit. */
  private average(node: AvgPoolNode | ConvNode, factor: Values): { plane: number } {
    const source = this.plane(node.inputs[0]!);
    const terms: LinearTerm[] = [{ op: 'avgpool', source, window: node.window, factor }];
    return this.push({ kind: 'linear', ...labels(node), terms, bias: new Float64Array(node.shape.c), readout: false });
  }

  private conv(node: ConvNode): Value {
    const shape = node.shape;
    const outer = {
      weight: Float64Array.from(node.weight),
      window: node.window,
      groups: node.groups,
      shape,
      inputShape: this.network.nodes[node.inputs[0]!]!.shape,
    };
    const bias = node.bias ? Float64Array.from(node.bias) : new Float64Array(shape.c);
    const gain = windowGain(node);
    if (gain) {
      const { plane } = this.average(node, new Float64Array(shape.h * shape.w).fill(1));
      return { terms: [{ op: 'scale', source: plane, factor: gain }], bias };
    }
    const x = this.values.get(node.inputs[0]!)!;
    if (!('plane' in x)) {
      const composed = composeConv(outer, x.terms, x.bias);
      if (composed) return { terms: composed.terms, bias: addBias(composed.bias, bias, shape) };
    }
    const source = this.plane(node.inputs[0]!);
    return {
      terms: [{ op: 'conv', source, weight: outer.weight, window: node.window, groups: node.groups }],
      bias,
    };
  }

  private maxpool(node: MaxPoolNode): Value {
    const source = this.values.get(node.inputs[0]!)!;
    if (!('plane' in source) || !this.carriesSpikes(source.plane)) {
      throw this.refuse(
        node,
        'its input is not made of spikes (a max-pool must follow an activation, directly or through other pools, Concat, Slice or Pad)',
      );
    }
    return this.push({ kind: 'maxpool', ...labels(node), source: source.plane, window: node.window });
  }

  private carriesSpikes(index: number): boolean {
    const layer = this.layers[index]!;
    if (layer.kind === 'relay') return layer.sources.every((source) => this.carriesSpikes(source));
    return layer.kind === 'neuron' || layer.kind === 'maxpool';
  }

  /** The layer that carries the value of `id`; an expression becomes a graded layer of its own. */
  private plane(id: number): number {
    const value = this.values.get(id)!;
    if ('plane' in value) return value.plane;
    let made = this.graded.get(id);
    if (made === undefined) {
      const { terms, bias } = value;
      made = this.push({ kind: 'linear', ...labels(this.network.nodes[id]!), terms, bias, readout: false }).plane;
      this.graded.set(id, made);
    }
    return made;
  }

  private expression(id: number): { terms: readonly LinearTerm[]; bias: Values } {
    const value = this.values.get(id)!;
    if (!('plane' in value)) return value;
    const { c } = this.network.nodes[id]!.shape;
    return {
      terms: [{ op: 'scale', source: value.plane, factor: new Float64Array(c).fill(1) }],
      bias: new Float64Array(c),
    };
  }

  private readout(node: NetworkNode): number {
    const { terms, bias } = this.expression(node.id);
    return this.push({ kind: 'linear', ...labels(node), terms, bias, readout: true }).plane;
  }

  private push(layer: Layer): { plane: number } {
    this.layers.push(layer);
    return { plane: this.layers.length - 1 };
  }

  private agreeOnLevels(count: number, name: string): void {
    this.levels ??= { count, name };
    if (this.levels.count !== count) {
      throw new CascError(
        'ERR_CASC_UNSUPPORTED',
        `${this.network.file}: ${name} has ${count} levels but ${this.levels.name} has ${this.levels.count}; all activations need the same number, since every layer runs the same awake steps. Train or quantise them with one number of levels`,
        { file: this.network.file, node: name },
      );
    }
  }

  private refuse(node: NetworkNode, reason: string): CascError {
    return new CascError('ERR_CASC_UNSUPPORTED', `${this.network.file}: ${node.name} cannot be converted: ${reason}`, {
      file: this.network.file,
      node: node.name,
    });
  }
}

function labels(node: NetworkNode): LayerBase {
  return { name: node.name, tensor: node.tensor, shape: node.shape };
}

/** A mean over one element only picks it: no sum, so no plane of its own. */
function isSampling({ window, factor }: AvgPoolNode): boolean {
  return window.kernel[0] * window.kernel[1] === 1 && factor.every((f) => f === factor[0]);
}

function asConvolution({ factor, ...node }: AvgPoolNode): ConvNode {
  const { c } = node.shape;
  return { ...node, op: 'conv', weight: new Float32Array(c).fill(factor[0]!), bias: null, groups: c };
}

/**
 * A depthwise convolution with one weight throughout each channel is a sum over windows times that weight: how we write an
 * average pool in integers, with the factor of what reads it folded in. Undefined where it is none.
 */
function windowGain({ weight, window, groups, shape }: ConvNode): Values | undefined {
  const taps = window.kernel[0] * window.kernel[1];
  if (taps === 1 || groups !== shape.c || weight.length !== shape.c * taps || !weight.some(Boolean)) return undefined;
  if (weight.some((w, i) => w !== weight[i - (i % taps)])) return undefined;
  return Float64Array.from({ length: shape.c }, (_, c) => weight[c * taps]!);
}

/** Channel of element i of a bias of length C or C·H·W. */
export function channelOf(i: number, length: number, shape: Shape): number {
  return length === shape.c ? i : Math.floor(i / (numel(shape) / shape.c));
}

/** Shortcuts from one source are one shortcut: x + x = 2x. */
function mergeShortcuts(terms: readonly LinearTerm[]): LinearTerm[] {
  const merged: LinearTerm[] = [];
  for (const term of terms) {
    const twin = term.op === 'scale' ? merged.findIndex((t) => t.op === 'scale' && t.source === term.source) : -1;
    const other = merged[twin];
    if (term.op === 'scale' && other?.op === 'scale') {
      merged[twin] = { ...other, factor: Float64Array.from(other.factor, (f, c) => f + term.factor[c]!) };
    } else merged.push(term);
  }
  return merged;
}
