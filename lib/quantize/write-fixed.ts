/**
 * A fixed-point network as an ordinary ONNX file: integer-valued weights, levels 0..Q between layers, each activation
 * Add(⌊φK⌋) → Div(K) → Floor → Clip(0, Q). All values are sums over Q steps, so biases are Q times those of a step.
 * Any runtime that sums in plain float32 executes it as the quantised ANN, exactly.
 */
import type { LinearTerm } from '../graph/compose';
import type { Layer, LinearLayer, MaxPoolLayer, NeuronLayer, RelayLayer } from '../graph/layered';
import type { NetworkNode, Shape, Window } from '../graph/network';
import { numel } from '../graph/network';
import { type AttributeValue, makeModel, makeNode, makeTensor, type OnnxModel, valueInfo } from '../onnx';
import type { FixedNetwork } from './fixed-point';

type Attributes = Record<string, AttributeValue>;

/** The model; `metadata` become its metadata_props. */
export function writeFixedPoint(fixed: FixedNetwork, metadata: Readonly<Record<string, string>>): OnnxModel {
  return new Writer(fixed).write(metadata);
}

/** Real value of one unit of each readout, in order. */
export function readoutUnits(fixed: FixedNetwork): number[] {
  return [...fixed.source.readouts.values()].sort((a, b) => a - b).map((index) => fixed.units[index]![0]!);
}

class Writer {
  private readonly nodes: ReturnType<typeof makeNode>[] = [];
  private readonly initializers: ReturnType<typeof makeTensor>[] = [];
  private readonly used = new Set<string>();
  /** Tensor that carries each layer's plane. */
  private readonly planes: string[] = [];
  /** Tensor of each network node that the tail reads or makes. */
  private readonly values = new Map<number, string>();

  constructor(private readonly fixed: FixedNetwork) {}

  write(metadata: Readonly<Record<string, string>>): OnnxModel {
    const { network, readouts } = this.fixed.source;
    this.used.add(network.inputName);
    for (const { name } of network.outputs) this.used.add(name);
    for (const [index, layer] of this.fixed.layers.entries()) this.planes.push(this.layer(layer, index));
    for (const [node, layer] of readouts) this.values.set(node, this.planes[layer]!);
    for (const node of network.nodes) if (node.tail) this.values.set(node.id, this.tailNode(node));
    for (const { node, name, dims } of network.outputs) {
      const shape = this.int64s(`${name}/shape`, [-1, ...dims]);
      this.nodes.push(makeNode('Reshape', [this.values.get(node)!, shape], [name], {}, `Reshape:${name}`));
    }
    return makeModel({
      nodes: this.nodes,
      inputs: [valueInfo(network.inputName, ['N', ...network.inputDims])],
      outputs: network.outputs.map(({ name, dims }) => valueInfo(name, ['N', ...dims])),
      initializers: this.initializers,
      opset: 13,
      name: 'casc',
      metadata,
    });
  }

  private layer(layer: Layer, index: number): string {
    switch (layer.kind) {
      case 'input': {
        const { network } = this.fixed.source;
        const { step, lo, hi } = layer.grid!;
        // Rounding comes first: only right behind the input is it the input's grid.
        let x = this.emit('Div', [network.inputName, this.scalar('input/step', step)], 'input/div');
        x = this.emit('Round', [x], 'input/round');
        x = this.emit('Clip', [x, this.scalar('input/lo', lo), this.scalar('input/hi', hi)], 'input/grid');
        x = this.emit('Mul', [x, this.scalar('input/steps', this.fixed.levels)], 'input/sum');
        return sameDims(network.inputDims, layer.shape) ? x : this.reshape(x, layer.shape, 'input');
      }
      case 'neuron':
        return this.neuron(layer);
      case 'linear':
        return this.linear(layer, index);
      case 'maxpool':
        return this.maxpool(layer);
      case 'relay':
        return this.relay(layer);
    }
  }

  private neuron(layer: NeuronLayer): string {
    const { name, shape, levels } = layer;
    let z = this.sum(layer, name);
    if (layer.offset.some((offset) => offset !== 0)) {
      z = this.emit('Add', [z, this.perChannel(`${name}/start`, layer.offset, shape)], `${name}/shifted`);
    }
    z = this.emit('Div', [z, this.perChannel(`${name}/threshold`, layer.stepIn, shape)], `${name}/div`);
    z = this.emit('Floor', [z], `${name}/floor`);
    const zero = this.scalar(`${name}/zero`, 0);
    return this.emit('Clip', [z, zero, this.scalar(`${name}/levels`, levels)], tensorOf(layer));
  }

  private linear(layer: LinearLayer, index: number): string {
    const sum = this.sum(layer, layer.name);
    if (!layer.readout) return sum;
    // The readout leaves the integers: one unit for all its elements.
    const unit = this.fixed.units[index]![0]!;
    return this.emit('Mul', [sum, this.scalar(`${layer.name}/unit`, unit)], tensorOf(layer));
  }

  /** Σ terms + Q·bias. A bias per channel goes into the first convolution. */
  private sum(layer: NeuronLayer | LinearLayer, name: string): string {
    const { shape } = layer;
    const bias = layer.bias.map((b) => b * this.fixed.levels);
    let open = bias.some((b) => b !== 0);
    const parts = layer.terms.map((term, t) => {
      const label = layer.terms.length > 1 ? `${name}/${t}` : name;
      const takesBias = open && term.op === 'conv' && bias.length === shape.c;
      if (takesBias) open = false;
      return this.term(term, label, shape, takesBias ? bias : undefined);
    });
    let sum = parts[0] ?? this.fail(`${name} reads nothing`);
    parts.slice(1).forEach((part, i) => {
      sum = this.emit('Add', [sum, part], `${name}/sum${i}`);
    });
    if (open) {
      sum = this.emit('Add', [sum, this.shift(`${name}/bias`, bias, shape)], `${name}/biased`);
    }
    return sum;
  }

  private term(term: LinearTerm, name: string, shape: Shape, bias: Float64Array | undefined): string {
    const source = this.planes[term.source]!;
    const inShape = this.fixed.layers[term.source]!.shape;
    if (term.op === 'conv') {
      const weight = this.tensor(
        `${name}/weight`,
        [shape.c, inShape.c / term.groups, ...term.window.kernel],
        term.weight,
      );
      const inputs = [source, weight, ...(bias ? [this.tensor(`${name}/bias`, [shape.c], bias)] : [])];
      return this.emit('Conv', inputs, `${name}/conv`, { ...windowOf(term.window), group: term.groups });
    }
    if (term.op === 'scale') {
      if (term.factor.every((f) => f === 1)) return source;
      return this.emit('Mul', [source, this.perChannel(`${name}/factor`, term.factor, shape)], `${name}/scaled`);
    }
    // A sum over a window is a depthwise convolution with ones; where windows are cut off at the border each position
    // has its multiple of the common denominator.
    const ones = this.tensor(
      `${name}/ones`,
      [shape.c, 1, ...term.window.kernel],
      new Float64Array(shape.c * term.window.kernel[0] * term.window.kernel[1]).fill(1),
    );
    const sum = this.emit('Conv', [source, ones], `${name}/window`, { ...windowOf(term.window), group: shape.c });
    if (term.factor.every((f) => f === 1)) return sum;
    return this.emit(
      'Mul',
      [sum, this.tensor(`${name}/multiplier`, [1, 1, shape.h, shape.w], term.factor)],
      `${name}/multiplied`,
    );
  }

  private maxpool(layer: MaxPoolLayer): string {
    const { dilations, ...rest } = windowOf(layer.window);
    const attributes: Attributes = layer.window.dilations.some((d) => d !== 1)
      ? { ...rest, dilations: dilations! }
      : rest;
    return this.emit('MaxPool', [this.planes[layer.source]!], tensorOf(layer), attributes);
  }

  private relay(layer: RelayLayer): string {
    const shapes = layer.sources.map((source) => this.fixed.layers[source]!.shape);
    const sources = layer.sources.map((source) => this.planes[source]!);
    return this.route(layer.name, tensorOf(layer), sources, shapes, layer.shape, layer.index);
  }

  /** out[i] = concat(sources)[index[i]], 0 where −1: as Concat, as a Gather of channels, or as a Gather of elements. */
  private route(
    name: string,
    output: string,
    sources: readonly string[],
    shapes: readonly Shape[],
    shape: Shape,
    index: Int32Array,
  ): string {
    const { h, w } = shape;
    const plane = h * w;
    if (shapes.every((s) => s.h === h && s.w === w)) {
      const channels = wholeChannels(index, plane);
      if (channels) {
        const total = shapes.reduce((sum, s) => sum + s.c, 0);
        const inOrder = channels.length === total && channels.every((c, i) => c === i);
        if (inOrder && sources.length > 1) return this.emit('Concat', sources, output, { axis: 1 });
        const joined = sources.length > 1 ? this.emit('Concat', sources, `${name}/joined`, { axis: 1 }) : sources[0]!;
        return this.emit('Gather', [joined, this.int32s(`${name}/channels`, channels)], output, { axis: 1 });
      }
    }
    const flat = sources.map((source, i) =>
      this.emit('Reshape', [source, this.int64s(`${name}/flat`, [-1, numel(shapes[i]!)])], `${name}/flat${i}`),
    );
    let joined = flat.length > 1 ? this.emit('Concat', flat, `${name}/joined`, { axis: 1 }) : flat[0]!;
    const total = shapes.reduce((sum, s) => sum + numel(s), 0);
    if (index.some((i) => i < 0)) {
      joined = this.emit('Pad', [joined, this.int64s(`${name}/zero`, [0, 0, 0, 1])], `${name}/padded`);
    }
    const elements = Array.from(index, (i) => (i < 0 ? total : i));
    const taken = this.emit('Gather', [joined, this.int32s(`${name}/elements`, elements)], `${name}/taken`, {
      axis: 1,
    });
    return this.reshape(taken, shape, name, output);
  }

  private tailNode(node: NetworkNode): string {
    const inputs = node.inputs.map((id) => this.values.get(id)!);
    const shapes = node.inputs.map((id) => this.fixed.source.network.nodes[id]!.shape);
    const { name, shape } = node;
    const tensor = tensorOf(node);
    switch (node.op) {
      case 'unary': {
        if (node.kind !== 'relu') return this.emit(node.kind[0]!.toUpperCase() + node.kind.slice(1), inputs, tensor);
        // Read back, a Relu would be a neuron. (x + |x|) / 2 is the same number.
        const size = this.emit('Abs', inputs, `${name}/size`);
        const twice = this.emit('Add', [inputs[0]!, size], `${name}/twice`);
        return this.emit('Mul', [twice, this.scalar(`${name}/half`, 0.5)], tensor);
      }
      case 'softmax': {
        const { outer, length, inner } = node;
        const split = this.emit(
          'Reshape',
          [inputs[0]!, this.int64s(`${name}/split`, [-1, outer, length, inner])],
          `${name}/rows`,
        );
        const soft = this.emit(node.log ? 'LogSoftmax' : 'Softmax', [split], `${name}/soft`, { axis: 2 });
        return this.reshape(soft, shape, name, tensor);
      }
      case 'route':
        return this.route(name, tensor, inputs, shapes, shape, node.index);
      case 'scale': {
        const scaled = this.emit(
          'Mul',
          [inputs[0]!, this.perChannel(`${name}/factor`, Float64Array.from(node.factor), shape)],
          node.shift ? `${name}/scaled` : tensor,
        );
        if (!node.shift) return scaled;
        return this.emit('Add', [scaled, this.shift(`${name}/shift`, Float64Array.from(node.shift), shape)], tensor);
      }
      case 'add': {
        let sum = inputs[0]!;
        inputs.slice(1).forEach((input, i) => {
          sum = this.emit('Add', [sum, input], i === inputs.length - 2 ? tensor : `${name}/sum${i}`);
        });
        return sum;
      }
      default:
        return this.fail(`${name} (${node.op}) in the tail cannot be written`);
    }
  }

  private reshape(input: string, shape: Shape, name: string, output = `${name}/shaped`): string {
    return this.emit('Reshape', [input, this.int64s(`${name}/shape`, [-1, shape.c, shape.h, shape.w])], output);
  }

  private emit(opType: string, inputs: readonly string[], wanted: string, attributes: Attributes = {}): string {
    const output = this.unique(wanted);
    this.nodes.push(makeNode(opType, inputs, [output], attributes, `${opType}:${output}`));
    return output;
  }

  private unique(wanted: string): string {
    let name = wanted;
    for (let i = 2; this.used.has(name); i++) name = `${wanted}#${i}`;
    this.used.add(name);
    return name;
  }

  private tensor(name: string, dims: readonly number[], values: Float64Array): string {
    const unique = this.unique(name);
    this.initializers.push(makeTensor(unique, dims, values));
    return unique;
  }

  private scalar(name: string, value: number): string {
    return this.tensor(name, [], Float64Array.of(value));
  }

  private perChannel(name: string, values: Float64Array, shape: Shape): string {
    return this.tensor(name, [1, shape.c, 1, 1], values);
  }

  /** Length C, or C·H·W. */
  private shift(name: string, values: Float64Array, shape: Shape): string {
    if (values.length === shape.c) return this.perChannel(name, values, shape);
    return this.tensor(name, [1, shape.c, shape.h, shape.w], values);
  }

  private int64s(name: string, values: readonly number[]): string {
    const unique = this.unique(name);
    this.initializers.push(makeTensor(unique, [values.length], values, 'int64'));
    return unique;
  }

  private int32s(name: string, values: readonly number[]): string {
    const unique = this.unique(name);
    this.initializers.push(makeTensor(unique, [values.length], values, 'int32'));
    return unique;
  }

  private fail(what: string): never {
    throw new Error(`${this.fixed.source.network.file}: ${what}`);
  }
}

/** What the import made itself (an activation before its max-pool, the parts of a clip) has no tensor in the original file. */
function tensorOf({ name, tensor }: { name: string; tensor: string }): string {
  return tensor || `${name}/value`;
}

function windowOf(window: Window): Attributes {
  return {
    kernel_shape: window.kernel,
    strides: window.strides,
    pads: window.pads,
    dilations: window.dilations,
  };
}

function sameDims(dims: readonly number[], shape: Shape): boolean {
  return dims.length === 3 && dims[0] === shape.c && dims[1] === shape.h && dims[2] === shape.w;
}

/** The channels that an index map takes as wholes, or undefined where it does not. */
function wholeChannels(index: Int32Array, plane: number): number[] | undefined {
  const channels: number[] = [];
  for (let first = 0; first < index.length; first += plane) {
    const start = index[first]!;
    if (start < 0 || start % plane !== 0) return undefined;
    for (let i = 1; i < plane; i++) if (index[first + i] !== start + i) return undefined;
    channels.push(start / plane);
  }
  return channels;
}
