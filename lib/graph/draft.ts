/**
 * The network while it is being made: nodes that refer to each other, each with its logical ONNX dims, and operators that
 * the finished Network has no more (step, clip, refused).
 */

import { GraphError } from './graph-error';
import { sizeOf } from './ndarray';
import type { InputGrid, Shape, UnaryKind, Window } from './network';
import type { OnnxNode } from './onnx-node';

/** y = x·mul/div + shift. Arrays have length 1 or C. Multiplier and divisor are kept apart so that λ/Q stays exact. */
export interface Affine {
  mul: Float64Array;
  div: Float64Array;
  shift: Float64Array;
}

export type Operation =
  | { op: 'input'; name: string; grid: InputGrid | null }
  | {
      op: 'conv';
      /** As in the file; `factor` per output channel is applied when the network is finished. */
      weight: Float32Array;
      factor: Float64Array | null;
      bias: Float64Array | null;
      window: Window;
      groups: number;
      /** From a MatMul, whose bias is a separate Add. */
      matmul: boolean;
    }
  | ({ op: 'scale'; batchNorm: boolean } & Affine)
  | { op: 'add' }
  /** A constant that varies within a channel, C·H·W values: the bias of fused layers over a padded border. */
  | { op: 'bias'; values: Float64Array }
  | { op: 'avgpool'; window: Window; factor: Float32Array }
  | { op: 'maxpool'; window: Window }
  | { op: 'route'; index: Int32Array }
  /** A Relu is a clip to 0…∞. */
  | { op: 'clip'; lo: number; hi: number }
  /** Floor or Round (half to even): the heart of a quantised activation. */
  | { op: 'step'; round: boolean }
  | {
      op: 'quant';
      levels: number;
      stepIn: Float64Array;
      offset: Float64Array;
      stepOut: Float64Array;
      tiesToEven: boolean;
    }
  | { op: 'unary'; kind: UnaryKind }
  | { op: 'softmax'; outer: number; length: number; inner: number; log: boolean };

export interface Draft {
  operation: Operation;
  /** The ONNX node this one stands for; undefined for the graph input. */
  readonly origin: OnnxNode | undefined;
  /** All ONNX nodes that went into it. */
  absorbed: OnnxNode[];
  /** ONNX tensor that holds the value, empty where none does. */
  tensor: string;
  inputs: Draft[];
  /** Logical ONNX dims, batch 1 included wherever the file has it. */
  readonly dims: readonly number[];
  readonly shape: Shape;
  tail: boolean;
  /** For the verdict of `origin`. */
  notes: string[];
}

/** A draft node whose operation is known. */
export type DraftOf<K extends Operation['op']> = Draft & { operation: Extract<Operation, { op: K }> };

export function is<K extends Operation['op']>(draft: Draft, op: K): draft is DraftOf<K> {
  return draft.operation.op === op;
}

/** Per-image shape of logical dims: (C, H, W) for rank 4, (dims[1], rest, 1) for others; a first dim that is not 1 counts. */
function shapeOfDims(dims: readonly number[]): Shape {
  const own = dims[0] === 1 && dims.length > 1 ? dims.slice(1) : dims;
  if (own.length === 3 && dims.length === 4) return { c: own[0]!, h: own[1]!, w: own[2]! };
  return { c: own[0] ?? 1, h: sizeOf(own.slice(1)), w: 1 };
}

/** More elements than any value of a net may have: a bound against files that lie about their dims. */
const MOST_ELEMENTS = 2 ** 26;

export function draft(
  operation: Operation,
  origin: OnnxNode | undefined,
  inputs: Draft[],
  dims: readonly number[],
  tensor: string,
): Draft {
  if (sizeOf(dims) > MOST_ELEMENTS) throw new GraphError(`a value of dims [${dims}] is larger than ${MOST_ELEMENTS}`);
  const absorbed = origin ? [origin] : [];
  return { operation, origin, absorbed, tensor, inputs, dims, shape: shapeOfDims(dims), tail: false, notes: [] };
}

export function nameOf(node: Draft): string {
  if (node.operation.op === 'input') return node.operation.name;
  return node.origin?.name ?? node.tensor;
}

/** Entry of an array of length 1 or C. */
export function at(values: ArrayLike<number>, channel: number): number {
  return values[values.length === 1 ? 0 : channel]!;
}

/** Combines arrays of length 1 or C entry by entry. */
export function zip(a: Float64Array, b: Float64Array, operation: (x: number, y: number) => number): Float64Array {
  const length = Math.max(a.length, b.length);
  return Float64Array.from({ length }, (_, channel) => operation(at(a, channel), at(b, channel)));
}

export const ONE: Float64Array = Float64Array.of(1);
export const ZERO: Float64Array = Float64Array.of(0);

/** The whole draft: what the outputs and refused nodes need. */
export class DraftGraph {
  constructor(
    /** Graph outputs that can be computed. */
    readonly outputs: { readonly name: string; node: Draft; readonly dims: readonly number[] }[],
    /** What refused nodes read: kept, so that the net is known as far as it goes. */
    readonly frontier: Draft[],
    readonly input: Draft,
  ) {}

  /** Live nodes in topological order; the input is the first. */
  nodes(): Draft[] {
    const seen = new Set<Draft>([this.input]);
    const order: Draft[] = [this.input];
    for (const root of this.roots()) {
      const stack: { node: Draft; next: number }[] = [];
      const enter = (node: Draft) => {
        if (seen.has(node)) return;
        seen.add(node);
        stack.push({ node, next: 0 });
      };
      enter(root);
      while (stack.length) {
        const top = stack[stack.length - 1]!;
        const input = top.node.inputs[top.next++];
        if (input) enter(input);
        else order.push(stack.pop()!.node);
      }
    }
    return order;
  }

  private roots(): Draft[] {
    return [...this.outputs.map((output) => output.node), ...this.frontier];
  }

  /** Consumers of each live node. A node that reads another twice is listed twice; a graph output counts as null. */
  consumers(): Map<Draft, (Draft | null)[]> {
    const result = new Map<Draft, (Draft | null)[]>();
    const nodes = this.nodes();
    for (const node of nodes) result.set(node, []);
    for (const node of nodes) for (const input of node.inputs) result.get(input)!.push(node);
    for (const root of this.roots()) result.get(root)!.push(null);
    return result;
  }

  /** Lets all that read `old` read `fresh`. */
  replace(old: Draft, fresh: Draft): void {
    for (const node of this.nodes()) {
      if (node !== fresh) node.inputs = node.inputs.map((input) => (input === old ? fresh : input));
    }
    for (const output of this.outputs) if (output.node === old) output.node = fresh;
    this.frontier.forEach((node, at) => {
      if (node === old) this.frontier[at] = fresh;
    });
  }
}

/** Takes nodes out of the graph with all that depends on them; what they read joins the frontier. */
export function cut(graph: DraftGraph, gone: ReadonlySet<Draft>): Set<Draft> {
  const lost = new Set<Draft>();
  for (const node of graph.nodes()) {
    if (gone.has(node) || node.inputs.some((input) => lost.has(input))) lost.add(node);
  }
  const keep = <T extends Draft | { node: Draft }>(list: T[], nodeOf: (item: T) => Draft) => {
    const left = list.filter((item) => !lost.has(nodeOf(item)));
    list.splice(0, list.length, ...left);
  };
  keep(graph.outputs, (output) => output.node);
  keep(graph.frontier, (node) => node);
  for (const node of lost) for (const input of node.inputs) if (!lost.has(input)) graph.frontier.push(input);
  return lost;
}

/** The one node that reads `node`, undefined if there are several or it is a graph output. */
export function soleConsumer(consumers: ReadonlyMap<Draft, readonly (Draft | null)[]>, node: Draft): Draft | undefined {
  const list = consumers.get(node) ?? [];
  return list.length === 1 ? (list[0] ?? undefined) : undefined;
}
