/** Element-wise arithmetic, comparisons and reductions on constants. */
import type { ElementType } from '../onnx';
import { GraphError } from './graph-error';
import {
  axisOf,
  broadcastDims,
  broadcastStrides,
  create,
  isFloat,
  type NDArray,
  sizeOf,
  strided,
  transpose,
} from './ndarray';

type Unary = (x: number) => number;
type Binary = (a: number, b: number) => number;

/** Half to even, as ONNX's Round and QuantizeLinear. */
export function roundHalfEven(x: number): number {
  const below = Math.floor(x);
  const rest = x - below;
  if (rest < 0.5) return below;
  if (rest > 0.5) return below + 1;
  return below % 2 === 0 ? below : below + 1;
}

export const UNARY: Readonly<Record<string, Unary>> = {
  Abs: Math.abs,
  Ceil: Math.ceil,
  Cos: Math.cos,
  Exp: Math.exp,
  Floor: Math.floor,
  Log: Math.log,
  Neg: (x) => -x,
  Reciprocal: (x) => 1 / x,
  Relu: (x) => Math.max(x, 0),
  Round: roundHalfEven,
  Sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  Sign: Math.sign,
  Sin: Math.sin,
  // Large values are their own.
  Softplus: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
  Sqrt: Math.sqrt,
  Tanh: Math.tanh,
};

export const BINARY: Readonly<Record<string, Binary>> = {
  Add: (a, b) => a + b,
  Sub: (a, b) => a - b,
  Mul: (a, b) => a * b,
  Div: (a, b) => a / b,
  Pow: (a, b) => a ** b,
  Min: Math.min,
  Max: Math.max,
  Sum: (a, b) => a + b,
};

/** Comparisons and logic: the result is bool. */
export const PREDICATES: Readonly<Record<string, Binary>> = {
  Equal: (a, b) => Number(a === b),
  Greater: (a, b) => Number(a > b),
  GreaterOrEqual: (a, b) => Number(a >= b),
  Less: (a, b) => Number(a < b),
  LessOrEqual: (a, b) => Number(a <= b),
  And: (a, b) => Number(a !== 0 && b !== 0),
  Or: (a, b) => Number(a !== 0 || b !== 0),
};

/** How a reduction starts, goes on and ends. */
interface Reduction {
  first: number;
  step: Binary;
  last?: (sum: number, count: number) => number;
}

export const REDUCTIONS: Readonly<Record<string, Reduction>> = {
  ReduceMean: { first: 0, step: (a, b) => a + b, last: (sum, count) => sum / count },
  ReduceSum: { first: 0, step: (a, b) => a + b },
  ReduceProd: { first: 1, step: (a, b) => a * b },
  ReduceMax: { first: Number.NEGATIVE_INFINITY, step: Math.max },
  ReduceMin: { first: Number.POSITIVE_INFINITY, step: Math.min },
};

export function mapUnary(x: NDArray, operation: Unary): NDArray {
  const out = create(x.type, x.dims);
  for (let i = 0; i < x.size; ++i) out.data[i] = operation(x.data[i]!);
  return out;
}

/** Integer results are truncated towards zero, as integer division is. */
export function mapBinary(a: NDArray, b: NDArray, operation: Binary, type: ElementType = a.type): NDArray {
  const dims = broadcastDims(a.dims, b.dims);
  const left = strided(a, dims, broadcastStrides(a.dims, dims)).data;
  const right = strided(b, dims, broadcastStrides(b.dims, dims)).data;
  const out = create(type, dims);
  const whole = !isFloat(type);
  for (let i = 0; i < out.size; ++i) {
    const value = operation(left[i]!, right[i]!);
    out.data[i] = whole ? Math.trunc(value) : value;
  }
  return out;
}

export function where(condition: NDArray, a: NDArray, b: NDArray): NDArray {
  const dims = broadcastDims(condition.dims, a.dims, b.dims);
  const chosen = strided(condition, dims, broadcastStrides(condition.dims, dims)).data;
  const yes = strided(a, dims, broadcastStrides(a.dims, dims)).data;
  const no = strided(b, dims, broadcastStrides(b.dims, dims)).data;
  const out = create(a.type, dims);
  for (let i = 0; i < out.size; ++i) out.data[i] = chosen[i] ? yes[i]! : no[i]!;
  return out;
}

/** ONNX Cast between numbers; floats are truncated to integers. */
export function cast(x: NDArray, type: ElementType): NDArray {
  const out = create(type, x.dims);
  for (let i = 0; i < x.size; ++i) {
    const value = x.data[i]!;
    if (type === 'bool') out.data[i] = value === 0 ? 0 : 1;
    else out.data[i] = isFloat(type) ? value : Math.trunc(value);
  }
  return out;
}

export function reduce(x: NDArray, axes: readonly number[], keepDims: boolean, kind: Reduction): NDArray {
  const rank = x.dims.length;
  const gone = new Set(axes.map((axis) => axisOf(axis, rank)));
  const kept = x.dims.map((_, axis) => axis).filter((axis) => !gone.has(axis));
  const ordered = transpose(x, [...kept, ...gone]);
  const count = sizeOf([...gone].map((axis) => x.dims[axis]!));
  const all = x.dims.map((dim, axis) => (gone.has(axis) ? 1 : dim));
  const out = create(x.type, keepDims ? all : kept.map((axis) => x.dims[axis]!));
  for (let i = 0; i < out.size; ++i) {
    let value = kind.first;
    for (let j = 0; j < count; ++j) value = kind.step(value, ordered.data[i * count + j]!);
    out.data[i] = kind.last ? kind.last(value, count) : value;
  }
  return out;
}

/** Calls `step` with each element's value, scale and zero point; these go along an axis, or one for all. */
function alongAxis(
  x: NDArray,
  scale: NDArray,
  zero: NDArray | undefined,
  axis: number,
  step: (at: number, value: number, scale: number, zero: number) => void,
): void {
  const place = scale.size === 1 ? 0 : axisOf(axis, x.dims.length);
  const length = scale.size === 1 ? 1 : x.dims[place]!;
  if (scale.size !== length || scale.dims.length > 1) {
    throw new GraphError(`${scale.size} scales [${scale.dims}] for an axis of ${length}`);
  }
  if (zero && zero.size !== 1 && zero.size !== scale.size) throw new GraphError('scale and zero point differ in size');
  const inner = scale.size === 1 ? Math.max(x.size, 1) : sizeOf(x.dims.slice(place + 1));
  for (let i = 0; i < x.size; ++i) {
    const channel = Math.floor(i / inner) % length;
    step(i, x.data[i]!, scale.data[channel]!, zero ? zero.data[zero.size === 1 ? 0 : channel]! : 0);
  }
}

/** (x − zero) · scale, float32. */
export function dequantize(x: NDArray, scale: NDArray, zero: NDArray | undefined, axis: number): NDArray {
  const out = create('float32', x.dims);
  alongAxis(x, scale, zero, axis, (at, value, step, offset) => {
    out.data[at] = (value - offset) * step;
  });
  return out;
}

/** round(x / scale) + zero, kept within lo…hi. */
export function quantize(
  x: NDArray,
  scale: NDArray,
  zero: NDArray | undefined,
  axis: number,
  into: { type: ElementType; lo: number; hi: number },
): NDArray {
  const out = create(into.type, x.dims);
  alongAxis(x, scale, zero, axis, (at, value, step, offset) => {
    const level = roundHalfEven(Math.fround(value / step)) + offset;
    out.data[at] = Math.min(Math.max(level, into.lo), into.hi);
  });
  return out;
}

/** start, start + delta, … before limit. */
export function range(start: NDArray, limit: NDArray, delta: NDArray): NDArray {
  const from = start.scalar('start');
  const step = delta.scalar('delta');
  if (step === 0) throw new GraphError('the delta of a range is 0');
  const count = Math.max(0, Math.ceil((limit.scalar('limit') - from) / step));
  if (!Number.isFinite(count)) throw new GraphError('a range without end');
  const out = create(start.type, [count]);
  for (let i = 0; i < count; ++i) out.data[i] = from + i * step;
  return out;
}
