/** Short ways to write dense descriptions in tests. */

import type { NetworkNode, Shape, Window } from '../../lib/graph/network';
import type { DenseDescription, DenseRunOptions, NativeDensePlan } from '../../lib/native';
import { addon } from '../../lib/native';

type Bare<T> = T extends NetworkNode ? Omit<T, 'id' | 'name' | 'tensor' | 'onnx' | 'tail' | 'trailingAxes'> : never;
/** A node without what only messages and tables need. */
export type BareNode = Bare<NetworkNode>;

export function nodes(...bare: BareNode[]): NetworkNode[] {
  return bare.map(
    (node, id) => ({ id, name: `${node.op}${id}`, tensor: `t${id}`, onnx: [], tail: false, ...node }) as NetworkNode,
  );
}

export const shape = (c: number, h = 1, w = 1): Shape => ({ c, h, w });
export const input = (s: Shape): BareNode => ({ op: 'input', shape: s, inputs: [], grid: null });
export const window = (kernel: number, stride = 1, pad = 0, dilation = 1): Window => ({
  kernel: [kernel, kernel],
  strides: [stride, stride],
  pads: [pad, pad, pad, pad],
  dilations: [dilation, dilation],
});

/** The output extents of a window. */
export function slid(s: Shape, w: Window, c = s.c): Shape {
  const extent = (axis: 0 | 1) => w.dilations[axis] * (w.kernel[axis] - 1) + 1;
  const steps = (axis: 0 | 1, size: number) =>
    Math.floor((size + w.pads[axis] + w.pads[axis + 2]! - extent(axis)) / w.strides[axis]) + 1;
  return { c, h: steps(0, s.h), w: steps(1, s.w) };
}

export function plan(list: NetworkNode[], outputs = [list.length - 1], isa?: string): NativeDensePlan {
  return new (addon().DensePlan)({ nodes: list, outputs, isa } satisfies DenseDescription);
}

/** Values of the last node. */
export async function run(
  list: NetworkNode[],
  inputs: Float32Array[],
  images = 1,
  options: Partial<DenseRunOptions> = {},
  isa?: string,
): Promise<Float32Array> {
  const result = await plan(list, undefined, isa).run(inputs, images, { threads: 1, ...options });
  return result.outputs[0]!;
}

/** Deterministic pseudo-random numbers in [0, 1). */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function floats(length: number, seed: number, scale = 1): Float32Array {
  const next = random(seed);
  return Float32Array.from({ length }, () => (2 * next() - 1) * scale);
}

/** Small whole numbers: sums of their products are exact in float32, in any order. */
export function integers(length: number, seed: number, most = 3): Float32Array {
  const next = random(seed);
  return Float32Array.from({ length }, () => Math.floor(next() * (2 * most + 1)) - most);
}
