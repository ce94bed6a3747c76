/**
 * What every writer of ONNX files needs: names that are free, constants, nodes, and the operators that all of them write
 * alike. Values are [N, C, H, W] throughout; inputs and outputs have the dims of the original file.
 */
import type { InputGrid, Network, NetworkNode, Shape, Window } from '../graph/network';
import { numel } from '../graph/network';
import { type AttributeValue, makeModel, makeNode, makeTensor, type OnnxModel, valueInfo } from '../onnx';

type Numbers = Float32Array | Float64Array;

export type Attributes = Record<string, AttributeValue>;

export abstract class GraphWriter {
  private readonly nodes: ReturnType<typeof makeNode>[] = [];
  private readonly initializers: ReturnType<typeof makeTensor>[] = [];
  private readonly used = new Set<string>();
  /** Tensor that carries the value of each network node. */
  protected readonly values = new Map<number, string>();

  constructor(protected readonly network: Network) {
    this.used.add(network.inputName);
    for (const { name } of network.outputs) this.used.add(name);
  }

  /** The model of what was emitted; `metadata` become its metadata_props. */
  protected finish(metadata: Readonly<Record<string, string>>): OnnxModel {
    const { network } = this;
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

  /** Rounding comes first: only right behind the input is it the input's grid. */
  protected inputGrid({ step, lo, hi }: InputGrid): string {
    let x = this.emit('Div', [this.network.inputName, this.scalar('input/step', step)], 'input/div');
    x = this.emit('Round', [x], 'input/round');
    return this.emit('Clip', [x, this.scalar('input/lo', lo), this.scalar('input/hi', hi)], 'input/grid');
  }

  /** The net's input as [N, C, H, W]. */
  protected shaped(x: string, shape: Shape): string {
    const { inputDims } = this.network;
    const same =
      inputDims.length === 3 && inputDims[0] === shape.c && inputDims[1] === shape.h && inputDims[2] === shape.w;
    return same ? x : this.reshape(x, shape, 'input');
  }

  /**
   * A sum over windows is a depthwise convolution with ones; where windows are cut off at the border each position has its
   * own factor.
   */
  protected windowSum(
    source: string,
    window: Window,
    factor: Numbers,
    shape: Shape,
    name: string,
    output?: string,
  ): string {
    const [kh, kw] = window.kernel;
    const ones = this.tensor(`${name}/ones`, [shape.c, 1, kh, kw], new Float64Array(shape.c * kh * kw).fill(1));
    const plain = factor.every((f: number) => f === 1);
    const sum = this.emit('Conv', [source, ones], plain && output ? output : `${name}/window`, {
      ...windowOf(window),
      group: shape.c,
    });
    if (plain) return sum;
    const factors = this.tensor(`${name}/multiplier`, [1, 1, shape.h, shape.w], factor);
    return this.emit('Mul', [sum, factors], output ?? `${name}/multiplied`);
  }

  protected maxPool(source: string, window: Window, output: string): string {
    const { dilations, ...rest } = windowOf(window);
    const attributes: Attributes = window.dilations.some((d) => d !== 1) ? { ...rest, dilations: dilations! } : rest;
    return this.emit('MaxPool', [source], output, attributes);
  }

  /** out[i] = concat(sources)[index[i]], 0 where −1: as Concat, as a Gather of channels, or as a Gather of elements. */
  protected route(
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

  /** A node of the analogue tail, and any other that both writers have alike. */
  protected node(node: NetworkNode): string {
    const inputs = node.inputs.map((id) => this.values.get(id)!);
    const shapes = node.inputs.map((id) => this.network.nodes[id]!.shape);
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
          [inputs[0]!, this.perChannel(`${name}/factor`, node.factor, shape)],
          node.shift ? `${name}/scaled` : tensor,
        );
        if (!node.shift) return scaled;
        return this.emit('Add', [scaled, this.shift(`${name}/shift`, node.shift, shape)], tensor);
      }
      case 'add': {
        let sum = inputs[0]!;
        inputs.slice(1).forEach((input, i) => {
          sum = this.emit('Add', [sum, input], i === inputs.length - 2 ? tensor : `${name}/sum${i}`);
        });
        return sum;
      }
      default:
        return this.fail(`${name} (${node.op}) cannot be written`);
    }
  }

  protected reshape(input: string, shape: Shape, name: string, output = `${name}/shaped`): string {
    return this.emit('Reshape', [input, this.int64s(`${name}/shape`, [-1, shape.c, shape.h, shape.w])], output);
  }

  protected emit(opType: string, inputs: readonly string[], wanted: string, attributes: Attributes = {}): string {
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

  protected tensor(name: string, dims: readonly number[], values: Numbers): string {
    const unique = this.unique(name);
    this.initializers.push(makeTensor(unique, dims, values));
    return unique;
  }

  protected scalar(name: string, value: number): string {
    return this.tensor(name, [], Float64Array.of(value));
  }

  protected perChannel(name: string, values: Numbers, shape: Shape): string {
    return this.tensor(name, [1, shape.c, 1, 1], values);
  }

  /** Length C, or C·H·W. */
  protected shift(name: string, values: Numbers, shape: Shape): string {
    if (values.length === shape.c) return this.perChannel(name, values, shape);
    return this.tensor(name, [1, shape.c, shape.h, shape.w], values);
  }

  protected int64s(name: string, values: readonly number[]): string {
    const unique = this.unique(name);
    this.initializers.push(makeTensor(unique, [values.length], values, 'int64'));
    return unique;
  }

  protected int32s(name: string, values: readonly number[]): string {
    const unique = this.unique(name);
    this.initializers.push(makeTensor(unique, [values.length], values, 'int32'));
    return unique;
  }

  protected fail(what: string): never {
    throw new Error(`${this.network.file}: ${what}`);
  }
}

/** What the import made itself (an activation before its max-pool, the parts of a clip) has no tensor in the original file. */
export function tensorOf({ name, tensor }: { name: string; tensor: string }): string {
  return tensor || `${name}/value`;
}

export function windowOf(window: Window): Attributes {
  return {
    kernel_shape: window.kernel,
    strides: window.strides,
    pads: window.pads,
    dilations: window.dilations,
  };
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
