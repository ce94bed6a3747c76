/** Activations, quantisation steps and the functions of the analogue tail. */

import { mapBinary } from '../arithmetic';
import type { Draft } from '../draft';
import { castTarget, integerRange, quantizedType } from '../fold';
import { GraphError, Refusal } from '../graph-error';
import { axisOf, isFloat, type NDArray, sizeOf } from '../ndarray';
import type { UnaryKind } from '../network';
import { applyConstant, over, plus, times } from './affine';
import type { LoweringContext } from './context';
import { positions, routed } from './movement';

/** Beyond this, a bound is the "no bound" of old exporters (the largest float32). */
const UNBOUNDED = 3.4028234e38;

function clipped(context: LoweringContext, lo: number, hi: number): void {
  const x = context.draft(0);
  if (Number.isNaN(lo) || Number.isNaN(hi) || lo > hi) throw new GraphError(`it clips to ${lo}…${hi}`);
  const from = lo <= -UNBOUNDED ? Number.NEGATIVE_INFINITY : lo;
  const to = hi >= UNBOUNDED ? Number.POSITIVE_INFINITY : hi;
  context.set(0, context.emit({ op: 'clip', lo: from, hi: to }, [x], x.dims));
}

function clip(context: LoweringContext): void {
  const { node } = context;
  const bound = (at: number, name: string, fallback: number) =>
    context.constant(at, name)?.scalar(name) ?? node.float(name, fallback);
  clipped(context, bound(1, 'min', Number.NEGATIVE_INFINITY), bound(2, 'max', Number.POSITIVE_INFINITY));
}

/** Min or Max with constants: one bound, or an upper one per channel. */
function extreme(context: LoweringContext, pick: (...values: number[]) => number, lower: boolean): void {
  const constants: NDArray[] = [];
  let x: Draft | undefined;
  context.values.forEach((value, at) => {
    if (value?.kind === 'node') {
      if (x) throw new Refusal(`it compares two values of the net; expected one and a constant`);
      x = value.node;
    } else {
      constants.push(context.constant(at, 'bound')!);
    }
  });
  const bounds = constants.length ? constants.reduce((a, b) => mapBinary(a, b, pick)) : undefined;
  if (!x || !bounds) throw new Refusal('it has no constant bound');
  const { data } = bounds;
  if (data.length === 0 || data.some(Number.isNaN)) throw new GraphError(`its bound is [${data}]`);
  if (data.every((bound) => bound === data[0])) {
    const range: [number, number] = lower ? [data[0]!, Number.POSITIVE_INFINITY] : [Number.NEGATIVE_INFINITY, data[0]!];
    context.set(0, context.emit({ op: 'clip', lo: range[0], hi: range[1] }, [x], x.dims));
    return;
  }
  if (lower || data.some((bound) => !(bound > 0 && bound <= UNBOUNDED))) {
    throw new Refusal(
      `its bounds differ between channels: [${data.slice(0, 4)}${data.length > 4 ? ', …' : ''}]; expected 0 as the lower and positive numbers as the upper bounds`,
    );
  }
  // min(x, λ) = λ · min(x / λ, 1)
  const relative = applyConstant(context, x, bounds, over);
  const capped = context.emit({ op: 'clip', lo: Number.NEGATIVE_INFINITY, hi: 1 }, [relative], relative.dims);
  context.set(0, applyConstant(context, capped, bounds, times));
}

function step(context: LoweringContext, round: boolean): void {
  const x = context.draft(0);
  context.set(0, context.emit({ op: 'step', round }, [x], x.dims));
}

/** A per-tensor or per-axis parameter, shaped so that it broadcasts over x. */
function alongAxis(context: LoweringContext, parameter: NDArray, x: Draft): NDArray {
  if (context.node.int('block_size', 0) !== 0)
    throw new Refusal('it quantises in blocks; expected per tensor or per channel');
  if (parameter.size === 1) return parameter.reshaped([]);
  const axis = axisOf(context.node.int('axis', 1), x.dims.length);
  if (parameter.dims.length !== 1 || parameter.size !== x.dims[axis]) {
    throw new GraphError(`its parameter [${parameter.dims}] does not fit axis ${axis} of [${x.dims}]`);
  }
  return parameter.reshaped(x.dims.map((dim, at) => (at === axis ? dim : 1)));
}

function stepSize(context: LoweringContext, x: Draft): NDArray {
  const scale = context.weights(1, 'scale');
  if (scale.data.some((value) => !(value > 0))) throw new GraphError('its scale is not positive');
  return alongAxis(context, scale, x);
}

function zeroPoint(context: LoweringContext, x: Draft): NDArray | undefined {
  const zero = context.constant(2, 'zero point');
  return zero?.data.some((value) => value !== 0) ? alongAxis(context, zero, x) : undefined;
}

/** saturate(round(x / scale) + zero) */
function quantizeLinear(context: LoweringContext): void {
  const x = context.draft(0);
  const [lo, hi] = integerRange(quantizedType(context.node, context.constant(2, 'zero point')));
  const scaled = applyConstant(context, x, stepSize(context, x), over);
  const rounded = context.emit({ op: 'step', round: true }, [scaled], x.dims);
  const zero = zeroPoint(context, x);
  const shifted = zero ? applyConstant(context, rounded, zero, plus) : rounded;
  context.set(0, context.emit({ op: 'clip', lo, hi }, [shifted], x.dims));
}

/** (x − zero) · scale */
function dequantizeLinear(context: LoweringContext): void {
  const x = context.draft(0);
  const zero = zeroPoint(context, x);
  const minus = (values: Float64Array) => plus(values.map((value) => -value));
  const shifted = zero ? applyConstant(context, x, zero, minus) : x;
  context.set(0, applyConstant(context, shifted, stepSize(context, x), times));
}

function unary(context: LoweringContext, kind: UnaryKind): void {
  const x = context.draft(0);
  context.set(0, context.emit({ op: 'unary', kind }, [x], x.dims));
}

/** Before opset 13 over all axes from `axis` on (default 1), since then over `axis` alone (default the last). */
function softmax(context: LoweringContext, log: boolean): void {
  const x = context.draft(0);
  const { node } = context;
  const flattens = node.opset < 13;
  const axis = axisOf(node.int('axis', flattens ? 1 : -1), x.dims.length);
  if (axis === 0 && x.dims[0] === 1) throw new Refusal('it goes over the batch axis; expected an axis within an image');
  const outer = sizeOf(x.dims.slice(0, axis));
  const rest = sizeOf(x.dims.slice(axis));
  const length = flattens ? rest : x.dims[axis]!;
  context.set(0, context.emit({ op: 'softmax', outer, length, inner: rest / length, log }, [x], x.dims));
}

function cast(context: LoweringContext): void {
  const type = castTarget(context.node);
  if (!isFloat(type))
    throw new Refusal(
      `it casts a value of the net to ${type}; expected a float type. Write rounding to levels as Floor or Round.`,
    );
  const x = context.draft(0);
  context.set(0, routed(context, [x], positions(x)));
}

export const POINTWISE = {
  Relu: (context: LoweringContext) => clipped(context, 0, Number.POSITIVE_INFINITY),
  Clip: clip,
  Max: (context: LoweringContext) => extreme(context, Math.max, true),
  Min: (context: LoweringContext) => extreme(context, Math.min, false),
  Floor: (context: LoweringContext) => step(context, false),
  Round: (context: LoweringContext) => step(context, true),
  QuantizeLinear: quantizeLinear,
  DequantizeLinear: dequantizeLinear,
  Cast: cast,
  Sigmoid: (context: LoweringContext) => unary(context, 'sigmoid'),
  Tanh: (context: LoweringContext) => unary(context, 'tanh'),
  Exp: (context: LoweringContext) => unary(context, 'exp'),
  Log: (context: LoweringContext) => unary(context, 'log'),
  Sqrt: (context: LoweringContext) => unary(context, 'sqrt'),
  Abs: (context: LoweringContext) => unary(context, 'abs'),
  Softmax: (context: LoweringContext) => softmax(context, false),
  LogSoftmax: (context: LoweringContext) => softmax(context, true),
};
