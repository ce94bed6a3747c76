/** A dense array with ONNX dims: what constants are, and what index maps are computed on. */
import type { ElementType, NumericArray } from '../onnx';
import { GraphError } from './graph-error';

/** More elements than any computed value may have: a bound against files that lie about their dims. */
const MOST_ELEMENTS = 2 ** 27;

export class NDArray {
  constructor(
    readonly type: ElementType,
    readonly dims: readonly number[],
    /** Row-major. int64 lies in a Float64Array, bool in a Uint8Array. */
    readonly data: NumericArray,
  ) {}

  get size(): number {
    return this.data.length;
  }

  /** The same data under other dims of the same size. */
  reshaped(dims: readonly number[]): NDArray {
    if (sizeOf(dims) !== this.size) throw new GraphError(`cannot give ${this.size} values the dims [${dims}]`);
    return new NDArray(this.type, dims, this.data);
  }

  numbers(): number[] {
    return Array.from(this.data);
  }

  /** The one value of a scalar or one-element array. */
  scalar(what: string): number {
    if (this.size !== 1) throw new GraphError(`${what} has ${this.size} values; expected one`);
    return this.data[0]!;
  }
}

/** Product of dims, checked. */
export function sizeOf(dims: readonly number[]): number {
  let size = 1;
  for (const dim of dims) {
    if (!Number.isSafeInteger(dim) || dim < 0) throw new GraphError(`dims [${dims}] are not natural numbers`);
    size *= dim;
  }
  if (size > MOST_ELEMENTS) throw new GraphError(`a value of dims [${dims}] is larger than ${MOST_ELEMENTS} elements`);
  return size;
}

export function create(type: ElementType, dims: readonly number[]): NDArray {
  return new NDArray(type, dims, allocate(type, sizeOf(dims)));
}

export function fromNumbers(type: ElementType, dims: readonly number[], values: readonly number[]): NDArray {
  const array = create(type, dims);
  array.data.set(values);
  return array;
}

function allocate(type: ElementType, size: number): NumericArray {
  switch (type) {
    case 'float32':
      return new Float32Array(size);
    case 'float64':
    case 'int64':
    case 'uint64':
      return new Float64Array(size);
    case 'int4':
    case 'int8':
      return new Int8Array(size);
    case 'uint4':
    case 'uint8':
    case 'bool':
      return new Uint8Array(size);
    case 'int16':
      return new Int16Array(size);
    case 'uint16':
      return new Uint16Array(size);
    case 'int32':
      return new Int32Array(size);
    case 'uint32':
      return new Uint32Array(size);
  }
}

export function isFloat(type: ElementType): boolean {
  return type === 'float32' || type === 'float64';
}

/** Row-major strides. */
export function stridesOf(dims: readonly number[]): number[] {
  const strides = new Array<number>(dims.length);
  let step = 1;
  for (let axis = dims.length - 1; axis >= 0; --axis) {
    strides[axis] = step;
    step *= dims[axis]!;
  }
  return strides;
}

/** Strides that read `from` as if it had the dims `to`: 0 where it is repeated. */
export function broadcastStrides(from: readonly number[], to: readonly number[]): number[] {
  const own = stridesOf(from);
  const lead = to.length - from.length;
  return to.map((dim, axis) => {
    if (axis < lead) return 0;
    const size = from[axis - lead]!;
    if (size !== dim && size !== 1) throw new GraphError(`dims [${from}] do not broadcast to [${to}]`);
    return size === 1 ? 0 : own[axis - lead]!;
  });
}

/** The dims that ONNX (as numpy) broadcasts several to. */
export function broadcastDims(...all: readonly (readonly number[])[]): number[] {
  const rank = Math.max(...all.map((dims) => dims.length));
  const result = new Array<number>(rank).fill(1);
  for (const dims of all) {
    dims.forEach((dim, at) => {
      const axis = rank - dims.length + at;
      if (dim === 1) return;
      if (result[axis] !== 1 && result[axis] !== dim) {
        throw new GraphError(`dims ${all.map((d) => `[${d}]`).join(' and ')} do not broadcast`);
      }
      result[axis] = dim;
    });
  }
  return result;
}

/**
 * Copies elements by strides: out[i0, i1, …] = source[start + Σ i·strides]. Transpose, Slice, Expand and Gather of one
 * index are all this. Where nothing moves, the result shares the source's memory.
 */
export function strided(source: NDArray, dims: readonly number[], strides: readonly number[], start = 0): NDArray {
  const size = sizeOf(dims);
  const own = stridesOf(dims);
  if (strides.every((step, axis) => step === own[axis] || dims[axis] === 1)) {
    return new NDArray(source.type, dims, source.data.subarray(start, start + size));
  }
  const out = create(source.type, dims);
  if (size === 0) return out;
  const rank = dims.length;
  const index = new Array<number>(rank).fill(0);
  let offset = start;
  for (let i = 0; i < size; ++i) {
    out.data[i] = source.data[offset]!;
    for (let axis = rank - 1; axis >= 0; --axis) {
      offset += strides[axis]!;
      if (++index[axis]! < dims[axis]!) break;
      offset -= strides[axis]! * dims[axis]!;
      index[axis] = 0;
    }
  }
  return out;
}

/** An axis, counted from the end if negative. */
export function axisOf(axis: number, rank: number): number {
  const at = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(at) || at < 0 || at >= rank) throw new GraphError(`axis ${axis} is outside rank ${rank}`);
  return at;
}

export function transpose(x: NDArray, perm: readonly number[]): NDArray {
  const strides = stridesOf(x.dims);
  const axes = perm.map((axis) => axisOf(axis, x.dims.length));
  if (new Set(axes).size !== x.dims.length || axes.length !== x.dims.length) {
    throw new GraphError(`perm [${perm}] is no permutation of ${x.dims.length} axes`);
  }
  return strided(
    x,
    axes.map((axis) => x.dims[axis]!),
    axes.map((axis) => strides[axis]!),
  );
}

export function expand(x: NDArray, dims: readonly number[]): NDArray {
  return strided(x, dims, broadcastStrides(x.dims, dims));
}
