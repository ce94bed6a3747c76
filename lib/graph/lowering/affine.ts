/** Arithmetic with constants: per-channel scales, and what it takes to make a constant per-channel. */
import { type Affine, type Draft, type DraftOf, is, ONE, ZERO } from '../draft';
import { GraphError, Refusal } from '../graph-error';
import { broadcastDims, expand, fromNumbers, type NDArray } from '../ndarray';
import type { LoweringContext } from './context';
import { positions, routed } from './movement';

/**
 * A constant as one value per channel of a node (length C, or 1 where all are equal); undefined where it varies within
 * a channel.
 */
function perChannel(full: NDArray, x: Draft): Float64Array | undefined {
  const { data } = full;
  const { c, h, w } = x.shape;
  const inner = h * w;
  const values = new Float64Array(c);
  for (let channel = 0; channel < c; ++channel) {
    const value = data[channel * inner]!;
    for (let i = 1; i < inner; ++i) if (data[channel * inner + i] !== value) return undefined;
    values[channel] = value;
  }
  return values.every((value) => value === values[0]) ? values.slice(0, 1) : values;
}

/** Where a constant applied after a route would apply before it; undefined where two places differ. */
function beforeRoute(full: NDArray, route: DraftOf<'route'>): NDArray | undefined {
  const source = route.inputs[0]!;
  const { index } = route.operation;
  const values = new Array<number>(source.shape.c * source.shape.h * source.shape.w).fill(Number.NaN);
  for (let i = 0; i < index.length; ++i) {
    const from = index[i]!;
    const value = full.data[i]!;
    if (from < 0 || (!Number.isNaN(values[from]!) && values[from] !== value)) return undefined;
    values[from] = value;
  }
  return values.some(Number.isNaN) ? undefined : fromNumbers('float64', source.dims, values);
}

function scaleOf(context: LoweringContext, x: Draft, affine: Affine, batchNorm = false): Draft {
  return context.emit({ op: 'scale', batchNorm, ...affine }, [x], x.dims);
}

/** x combined with a constant; `build` makes the affine map of the constant's values (length 1 or C). */
export function applyConstant(
  context: LoweringContext,
  x: Draft,
  constant: NDArray,
  build: (values: Float64Array) => Affine,
): Draft {
  const dims = broadcastDims(x.dims, constant.dims);
  const wide = sameDims(dims, x.dims) ? x : routed(context, [x], expand(positions(x), dims));
  if (constant.size === 1) return scaleOf(context, wide, build(Float64Array.of(constant.data[0]!)));
  const full = expand(constant, dims);
  const values = perChannel(full, wide);
  if (values) return scaleOf(context, wide, build(values));
  if (is(wide, 'route') && wide.inputs.length === 1) {
    const moved = beforeRoute(full, wide);
    if (moved) {
      const scaled = applyConstant(context, wide.inputs[0]!, moved, build);
      return context.emit({ op: 'route', index: wide.operation.index }, [scaled], dims);
    }
  }
  if (build === plus) return context.emit({ op: 'bias', values: Float64Array.from(full.data) }, [wide], dims);
  if (build === times) {
    const pooled = asAverage(context, wide, full);
    if (pooled) return pooled;
  }
  throw new Refusal(
    `its constant [${constant.dims}] varies within a channel of [${wide.dims}]; expected one value per channel`,
  );
}

/** A sum over windows times a factor per position is an average pool: how casc-snn writes one whose windows differ in size. */
function asAverage(context: LoweringContext, x: Draft, full: NDArray): Draft | undefined {
  if (!is(x, 'conv') || x.operation.bias || x.operation.groups !== x.shape.c) return undefined;
  const source = x.inputs[0]!;
  const { weight, window } = x.operation;
  const inner = x.shape.h * x.shape.w;
  if (source.shape.c !== x.shape.c || weight.some((w) => w !== weight[0])) return undefined;
  for (let i = inner; i < full.size; ++i) if (full.data[i] !== full.data[i % inner]) return undefined;
  const factor = Float32Array.from({ length: inner }, (_, i) => weight[0]! * full.data[i]!);
  return context.emit({ op: 'avgpool', window, factor }, [source], x.dims);
}

export function sameDims(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((dim, axis) => dim === b[axis]);
}

export const plus = (shift: Float64Array): Affine => ({ mul: ONE, div: ONE, shift });
export const times = (mul: Float64Array): Affine => ({ mul, div: ONE, shift: ZERO });
export const over = (div: Float64Array): Affine => ({ mul: ONE, div, shift: ZERO });

function negated(context: LoweringContext, x: Draft): Draft {
  return scaleOf(context, x, times(Float64Array.of(-1)));
}

/** Sum of nodes, the smaller ones repeated as ONNX broadcasts them. */
function sum(context: LoweringContext, parts: Draft[]): Draft {
  const dims = broadcastDims(...parts.map((part) => part.dims));
  const wide = parts.map((part) =>
    sameDims(part.dims, dims) ? part : routed(context, [part], expand(positions(part), dims)),
  );
  return context.emit({ op: 'add' }, wide, dims);
}

function addLike(context: LoweringContext): void {
  const nodes: Draft[] = [];
  const constants: number[] = [];
  context.values.forEach((value, at) => {
    if (value?.kind === 'node') nodes.push(value.node);
    else constants.push(at);
  });
  let result = nodes.length > 1 ? sum(context, nodes) : nodes[0]!;
  // A Sum of one value.
  if (context.values.length === 1) result = routed(context, nodes, positions(result));
  for (const at of constants) result = applyConstant(context, result, context.weights(at, 'constant'), plus);
  context.set(0, result);
}

function subtract(context: LoweringContext): void {
  const [left, right] = context.values;
  if (left?.kind === 'node' && right?.kind === 'node') {
    context.set(0, sum(context, [left.node, negated(context, right.node)]));
  } else if (left?.kind === 'node') {
    const shift = (values: Float64Array) => plus(values.map((value) => -value));
    context.set(0, applyConstant(context, left.node, context.weights(1, 'constant'), shift));
  } else {
    const build = (values: Float64Array): Affine => ({ mul: Float64Array.of(-1), div: ONE, shift: values });
    context.set(0, applyConstant(context, context.draft(1), context.weights(0, 'constant'), build));
  }
}

function multiply(context: LoweringContext): void {
  const [left, right] = context.values;
  if (left?.kind === 'node' && right?.kind === 'node') {
    throw new Refusal(
      'it multiplies two values that both depend on the input; a spiking net can only add them. ' +
        'Train without gates, attention or squeeze-and-excitation, or end the net before this node.',
    );
  }
  const side = left?.kind === 'node' ? 0 : 1;
  context.set(0, applyConstant(context, context.draft(side), context.weights(1 - side, 'constant'), times));
}

function divide(context: LoweringContext): void {
  if (context.values[1]?.kind === 'node') {
    throw new Refusal('it divides by a value that depends on the input; expected a constant divisor');
  }
  const divisor = context.weights(1, 'constant');
  if (divisor.data.some((value) => value === 0)) throw new GraphError('it divides by 0');
  context.set(0, applyConstant(context, context.draft(0), divisor, over));
}

/** y = gain·(x − mean)/√(variance + ε) + bias, per channel, in float64. */
function batchNormalization(context: LoweringContext): void {
  const x = context.draft(0);
  const { node } = context;
  if (node.int('training_mode', 0) !== 0) {
    throw new Refusal('it is in training mode. Call model.eval() before the export.');
  }
  if (x.dims.length < 2 || x.dims[0] !== 1) throw new Refusal(`its input has dims [${x.dims}]; expected [1, C, …]`);
  const { c } = x.shape;
  const [gain, bias, mean, variance] = [1, 2, 3, 4].map((at) => context.weights(at, 'parameters'));
  const epsilon = node.float('epsilon', 1e-5);
  const mul = new Float64Array(c);
  const shift = new Float64Array(c);
  for (const part of [gain!, bias!, mean!, variance!]) {
    if (part.size !== c) throw new GraphError(`it has ${part.size} parameters for ${c} channels`);
  }
  for (let channel = 0; channel < c; ++channel) {
    const spread = variance!.data[channel]! + epsilon;
    if (!(spread > 0)) throw new GraphError(`the variance of channel ${channel} is not positive`);
    mul[channel] = gain!.data[channel]! / Math.sqrt(spread);
    shift[channel] = bias!.data[channel]! - mean!.data[channel]! * mul[channel]!;
  }
  context.set(0, scaleOf(context, x, { mul, div: ONE, shift }, true));
}

export const AFFINE = {
  Add: addLike,
  Sum: addLike,
  Sub: subtract,
  Mul: multiply,
  Div: divide,
  Neg: (context: LoweringContext) => context.set(0, negated(context, context.draft(0))),
  BatchNormalization: batchNormalization,
};
