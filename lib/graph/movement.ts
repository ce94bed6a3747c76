/**
 * Data movement: operators whose output elements are copies of input elements or zeros. Each is a function of arrays, so
 * the same code folds constants and, run on an array of 1-based positions, yields the index map of a route.
 */
import { GraphError, Refusal } from './graph-error';
import { axisOf, broadcastDims, create, expand, type NDArray, sizeOf, strided, stridesOf, transpose } from './ndarray';
import type { OnnxNode } from './onnx-node';
import { resizeNearest } from './resize';

/** Inputs by place; undefined where absent. Those that are moved are given as data, the rest as constants. */
export type Inputs = readonly (NDArray | undefined)[];

type Mover = (node: OnnxNode, inputs: Inputs) => NDArray[];

/** Which inputs carry the data that is moved; the others only say how. */
export function isMoved(opType: string, input: number): boolean {
  return opType === 'Concat' || input === 0;
}

function need(inputs: Inputs, at: number, what: string): NDArray {
  const value = inputs[at];
  if (!value) throw new GraphError(`${what} is missing`);
  return value;
}

/** A list given as an attribute in old opsets and as an input in new ones. */
function listOf(node: OnnxNode, name: string, inputs: Inputs, at: number): number[] | undefined {
  return node.ints(name) ?? inputs[at]?.numbers();
}

function reshape(node: OnnxNode, x: NDArray, target: readonly number[]): NDArray {
  const allowZero = node.int('allowzero', 0) !== 0;
  const dims = target.map((dim, axis) => (dim === 0 && !allowZero ? (x.dims[axis] ?? 0) : dim));
  const open = dims.indexOf(-1);
  if (open >= 0) {
    const rest = sizeOf(dims.filter((_, axis) => axis !== open));
    if (rest === 0 || x.size % rest !== 0) throw new GraphError(`cannot reshape [${x.dims}] to [${target}]`);
    dims[open] = x.size / rest;
  }
  return x.reshaped(dims);
}

function flatten(node: OnnxNode, x: NDArray): NDArray {
  const rank = x.dims.length;
  const axis = node.int('axis', 1);
  const at = axis === rank ? rank : axisOf(axis, Math.max(rank, 1));
  return x.reshaped([sizeOf(x.dims.slice(0, at)), sizeOf(x.dims.slice(at))]);
}

function squeeze(x: NDArray, axes: readonly number[] | undefined): NDArray {
  if (!axes) return x.reshaped(x.dims.filter((dim) => dim !== 1));
  const gone = new Set(axes.map((axis) => axisOf(axis, x.dims.length)));
  return x.reshaped(x.dims.filter((_, axis) => !gone.has(axis)));
}

function unsqueeze(x: NDArray, axes: readonly number[]): NDArray {
  const rank = x.dims.length + axes.length;
  const added = new Set(axes.map((axis) => axisOf(axis, rank)));
  if (added.size !== axes.length) throw new GraphError(`axes [${axes}] repeat`);
  const rest = [...x.dims];
  return x.reshaped(Array.from({ length: rank }, (_, axis) => (added.has(axis) ? 1 : rest.shift()!)));
}

function slice(node: OnnxNode, inputs: Inputs): NDArray {
  const x = need(inputs, 0, 'the data');
  const starts = listOf(node, 'starts', inputs, 1);
  const ends = listOf(node, 'ends', inputs, 2);
  if (!starts || !ends || starts.length !== ends.length) throw new GraphError('starts and ends are missing or differ');
  const axes = listOf(node, 'axes', inputs, 3) ?? starts.map((_, axis) => axis);
  const steps = inputs[4]?.numbers() ?? starts.map(() => 1);
  if (axes.length !== starts.length || steps.length !== starts.length)
    throw new GraphError('axes or steps do not match');
  const dims = [...x.dims];
  const strides = stridesOf(x.dims);
  let offset = 0;
  axes.forEach((given, at) => {
    const axis = axisOf(given, x.dims.length);
    const size = x.dims[axis]!;
    const step = steps[at]!;
    if (step === 0) throw new GraphError('a slice step is 0');
    const clamp = (value: number, lo: number, hi: number) =>
      Math.min(Math.max(value < 0 ? value + size : value, lo), hi);
    const start = step > 0 ? clamp(starts[at]!, 0, size) : clamp(starts[at]!, 0, size - 1);
    const end = step > 0 ? clamp(ends[at]!, 0, size) : clamp(ends[at]!, -1, size - 1);
    dims[axis] = Math.max(0, Math.ceil((end - start) / step));
    offset += start * strides[axis]!;
    strides[axis] = strides[axis]! * step;
  });
  return strided(x, dims, strides, offset);
}

function concat(node: OnnxNode, inputs: Inputs): NDArray {
  const parts = inputs.map((_, at) => need(inputs, at, `input ${at}`));
  const first = parts[0];
  if (!first) throw new GraphError('it has no inputs');
  const axis = axisOf(node.int('axis', 1), first.dims.length);
  const dims = [...first.dims];
  dims[axis] = 0;
  for (const part of parts) {
    const fits = part.dims.length === dims.length && part.dims.every((dim, at) => at === axis || dim === dims[at]);
    if (!fits) throw new GraphError(`dims ${parts.map((p) => `[${p.dims}]`).join(', ')} do not fit on axis ${axis}`);
    dims[axis]! += part.dims[axis]!;
  }
  const out = create(first.type, dims);
  const outer = sizeOf(dims.slice(0, axis));
  const row = sizeOf(dims.slice(axis));
  let column = 0;
  for (const part of parts) {
    const width = sizeOf(part.dims.slice(axis));
    for (let i = 0; i < outer; ++i) out.data.set(part.data.subarray(i * width, (i + 1) * width), i * row + column);
    column += width;
  }
  return out;
}

function split(node: OnnxNode, inputs: Inputs): NDArray[] {
  const x = need(inputs, 0, 'the data');
  const axis = axisOf(node.int('axis', 0), x.dims.length);
  const total = x.dims[axis]!;
  let sizes = listOf(node, 'split', inputs, 1);
  if (!sizes) {
    const count = node.int('num_outputs', node.outputs.length);
    if (!(count >= 1 && count <= total)) throw new GraphError(`cannot split ${total} into ${count}`);
    const size = Math.ceil(total / count);
    sizes = Array.from({ length: count }, (_, at) => Math.max(0, Math.min(size, total - at * size)));
  }
  if (sizes.some((size) => size < 0) || sizes.reduce((sum, size) => sum + size, 0) !== total) {
    throw new GraphError(`split [${sizes}] does not sum up to ${total}`);
  }
  const strides = stridesOf(x.dims);
  let start = 0;
  return sizes.map((size) => {
    const dims = x.dims.map((dim, at) => (at === axis ? size : dim));
    const part = strided(x, dims, strides, start * strides[axis]!);
    start += size;
    return part;
  });
}

function gather(node: OnnxNode, inputs: Inputs): NDArray {
  const x = need(inputs, 0, 'the data');
  const indices = need(inputs, 1, 'the index');
  const axis = axisOf(node.int('axis', 0), x.dims.length);
  const size = x.dims[axis]!;
  const inner = sizeOf(x.dims.slice(axis + 1));
  const outer = sizeOf(x.dims.slice(0, axis));
  const out = create(x.type, [...x.dims.slice(0, axis), ...indices.dims, ...x.dims.slice(axis + 1)]);
  const picked = indices.numbers().map((index) => axisOf(index, size));
  let at = 0;
  for (let o = 0; o < outer; ++o) {
    for (const index of picked) {
      const from = (o * size + index) * inner;
      out.data.set(x.data.subarray(from, from + inner), at);
      at += inner;
    }
  }
  return out;
}

/** Where a position before or after an axis of `size` is taken from; −1 for the constant. */
function padded(position: number, size: number, mode: string): number {
  if (position >= 0 && position < size) return position;
  if (mode === 'edge') return position < 0 ? 0 : size - 1;
  if (mode === 'wrap') return ((position % size) + size) % size;
  if (mode === 'reflect') {
    if (size === 1) return 0;
    const period = 2 * (size - 1);
    const phase = ((position % period) + period) % period;
    return phase < size ? phase : period - phase;
  }
  return -1;
}

/** Pads given as begin… and end… of all axes; negative ones crop. */
export function pad(x: NDArray, pads: readonly number[], mode: string, value: number): NDArray {
  const rank = x.dims.length;
  if (pads.length !== 2 * rank) throw new GraphError(`${pads.length} pads; expected ${2 * rank}`);
  let result = x;
  for (let axis = 0; axis < rank; ++axis) {
    const before = pads[axis]!;
    const after = pads[axis + rank]!;
    if (before === 0 && after === 0) continue;
    const size = result.dims[axis]!;
    const dims = result.dims.map((dim, at) => (at === axis ? dim + before + after : dim));
    if (mode !== 'constant' && size === 0) throw new GraphError('cannot pad an empty axis from itself');
    const out = create(result.type, dims);
    const inner = sizeOf(dims.slice(axis + 1));
    const outer = sizeOf(dims.slice(0, axis));
    for (let o = 0; o < outer; ++o) {
      for (let i = 0; i < dims[axis]!; ++i) {
        const from = padded(i - before, size, mode);
        const to = (o * dims[axis]! + i) * inner;
        if (from < 0) out.data.fill(value, to, to + inner);
        else out.data.set(result.data.subarray((o * size + from) * inner, (o * size + from + 1) * inner), to);
      }
    }
    result = out;
  }
  return result;
}

function padNode(node: OnnxNode, inputs: Inputs): NDArray {
  const x = need(inputs, 0, 'the data');
  const mode = node.string('mode', 'constant');
  if (!['constant', 'edge', 'reflect', 'wrap'].includes(mode)) throw new Refusal(`its mode is ${mode}`);
  const given = listOf(node, 'pads', inputs, 1);
  if (!given) throw new GraphError('pads are missing');
  const rank = x.dims.length;
  let pads = given;
  const axes = inputs[3]?.numbers();
  if (axes) {
    if (given.length !== 2 * axes.length) throw new GraphError(`${given.length} pads for ${axes.length} axes`);
    pads = new Array<number>(2 * rank).fill(0);
    axes.forEach((axis, at) => {
      pads[axisOf(axis, rank)] = given[at]!;
      pads[axisOf(axis, rank) + rank] = given[at + axes.length]!;
    });
  }
  return pad(x, pads, mode, padValue(node, inputs));
}

/** The constant that a Pad node fills with. */
export function padValue(node: OnnxNode, inputs: Inputs): number {
  if (node.string('mode', 'constant') !== 'constant') return 0;
  return inputs[2] ? inputs[2].scalar('the pad value') : node.float('value', 0);
}

function tile(inputs: Inputs): NDArray {
  const x = need(inputs, 0, 'the data');
  const repeats = need(inputs, 1, 'repeats').numbers();
  if (repeats.length !== x.dims.length) throw new GraphError(`${repeats.length} repeats for rank ${x.dims.length}`);
  const split = x.reshaped(x.dims.flatMap((dim) => [1, dim]));
  const wide = expand(
    split,
    x.dims.flatMap((dim, axis) => [repeats[axis]!, dim]),
  );
  return wide.reshaped(x.dims.map((dim, axis) => dim * repeats[axis]!));
}

function imageDims(x: NDArray): [number, number, number, number] {
  if (x.dims.length !== 4) throw new GraphError(`its input has dims [${x.dims}]; expected rank 4`);
  return [x.dims[0]!, x.dims[1]!, x.dims[2]!, x.dims[3]!];
}

function blockOf(node: OnnxNode): number {
  const block = node.int('blocksize', 0);
  if (!(block >= 1)) throw new GraphError(`blocksize ${block}; expected 1 or more`);
  return block;
}

function depthToSpace(node: OnnxNode, x: NDArray): NDArray {
  const [n, c, h, w] = imageDims(x);
  const b = blockOf(node);
  if (c % (b * b) !== 0) throw new GraphError(`${c} channels are no multiple of ${b * b}`);
  const rest = c / (b * b);
  const columnFirst = node.string('mode', 'DCR') === 'CRD';
  const parted = columnFirst
    ? transpose(x.reshaped([n, rest, b, b, h, w]), [0, 1, 4, 2, 5, 3])
    : transpose(x.reshaped([n, b, b, rest, h, w]), [0, 3, 4, 1, 5, 2]);
  return parted.reshaped([n, rest, h * b, w * b]);
}

function spaceToDepth(node: OnnxNode, x: NDArray): NDArray {
  const [n, c, h, w] = imageDims(x);
  const b = blockOf(node);
  if (h % b !== 0 || w % b !== 0) throw new GraphError(`[${h}, ${w}] is no multiple of ${b}`);
  const parted = transpose(x.reshaped([n, c, h / b, b, w / b, b]), [0, 3, 5, 1, 2, 4]);
  return parted.reshaped([n, c * b * b, h / b, w / b]);
}

const MOVERS: Readonly<Record<string, Mover>> = {
  Identity: (_, inputs) => [need(inputs, 0, 'the data')],
  Dropout: (_, inputs) => [need(inputs, 0, 'the data')],
  Reshape: (node, inputs) => {
    const target = inputs[1]?.numbers() ?? node.ints('shape');
    if (!target) throw new GraphError('the shape is missing');
    return [reshape(node, need(inputs, 0, 'the data'), target)];
  },
  Flatten: (node, inputs) => [flatten(node, need(inputs, 0, 'the data'))],
  Squeeze: (node, inputs) => [squeeze(need(inputs, 0, 'the data'), listOf(node, 'axes', inputs, 1))],
  Unsqueeze: (node, inputs) => {
    const axes = listOf(node, 'axes', inputs, 1);
    if (!axes) throw new GraphError('axes are missing');
    return [unsqueeze(need(inputs, 0, 'the data'), axes)];
  },
  Transpose: (node, inputs) => {
    const x = need(inputs, 0, 'the data');
    return [transpose(x, node.ints('perm') ?? x.dims.map((_, axis) => x.dims.length - 1 - axis))];
  },
  Slice: (node, inputs) => [slice(node, inputs)],
  Concat: (node, inputs) => [concat(node, inputs)],
  Split: split,
  Gather: (node, inputs) => [gather(node, inputs)],
  Pad: (node, inputs) => [padNode(node, inputs)],
  Expand: (_, inputs) => {
    const x = need(inputs, 0, 'the data');
    return [expand(x, broadcastDims(x.dims, need(inputs, 1, 'the shape').numbers()))];
  },
  Tile: (_, inputs) => [tile(inputs)],
  DepthToSpace: (node, inputs) => [depthToSpace(node, need(inputs, 0, 'the data'))],
  SpaceToDepth: (node, inputs) => [spaceToDepth(node, need(inputs, 0, 'the data'))],
  Resize: (node, inputs) => [resizeNearest(node, inputs)],
  Upsample: (node, inputs) => [resizeNearest(node, inputs)],
};

export function isMovement(opType: string): boolean {
  return Object.hasOwn(MOVERS, opType);
}

/** Runs a data movement node on arrays. Throws GraphError for inconsistent inputs, Refusal for modes that compute. */
export function move(node: OnnxNode, inputs: Inputs): NDArray[] {
  return MOVERS[node.opType]!(node, inputs);
}
