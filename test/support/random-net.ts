/**
 * Random quantised nets as ONNX models: depth, residual, concat, grouped, dilated and depthwise convolutions, pools, linear
 * nodes in a row, data movement, one to three outputs of all kinds, levels, shift; inputs of rank 2, 3 and 4; all
 * activations as Div-Mul-Add-Floor-Clip-Div-Mul.
 */
import {
  type AttributeValue,
  makeModel,
  makeNode,
  makeTensor,
  type NodeProto,
  type OnnxModel,
  type TensorProto,
  valueInfo,
} from '../../lib/onnx';
import { Random } from './random';

interface Value {
  name: string;
  c: number;
  h: number;
  w: number;
  /** Of the ONNX tensor, batch included. */
  rank: number;
}

export interface RandomNet {
  model: OnnxModel;
  levels: number;
  inputSize: number;
  images: Float32Array;
  count: number;
}

export interface RandomNetOptions {
  /** Activations that are not quantised: plain ReLUs. */
  plain?: boolean;
  /** Share of activations with a clip value per channel. */
  perChannel?: number;
}

export function randomNet(
  seed: number,
  count = 2,
  { plain = false, perChannel = 0.15 }: RandomNetOptions = {},
): RandomNet {
  const random = new Random(seed);
  const builder = new Builder(random, plain, perChannel);
  const dims = inputDims(random);
  const [c = 1, h = 1, w = 1] = dims;
  let x = builder.first({ name: 'input', c, h, w, rank: dims.length + 1 });
  const blocks = random.int(1, 4);
  for (let b = 0; b < blocks; b++) x = builder.block(x);
  const outputs = builder.heads(x);
  const model = makeModel({
    nodes: builder.nodes,
    initializers: builder.initializers,
    inputs: [valueInfo('input', ['N', ...dims])],
    outputs: outputs.map((output) => valueInfo(output.name, ['N', ...dimsOf(output)])),
    file: `random-${seed}.onnx`,
  });
  const inputSize = c * h * w;
  return { model, levels: builder.levels, inputSize, images: random.normal(count * inputSize, 0.8), count };
}

/** Mostly images; sometimes a sequence (Conv1d) or a vector. */
function inputDims(random: Random): number[] {
  if (random.chance(0.08)) return [random.int(3, 12)];
  if (random.chance(0.08)) return [random.int(1, 3), random.int(6, 14)];
  return [random.int(1, 3), random.int(5, 9), random.int(5, 9)];
}

function dimsOf({ c, h, w, rank }: Value): number[] {
  return [c, h, w].slice(0, rank - 1);
}

interface ConvOptions {
  same?: boolean;
  out?: number;
  groups?: number;
  pointwise?: boolean;
  stride?: number;
}

class Builder {
  readonly nodes: NodeProto[] = [];
  readonly initializers: TensorProto[] = [];
  readonly levels: number;
  private readonly shift: number;
  private names = 0;
  /** The convolution made last: a value in the middle of the net. */
  private last: Value | undefined;

  constructor(
    private readonly random: Random,
    private readonly plainActivations: boolean,
    private readonly channelShare: number,
  ) {
    this.levels = random.pick([1, 2, 3, 4, 8, 16]);
    this.shift = random.pick([0, 0.5]);
  }

  /** The first layers, where what comes before the first convolution meets its padding. */
  first(x: Value): Value {
    if (x.rank === 2) return this.activation(this.gemm(x, this.random.int(2, 8)));
    let image = x;
    if (this.random.chance(0.15)) image = this.batchNorm(image);
    if (this.random.chance(0.1)) image = this.constantOp(this.random.pick(['Sub', 'Mul', 'Div', 'Add']), image);
    // Not both: onnxruntime merges them into a pool whose pads it then refuses.
    if (this.random.chance(0.1)) image = this.pad(image);
    else if (this.random.chance(0.05)) image = this.pool('AveragePool', image);
    return this.activation(this.conv(image, { same: this.random.chance(0.5) }));
  }

  block(x: Value): Value {
    if (x.rank === 2) return this.vectorBlock(x);
    const kind = this.random.pick([
      'norm',
      'many',
      'twice',
      'slice',
      'pad',
      'resize',
      'linear-avg',
      'window-sum',
      'branches',
      'chain',
      'strided-pointwise',
      'plain',
      'residual',
      'concat',
      'pool',
      'avg',
      'separable',
      'shuffle',
      'linear-pool',
      'expand',
      'double',
    ]);
    switch (kind) {
      case 'norm':
        // On the activation itself: its shift meets the padding of the next convolution.
        return this.activation(this.conv(this.batchNorm(x), { same: true }));
      case 'many': {
        // Several expressions, two of them nested, and a shortcut that comes twice.
        const a = this.conv(x, { same: true, out: x.c });
        const b = this.conv(this.constantOp('Mul', x), { pointwise: true, out: x.c });
        const twice = this.op('Add', [x.name, x.name], x);
        const ab = this.op(this.random.pick(['Add', 'Sub']), [a.name, b.name], x);
        return this.activation(this.op('Sum', [ab.name, twice.name, this.batchNorm(ab).name], x));
      }
      case 'twice': {
        // One expression read by two neurons and a shortcut.
        const linear = this.conv(x, { same: true });
        const left = this.activation(linear);
        const right = this.conv(this.activation(linear), { same: true, out: linear.c });
        const sum = this.op('Add', [left.name, linear.name], linear);
        return this.activation(this.op('Add', [sum.name, right.name], linear));
      }
      case 'slice': {
        // The shortcut of a ResNet for CIFAR: every second pixel, channels padded with zeros.
        const sliced = this.sliced(x);
        return this.activation(
          this.op('Add', [this.activation(this.conv(sliced, { same: true, out: sliced.c })).name, sliced.name], sliced),
        );
      }
      case 'pad':
        return this.activation(this.conv(this.pad(x)));
      case 'resize':
        return x.h * x.w > 100 ? x : this.activation(this.conv(this.resized(x), { same: true }));
      case 'linear-avg':
        // A convolution straight into an average pool.
        return this.activation(
          this.conv(this.pool('AveragePool', this.conv(x, { same: true, out: 2 })), { pointwise: true }),
        );
      case 'window-sum':
        return this.activation(this.conv(this.windowSum(x), { pointwise: true }));
      case 'branches': {
        // Concat of expressions, of graded and spiking planes.
        const a = this.conv(x, { same: true, out: 2 });
        const b = this.activation(this.conv(x, { same: true, out: 2 }));
        const joined = this.op('Concat', [a.name, b.name], { ...a, c: 4 }, { axis: 1 });
        return this.activation(this.conv(joined, { same: true }));
      }
      case 'chain': {
        // Pointwise, depthwise with stride, grouped pointwise: one synapse.
        const wide = this.conv(x, { pointwise: true, out: 4 });
        const depthwise = this.conv(wide, { out: 4, groups: 4 });
        return this.activation(this.conv(this.batchNorm(depthwise), { pointwise: true, groups: 2, out: 4 }));
      }
      case 'strided-pointwise': {
        const small = this.conv(x, { pointwise: true, stride: 2 });
        return this.activation(this.conv(small));
      }
      case 'residual': {
        const inner = this.activation(this.conv(x, { same: true, out: x.c }));
        const sum = this.op('Add', [this.conv(inner, { same: true, out: x.c }).name, x.name], x);
        return this.activation(sum);
      }
      case 'concat': {
        const a = this.activation(this.conv(x, { same: true }));
        const b = this.activation(this.conv(x, { same: true, pointwise: true }));
        return this.op('Concat', [a.name, b.name], { ...a, c: a.c + b.c }, { axis: 1 });
      }
      case 'pool':
        return this.pool('MaxPool', x);
      case 'avg': {
        const pooled = this.pool('AveragePool', x);
        return this.activation(this.conv(pooled, { same: true, pointwise: true }));
      }
      case 'separable': {
        const depthwise = this.conv(x, { same: true, out: x.c, groups: x.c });
        return this.activation(this.conv(depthwise, { pointwise: true }));
      }
      case 'expand': {
        // A 1×1 with a bias in front of padding: one synapse whose bias varies over the border.
        const wide = this.conv(x, { pointwise: true });
        return this.activation(this.conv(wide, { same: true }));
      }
      case 'double': {
        // Two padded convolutions cannot be one: the first becomes a graded plane.
        const first = this.conv(x, { same: true, out: 2 });
        return this.activation(this.conv(first, { same: true, out: 3 }));
      }
      case 'shuffle': {
        const order = [...new Array(x.c).keys()].sort(() => this.random.next() - 0.5);
        const index = this.constant(makeTensor(this.fresh('order'), [x.c], order, 'int64'));
        const shuffled = this.op('Gather', [x.name, index], x, { axis: 1 });
        return this.activation(this.conv(shuffled));
      }
      case 'linear-pool': {
        // A max-pool between a convolution and its activation: the importer exchanges the two.
        return this.activation(this.pool('MaxPool', this.conv(x, { same: true })));
      }
      default:
        return this.activation(this.conv(x));
    }
  }

  /** One to three outputs, some with an analogue tail, some of them values that later layers read too. */
  heads(x: Value): Value[] {
    const outputs = [this.head(x, this.random.int(2, 6))];
    if (this.random.chance(0.15)) outputs.push(this.tail(this.head(x, this.random.int(2, 4))));
    if (this.random.chance(0.15)) outputs.push(this.plain(x));
    if (this.random.chance(0.15)) outputs[0] = this.tail(outputs[0]!);
    if (this.random.chance(0.15)) {
      // An intermediate value that later layers read too.
      if (this.last) outputs.unshift(this.last);
    }
    return outputs;
  }

  /** Spikes, or a map of logits, as they are. */
  private plain(x: Value): Value {
    if (x.rank === 2) return this.op('Identity', [x.name], x);
    switch (this.random.int(0, 3)) {
      case 0:
        return this.op('Identity', [x.name], x);
      case 1:
        return this.pool('MaxPool', x);
      case 2:
        return this.sliced(x);
      default:
        return this.convolve(x, { pointwise: true, out: 3 });
    }
  }

  private tail(logits: Value): Value {
    const sigmoid = () => this.op('Sigmoid', [logits.name], logits);
    switch (this.random.int(0, 3)) {
      case 0:
        return this.op('Softmax', [logits.name], logits, { axis: 1 });
      case 1:
        return sigmoid();
      case 2:
        return this.constantOp('Add', this.constantOp('Mul', sigmoid()));
      default: {
        const soft = this.op('Softmax', [logits.name], logits, { axis: 1 });
        return this.op('Concat', [sigmoid().name, soft.name], { ...logits, c: 2 * logits.c }, { axis: 1 });
      }
    }
  }

  head(x: Value, classes: number): Value {
    if (x.rank === 2) return this.gemm(x, classes);
    let flat: Value;
    switch (this.random.int(0, 4)) {
      case 0: {
        // No Flatten: the output is [N, classes, 1, 1].
        const pooled = this.op('GlobalAveragePool', [x.name], { ...x, h: 1, w: 1 });
        return this.convolve(pooled, { pointwise: true, out: classes });
      }
      case 1: {
        // Network in network: the mean of a convolution.
        const map = this.convolve(x, { pointwise: true, out: classes });
        const pooled = this.op('GlobalAveragePool', [map.name], { ...map, h: 1, w: 1 });
        return this.op('Flatten', [pooled.name], { ...pooled, rank: 2 }, { axis: 1 });
      }
      case 2: {
        const pooled = this.op('GlobalAveragePool', [x.name], { ...x, h: 1, w: 1 });
        flat = this.op('Flatten', [pooled.name], { ...pooled, rank: 2 }, { axis: 1 });
        break;
      }
      default:
        flat = this.op('Flatten', [x.name], { ...x, c: x.c * x.h * x.w, h: 1, w: 1, rank: 2 }, { axis: 1 });
    }
    return this.gemm(flat, classes);
  }

  private gemm(x: Value, out: number): Value {
    const weight = this.weights([out, x.c], 1 / Math.sqrt(x.c));
    return this.op('Gemm', [x.name, weight, this.weights([out], 0.1)], { ...x, c: out }, { transB: 1 });
  }

  private vectorBlock(x: Value): Value {
    if (this.random.chance(0.3)) {
      const inner = this.activation(this.gemm(x, x.c));
      return this.activation(this.op('Add', [this.gemm(inner, x.c).name, x.name], x));
    }
    if (this.random.chance(0.3)) return this.activation(this.gemm(this.gemm(x, 5), 4));
    return this.activation(this.gemm(x, this.random.int(2, 8)));
  }

  /** One value per channel, in a shape that broadcasts over x. */
  private perChannel(x: Value, values: Float32Array, prefix = 'p'): string {
    return this.constant(makeTensor(this.fresh(prefix), [x.c, ...new Array(x.rank - 2).fill(1)], values));
  }

  private constantOp(opType: string, x: Value): Value {
    const values = this.random
      .normal(x.c, 0.4)
      .map((v) => (opType === 'Add' || opType === 'Sub' ? v : 0.6 + Math.abs(v)));
    return this.op(opType, [x.name, this.perChannel(x, values)], x);
  }

  private batchNorm(x: Value): Value {
    const parameter = (values: Float32Array) => this.constant(makeTensor(this.fresh('bn'), [x.c], values));
    const gain = parameter(this.random.normal(x.c, 1));
    const [bias, mean] = [this.random.normal(x.c, 0.3), this.random.normal(x.c, 0.3)].map(parameter) as [
      string,
      string,
    ];
    const variance = parameter(this.random.normal(x.c, 1).map((v) => 0.3 + v * v));
    return this.op('BatchNormalization', [x.name, gain, bias, mean, variance], x);
  }

  private pad(x: Value): Value {
    const [top, bottom] = [this.random.int(0, 2), this.random.int(0, 2)];
    const [left, right] = x.rank === 4 ? [this.random.int(0, 2), this.random.int(0, 2)] : [0, 0];
    const pads = x.rank === 4 ? [0, 0, top, left, 0, 0, bottom, right] : [0, 0, top, 0, 0, bottom];
    const index = this.constant(makeTensor(this.fresh('pads'), [pads.length], pads, 'int64'));
    return this.op('Pad', [x.name, index], { ...x, h: x.h + top + bottom, w: x.w + left + right });
  }

  private sliced(x: Value): Value {
    const axes = x.rank === 4 ? [2, 3] : [2];
    const list = (value: number) =>
      this.constant(
        makeTensor(
          this.fresh('s'),
          [axes.length],
          axes.map(() => value),
          'int64',
        ),
      );
    const all = this.constant(makeTensor(this.fresh('axes'), [axes.length], axes, 'int64'));
    const half = { ...x, h: Math.ceil(x.h / 2), w: x.rank === 4 ? Math.ceil(x.w / 2) : 1 };
    const small = this.op('Slice', [x.name, list(0), list(1000), all, list(2)], half);
    const pads = x.rank === 4 ? [0, 1, 0, 0, 0, 0, 0, 0] : [0, 1, 0, 0, 0, 0];
    const index = this.constant(makeTensor(this.fresh('pads'), [pads.length], pads, 'int64'));
    return this.op('Pad', [small.name, index], { ...small, c: x.c + 1 });
  }

  private resized(x: Value): Value {
    const scales = x.rank === 4 ? [1, 1, 2, 2] : [1, 1, 2];
    const factor = this.constant(makeTensor(this.fresh('scales'), [scales.length], scales));
    const attributes = { mode: 'nearest', coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' };
    return this.op('Resize', [x.name, '', factor], { ...x, h: 2 * x.h, w: x.rank === 4 ? 2 * x.w : 1 }, attributes);
  }

  /** A depthwise convolution with one weight throughout; the sum may be larger than any of its values. */
  private windowSum(x: Value): Value {
    const weight = this.random.pick([1, 0.5, 2, 1 / 9]);
    const kernel = [Math.min(3, x.h), x.rank === 4 ? Math.min(3, x.w) : 1].slice(0, x.rank - 2);
    const size = x.c * kernel.reduce((a, b) => a * b, 1);
    const ones = this.constant(
      makeTensor(this.fresh('ones'), [x.c, 1, ...kernel], new Float32Array(size).fill(weight)),
    );
    const shape = { ...x, h: x.h - kernel[0]! + 1, w: x.w - (kernel[1] ?? 1) + 1 };
    return this.op('Conv', [x.name, ones], shape, { kernel_shape: kernel, group: x.c });
  }

  conv(x: Value, options: ConvOptions = {}): Value {
    const made = this.convolve(x, options);
    this.last = made;
    return made;
  }

  private convolve(x: Value, options: ConvOptions): Value {
    const { random } = this;
    const axes = x.rank - 2;
    const sizes = [x.h, x.w].slice(0, axes);
    const pointwise = options.pointwise ?? false;
    const kernel = pointwise ? 1 : random.pick([1, 2, 3].filter((k) => sizes.every((size) => size >= k)));
    const stride = options.stride ?? (options.same || pointwise ? 1 : random.int(1, 2));
    const dilation = kernel > 1 && random.chance(0.15) ? 2 : 1;
    const reach = (kernel - 1) * dilation + 1;
    let groups = options.groups ?? (x.c % 2 === 0 && random.chance(0.3) ? 2 : 1);
    const out = options.out ?? groups * random.int(1, Math.ceil(6 / groups));
    if (out % groups !== 0) groups = 1;
    const before = Math.floor((reach - 1) / 2);
    const same = { begin: before, end: reach - 1 - before };
    const pads = sizes.map((size) => {
      if (options.same) return same;
      if (pointwise) return { begin: 0, end: 0 };
      const some = { begin: random.int(0, reach - 1), end: random.int(0, reach - 1) };
      return size + some.begin + some.end < reach ? same : some;
    });
    const [h = 1, w = 1] = sizes.map(
      (size, axis) => Math.floor((size + pads[axis]!.begin + pads[axis]!.end - reach) / stride) + 1,
    );
    const window = new Array<number>(axes).fill(kernel);
    const fanIn = (x.c / groups) * kernel ** axes;
    const weight = this.weights([out, x.c / groups, ...window], 1.2 / Math.sqrt(fanIn));
    const inputs = [x.name, weight, ...(random.chance(0.8) ? [this.weights([out], 0.2)] : [])];
    return this.op(
      'Conv',
      inputs,
      { ...x, c: out, h, w },
      {
        kernel_shape: window,
        strides: window.map(() => stride),
        dilations: window.map(() => dilation),
        pads: [...pads.map(({ begin }) => begin), ...pads.map(({ end }) => end)],
        group: groups,
      },
    );
  }

  /** λ for the layer, or one for each channel. */
  activation(x: Value): Value {
    if (this.plainActivations) return this.op('Relu', [x.name], x);
    const clip = this.random.chance(this.channelShare)
      ? this.perChannel(
          x,
          Float32Array.from({ length: x.c }, () => 0.5 + this.random.next()),
        )
      : this.constant(makeTensor(this.fresh('clip'), [], [0.5 + this.random.next()]));
    const levels = this.constant(makeTensor(this.fresh('levels'), [], [this.levels]));
    const shift = this.constant(makeTensor(this.fresh('shift'), [], [this.shift]));
    const zero = this.constant(makeTensor(this.fresh('zero'), [], [0]));
    let y = this.op('Div', [x.name, clip], x);
    y = this.op('Mul', [y.name, levels], x);
    y = this.op('Add', [y.name, shift], x);
    y = this.op('Floor', [y.name], x);
    y = this.op('Clip', [y.name, zero, levels], x);
    y = this.op('Div', [y.name, levels], x);
    return this.op('Mul', [y.name, clip], x);
  }

  private pool(opType: 'MaxPool' | 'AveragePool', x: Value): Value {
    const { random } = this;
    const sizes = [x.h, x.w].slice(0, x.rank - 2);
    const kernel = Math.min(random.int(2, 3), ...sizes);
    const stride = random.int(1, 2);
    const dilation =
      opType === 'MaxPool' && kernel === 2 && sizes.every((size) => size > 2) && random.chance(0.2) ? 2 : 1;
    const reach = (kernel - 1) * dilation + 1;
    const pad = kernel > 1 && dilation === 1 ? random.int(0, 1) : 0;
    const places = (size: number) => (size + 2 * pad - reach) / stride + 1;
    // Of a last window that would start in the pads, onnxruntime's shape inference and its kernel think differently.
    const ceil = random.chance(0.2) && sizes.every((size) => (Math.ceil(places(size)) - 1) * stride < size + pad);
    const window = sizes.map(() => kernel);
    const attributes: Record<string, AttributeValue> = {
      kernel_shape: window,
      strides: window.map(() => stride),
      pads: [...window, ...window].map(() => pad),
      ceil_mode: ceil ? 1 : 0,
    };
    if (dilation > 1) attributes.dilations = window.map(() => dilation);
    if (opType === 'AveragePool') attributes.count_include_pad = random.int(0, 1);
    const [h = 1, w = 1] = sizes.map((size) => (ceil ? Math.ceil(places(size)) : Math.floor(places(size))));
    return this.op(opType, [x.name], { ...x, h, w }, attributes);
  }

  private op(opType: string, inputs: string[], value: Value, attributes: Record<string, AttributeValue> = {}): Value {
    const name = this.fresh(opType);
    this.nodes.push(makeNode(opType, inputs, [name], attributes, `/${name}`));
    return { ...value, name };
  }

  private weights(dims: number[], deviation: number): string {
    const size = dims.reduce((product, dim) => product * dim, 1);
    return this.constant(makeTensor(this.fresh('w'), dims, this.random.normal(size, deviation)));
  }

  private constant(tensor: TensorProto): string {
    this.initializers.push(tensor);
    return tensor.name!;
  }

  private fresh(prefix: string): string {
    return `${prefix}${this.names++}`;
  }
}
