/** Sliding windows of Conv and pooling nodes, resolved as onnxruntime resolves them. */
import { GraphError } from './graph-error';
import type { Shape, Window } from './network';
import type { OnnxNode } from './onnx-node';

export interface Sliding {
  window: Window;
  /** Output height and width. */
  h: number;
  w: number;
  /** Pads at the bottom and right before ceil_mode added to them. */
  plainEnds: readonly [number, number];
}

/** One axis of a window. */
interface Side {
  out: number;
  begin: number;
  end: number;
  plainEnd: number;
}

interface SideSpec {
  size: number;
  kernel: number;
  stride: number;
  dilation: number;
  begin: number;
  end: number;
  autoPad: string;
  ceil: boolean;
}

function resolveSide(spec: SideSpec): Side {
  const { size, stride, autoPad } = spec;
  const reach = (spec.kernel - 1) * spec.dilation + 1;
  let { begin, end } = spec;
  if (autoPad === 'VALID') {
    begin = 0;
    end = 0;
  } else if (autoPad !== 'NOTSET') {
    const wanted = Math.ceil(size / stride);
    const total = Math.max(0, (wanted - 1) * stride + reach - size);
    begin = autoPad === 'SAME_LOWER' ? Math.ceil(total / 2) : Math.floor(total / 2);
    end = total - begin;
  }
  const room = size + begin + end - reach;
  if (room < 0) throw new GraphError(`its kernel reaches over ${reach}, its padded input has ${size + begin + end}`);
  let out = Math.floor(room / stride) + 1;
  if (spec.ceil) {
    out = Math.ceil(room / stride) + 1;
    // The last window must start inside the image or its leading pad.
    if ((out - 1) * stride >= size + begin) --out;
  }
  const overhang = Math.max(0, (out - 1) * stride + reach - (size + begin + end));
  return { out, begin, end: end + overhang, plainEnd: end };
}

function listOf(node: OnnxNode, name: string, length: number, fallback: number, least: number): number[] {
  const given = node.ints(name);
  const list = given?.length ? given : new Array<number>(length).fill(fallback);
  if (list.length !== length) throw new GraphError(`${name} [${list}]; expected ${length} numbers`);
  if (list.some((item) => !(item >= least && item <= 2 ** 20))) {
    throw new GraphError(`${name} [${list}]; expected numbers from ${least}`);
  }
  return list;
}

/**
 * Resolves kernel, strides, pads, dilations, auto_pad and ceil_mode of a node over an image of `shape`. A 1-D node
 * (rank 1) slides over the height; its width is 1. Throws GraphError where the window does not fit.
 */
export function slide(node: OnnxNode, shape: Shape, rank: 1 | 2, kernel: readonly number[]): Sliding {
  const strides = listOf(node, 'strides', rank, 1, 1);
  const dilations = listOf(node, 'dilations', rank, 1, 1);
  const pads = listOf(node, 'pads', 2 * rank, 0, 0);
  const autoPad = node.string('auto_pad', 'NOTSET');
  if (!['NOTSET', 'VALID', 'SAME_UPPER', 'SAME_LOWER'].includes(autoPad)) throw new GraphError(`auto_pad ${autoPad}`);
  const ceil = node.int('ceil_mode', 0) !== 0;
  const side = (axis: number, size: number): Side =>
    resolveSide({
      size,
      kernel: kernel[axis]!,
      stride: strides[axis]!,
      dilation: dilations[axis]!,
      begin: pads[axis]!,
      end: pads[axis + rank]!,
      autoPad,
      ceil,
    });
  const y = side(0, shape.h);
  const x: Side = rank === 2 ? side(1, shape.w) : { out: 1, begin: 0, end: 0, plainEnd: 0 };
  return {
    window: {
      kernel: [kernel[0]!, kernel[1] ?? 1],
      strides: [strides[0]!, strides[1] ?? 1],
      pads: [y.begin, x.begin, y.end, x.end],
      dilations: [dilations[0]!, dilations[1] ?? 1],
    },
    h: y.out,
    w: x.out,
    plainEnds: [y.plainEnd, x.plainEnd],
  };
}

/** kernel_shape of a pooling node. */
export function kernelOf(node: OnnxNode, rank: 1 | 2): number[] {
  if (!node.ints('kernel_shape')?.length) throw new GraphError('kernel_shape is missing');
  return listOf(node, 'kernel_shape', rank, 1, 1);
}

/** Along one axis: how many elements each window covers from `least` up to (not including) `limit`. */
function covered(window: Window, axis: 0 | 1, out: number, least: number, limit: number): number[] {
  const dilation = window.dilations[axis];
  return Array.from({ length: out }, (_, place) => {
    const start = place * window.strides[axis] - window.pads[axis];
    const first = Math.max(0, Math.ceil((least - start) / dilation));
    const last = Math.min(window.kernel[axis] - 1, Math.ceil((limit - start) / dilation) - 1);
    return Math.max(0, last - first + 1);
  });
}

/** How many elements of an image each window of a layer covers, h·w values. */
export function coverage(window: Window, image: Shape, { h, w }: { h: number; w: number }): Float64Array {
  const rows = covered(window, 0, h, 0, image.h);
  const columns = covered(window, 1, w, 0, image.w);
  return Float64Array.from({ length: h * w }, (_, i) => rows[Math.floor(i / w)]! * columns[i % w]!);
}

/** True where a window covers nothing of the image. */
export function hasEmptyWindow(shape: Shape, { window, h, w }: Sliding): boolean {
  return covered(window, 0, h, 0, shape.h).includes(0) || covered(window, 1, w, 0, shape.w).includes(0);
}

/**
 * 1 / (elements counted) of each window of an average pool, h·w values. Pads count if `countPads`, but not what
 * ceil_mode added to them.
 */
export function averageFactors(shape: Shape, sliding: Sliding, countPads: boolean): Float32Array {
  const { window, h, w, plainEnds } = sliding;
  const rows = countPads
    ? covered(window, 0, h, -window.pads[0], shape.h + plainEnds[0])
    : covered(window, 0, h, 0, shape.h);
  const columns = countPads
    ? covered(window, 1, w, -window.pads[1], shape.w + plainEnds[1])
    : covered(window, 1, w, 0, shape.w);
  const factor = new Float32Array(h * w);
  for (let y = 0; y < h; ++y) for (let x = 0; x < w; ++x) factor[y * w + x] = 1 / (rows[y]! * columns[x]!);
  return factor;
}

/** A window over a whole image. */
export function wholeImage(shape: Shape): Window {
  return { kernel: [shape.h, shape.w], strides: [1, 1], pads: [0, 0, 0, 0], dilations: [1, 1] };
}
