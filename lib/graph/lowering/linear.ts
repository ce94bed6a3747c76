/** Conv, Gemm and MatMul: all become convolutions. */
import { type Draft, is } from '../draft';
import { slide } from '../geometry';
import { GraphError, Refusal } from '../graph-error';
import { type NDArray, sizeOf, transpose } from '../ndarray';
import type { Window } from '../network';
import { sameDims } from './affine';
import { imageRank, type LoweringContext } from './context';
import { positions, routed } from './movement';

function float32(array: NDArray): Float32Array {
  return ArrayBuffer.isView(array.data) && array.type === 'float32'
    ? (array.data as Float32Array)
    : Float32Array.from(array.data);
}

function convolution(context: LoweringContext): void {
  const x = context.draft(0);
  const rank = imageRank(context, x);
  const weight = context.weights(1, 'weight');
  if (weight.dims.length !== rank + 2) {
    throw new GraphError(`its weight has dims [${weight.dims}], its input [${x.dims}]`);
  }
  const [outputs, perGroup, ...kernel] = weight.dims as [number, number, ...number[]];
  const groups = context.node.int('group', 1);
  if (!(groups >= 1) || perGroup * groups !== x.shape.c || outputs % groups !== 0) {
    throw new GraphError(`its weight [${weight.dims}] in ${groups} groups does not fit ${x.shape.c} input channels`);
  }
  const given = context.node.ints('kernel_shape');
  if (given?.length && !sameDims(given, kernel))
    throw new GraphError(`kernel_shape [${given}] but weight [${weight.dims}]`);
  if (weight.size === 0) throw new GraphError(`its weight has dims [${weight.dims}]`);
  const bias = context.values[2] ? context.weights(2, 'bias') : undefined;
  if (bias && bias.size !== outputs) throw new GraphError(`its bias has ${bias.size} values for ${outputs} channels`);
  const { window, h, w } = slide(context.node, x.shape, rank, kernel);
  const result = context.emit(
    {
      op: 'conv',
      weight: float32(weight),
      factor: null,
      bias: bias ? Float64Array.from(bias.data) : null,
      window,
      groups,
      matmul: false,
    },
    [x],
    rank === 1 ? [1, outputs, h] : [1, outputs, h, w],
  );
  context.set(0, result);
}

/** The node behind reshapes that only rename dims. */
function unreshaped(x: Draft): Draft {
  let node = x;
  while (is(node, 'route') && node.inputs.length === 1) {
    const source = node.inputs[0]!;
    const { index } = node.operation;
    if (index.length !== source.shape.c * source.shape.h * source.shape.w) return node;
    if (!index.every((from, i) => from === i)) return node;
    node = source;
  }
  return node;
}

/**
 * x [rows, K] times weight [M, K]: one row is a convolution whose kernel is the whole image before it was flattened;
 * several are a 1×1 convolution between two transpositions. `dims` are those of the result.
 */
function product(
  context: LoweringContext,
  x: Draft,
  weight: Float32Array,
  outputs: number,
  bias: Float64Array | null,
  dims: readonly number[],
  matmul: boolean,
): Draft {
  const inner = weight.length / outputs;
  const rows = sizeOf(x.dims) / inner;
  const conv = (input: Draft, window: Window, outDims: readonly number[]) =>
    context.emit({ op: 'conv', weight, factor: null, bias, window, groups: 1, matmul }, [input], outDims);
  const plain = { strides: [1, 1], pads: [0, 0, 0, 0], dilations: [1, 1] } as const;
  if (rows === 1) {
    const source = unreshaped(x);
    const result = conv(source, { kernel: [source.shape.h, source.shape.w], ...plain }, [1, outputs]);
    return sameDims(dims, result.dims) ? result : routed(context, [result], positions(result).reshaped(dims));
  }
  const columns = routed(context, [x], transpose(positions(x).reshaped([1, rows, inner]), [0, 2, 1]));
  const result = conv(columns, { kernel: [1, 1], ...plain }, [1, outputs, rows]);
  return routed(context, [result], transpose(positions(result), [0, 2, 1]).reshaped(dims));
}

function gemm(context: LoweringContext): void {
  const { node } = context;
  const x = context.draft(0);
  if (node.int('transA', 0) !== 0)
    throw new Refusal('its left operand is transposed (transA = 1); expected transA = 0');
  const given = context.weights(1, 'right operand');
  if (given.dims.length !== 2 || x.dims.length !== 2)
    throw new GraphError(`it multiplies [${x.dims}] by [${given.dims}]`);
  const weight = node.int('transB', 0) !== 0 ? given : transpose(given, [1, 0]);
  const [outputs, inner] = weight.dims as [number, number];
  if (inner !== x.dims[1] || weight.size === 0) throw new GraphError(`it multiplies [${x.dims}] by [${given.dims}]`);
  const alpha = node.float('alpha', 1);
  const beta = node.float('beta', 1);
  const scaled = alpha === 1 ? float32(weight) : Float32Array.from(weight.data, (value) => value * alpha);
  let bias: Float64Array | null = null;
  if (context.values[2]) {
    const c = context.weights(2, 'bias');
    if (c.size !== 1 && c.size !== outputs)
      throw new Refusal(`its bias has dims [${c.dims}]; expected one value per output`);
    if (c.dims.length > 2 || (c.size > 1 && c.dims[c.dims.length - 1] !== outputs)) {
      throw new GraphError(`its bias has dims [${c.dims}] for ${outputs} outputs`);
    }
    bias = Float64Array.from({ length: outputs }, (_, m) => beta * c.data[c.size === 1 ? 0 : m]!);
  }
  context.set(0, product(context, x, scaled, outputs, bias, [x.dims[0]!, outputs], false));
}

function matmul(context: LoweringContext): void {
  const [left, right] = context.values;
  if (left?.kind === 'node' && right?.kind === 'node') {
    throw new Refusal('it multiplies two values that both depend on the input (attention); expected a constant matrix');
  }
  if (right?.kind === 'node') throw new Refusal('its left operand is a constant; expected the constant on the right');
  const x = context.draft(0);
  const given = context.weights(1, 'right operand');
  const [inner, outputs] = given.dims.slice(-2) as [number, number];
  if (given.dims.length < 2 || given.size !== inner * outputs) {
    throw new Refusal(`its constant has dims [${given.dims}]; expected one matrix`);
  }
  if (x.dims.length < 2 || x.dims[x.dims.length - 1] !== inner || given.size === 0) {
    throw new GraphError(`it multiplies [${x.dims}] by [${given.dims}]`);
  }
  const weight = transpose(given.reshaped([inner, outputs]), [1, 0]);
  const lead = new Array<number>(Math.max(0, given.dims.length - x.dims.length)).fill(1);
  context.set(0, product(context, x, float32(weight), outputs, null, [...lead, ...x.dims.slice(0, -1), outputs], true));
}

export const LINEAR = { Conv: convolution, Gemm: gemm, MatMul: matmul };
