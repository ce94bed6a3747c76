/**
 * Random quantised nets as ONNX models: depth, residual, concat, grouped and depthwise convolutions, pools, linear nodes in
 * a row, channel shuffles, levels, shift; all activations as Div-Mul-Add-Floor-Clip-Div-Mul.
 */
import {
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
}

export interface RandomNet {
  model: OnnxModel;
  levels: number;
  inputSize: number;
  images: Float32Array;
  count: number;
}

export function randomNet(seed: number, count = 2): RandomNet {
  const random = new Random(seed);
  const builder = new Builder(random);
  const input: Value = { name: 'input', c: random.int(1, 3), h: random.int(5, 9), w: random.int(5, 9) };
  let x = builder.activation(builder.conv(input));
  const blocks = random.int(1, 4);
  for (let b = 0; b < blocks; b++) x = builder.block(x);
  const logits = builder.head(x, random.int(2, 6));
  const model = makeModel({
    nodes: builder.nodes,
    initializers: builder.initializers,
    inputs: [valueInfo('input', ['N', input.c, input.h, input.w])],
    outputs: [valueInfo(logits.name, ['N', logits.c])],
    file: `random-${seed}.onnx`,
  });
  const inputSize = input.c * input.h * input.w;
  return { model, levels: builder.levels, inputSize, images: random.normal(count * inputSize, 0.8), count };
}

class Builder {
  readonly nodes: NodeProto[] = [];
  readonly initializers: TensorProto[] = [];
  readonly levels: number;
  private readonly shift: number;
  private names = 0;

  constructor(private readonly random: Random) {
    this.levels = random.pick([1, 2, 3, 4, 8, 16]);
    this.shift = random.pick([0, 0.5]);
  }

  block(x: Value): Value {
    const kind = this.random.pick([
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

  head(x: Value, classes: number): Value {
    let flat: Value;
    if (this.random.chance(0.5)) {
      const pooled = this.op('GlobalAveragePool', [x.name], { ...x, h: 1, w: 1 });
      flat = this.op('Flatten', [pooled.name], { ...pooled }, { axis: 1 });
    } else {
      flat = this.op('Flatten', [x.name], { ...x, c: x.c * x.h * x.w, h: 1, w: 1 }, { axis: 1 });
    }
    const weight = this.weights([classes, flat.c], 1 / Math.sqrt(flat.c));
    const bias = this.weights([classes], 0.1);
    return this.op('Gemm', [flat.name, weight, bias], { name: '', c: classes, h: 1, w: 1 }, { transB: 1 });
  }

  conv(x: Value, options: { same?: boolean; out?: number; groups?: number; pointwise?: boolean } = {}): Value {
    const { random } = this;
    const fits = (k: number) => x.h >= k && x.w >= k;
    const kernel = options.pointwise ? 1 : random.pick([1, 2, 3].filter(fits));
    const stride = options.same || options.pointwise ? 1 : random.int(1, 2);
    let pads = options.same
      ? samePads(kernel)
      : [0, 0, 0, 0].map(() => (options.pointwise ? 0 : random.int(0, kernel - 1)));
    const groups = options.groups ?? (x.c % 2 === 0 && random.chance(0.3) ? 2 : 1);
    let out = options.out ?? groups * random.int(1, Math.ceil(6 / groups));
    if (out % groups !== 0) out = groups;
    const extent = (size: number, before: number, after: number) =>
      Math.floor((size + before + after - kernel) / stride) + 1;
    let h = extent(x.h, pads[0]!, pads[2]!);
    let w = extent(x.w, pads[1]!, pads[3]!);
    if (h < 1 || w < 1) {
      pads = samePads(kernel);
      h = extent(x.h, pads[0]!, pads[2]!);
      w = extent(x.w, pads[1]!, pads[3]!);
    }
    const fanIn = (x.c / groups) * kernel * kernel;
    const weight = this.weights([out, x.c / groups, kernel, kernel], 1.2 / Math.sqrt(fanIn));
    const inputs = [x.name, weight, ...(random.chance(0.8) ? [this.weights([out], 0.2)] : [])];
    const attributes = { kernel_shape: [kernel, kernel], strides: [stride, stride], pads, group: groups };
    return this.op('Conv', inputs, { name: '', c: out, h, w }, attributes);
  }

  activation(x: Value): Value {
    const clip = this.constant(makeTensor(this.fresh('clip'), [], [0.5 + this.random.next()]));
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
    const kernel = Math.min(this.random.int(2, 3), x.h, x.w);
    const stride = this.random.int(1, 2);
    const pad = kernel > 1 ? this.random.int(0, 1) : 0;
    const extent = (size: number) => Math.floor((size + 2 * pad - kernel) / stride) + 1;
    const attributes: Record<string, number | number[]> = {
      kernel_shape: [kernel, kernel],
      strides: [stride, stride],
      pads: [pad, pad, pad, pad],
    };
    if (opType === 'AveragePool') attributes.count_include_pad = this.random.int(0, 1);
    return this.op(opType, [x.name], { ...x, h: extent(x.h), w: extent(x.w) }, attributes);
  }

  private op(
    opType: string,
    inputs: string[],
    value: Value,
    attributes: Record<string, number | readonly number[]> = {},
  ): Value {
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

function samePads(kernel: number): number[] {
  const before = Math.floor((kernel - 1) / 2);
  return [before, before, kernel - 1 - before, kernel - 1 - before];
}
