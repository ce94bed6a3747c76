/** Draft nodes to the nodes of the Network: numbered in execution order, weights rounded to float32 once. */
import { CascError } from '../errors';
import { at, type Draft, type DraftGraph, type DraftOf, nameOf } from './draft';
import type { ConvNode, NetworkNode } from './network';

/** Topological order, the earliest in the file first. */
function ordered(graph: DraftGraph): Draft[] {
  const consumers = graph.consumers();
  const place = (node: Draft) => node.origin?.at ?? -1;
  const waiting = new Map<Draft, number>();
  const ready: Draft[] = [];
  for (const node of consumers.keys()) {
    waiting.set(node, node.inputs.length);
    if (node.inputs.length === 0) ready.push(node);
  }
  const order: Draft[] = [];
  for (let node = ready.shift(); node; node = ready.shift()) {
    order.push(node);
    for (const reader of consumers.get(node)!) {
      if (!reader) continue;
      const left = waiting.get(reader)! - 1;
      waiting.set(reader, left);
      if (left > 0) continue;
      let slot = ready.length;
      while (slot > 0 && place(ready[slot - 1]!) > place(reader)) --slot;
      ready.splice(slot, 0, reader);
    }
  }
  return order;
}

function spread(values: ArrayLike<number>, length: number): Float32Array {
  return Float32Array.from({ length }, (_, channel) => at(values, channel));
}

function weighed({ weight, factor, bias }: DraftOf<'conv'>['operation']): Pick<ConvNode, 'weight' | 'bias'> {
  const perOutput = factor ? weight.length / factor.length : 0;
  const scaled = factor ? weight.map((w, i) => w * factor[Math.floor(i / perOutput)]!) : weight;
  return { weight: scaled, bias: bias ? Float32Array.from(bias) : null };
}

function finite(values: Float32Array, node: Draft, file: string): void {
  if (values.every((value) => Number.isFinite(value))) return;
  const name = nameOf(node);
  throw new CascError('ERR_CASC_MODEL', `${file}: the folded weights of ${name} overflow float32. Check its scales.`, {
    file,
    node: name,
  });
}

function finished(node: Draft, id: number, ids: ReadonlyMap<Draft, number>, file: string): NetworkNode {
  const base = {
    id,
    name: nameOf(node),
    tensor: node.tensor,
    shape: node.shape,
    inputs: node.inputs.map((input) => ids.get(input)!),
    onnx: node.absorbed.map((origin) => origin.name),
    tail: node.tail,
  };
  const { operation } = node;
  switch (operation.op) {
    case 'conv': {
      const { window, groups } = operation;
      const weights = weighed(operation);
      // As read, they were checked.
      if (operation.factor) finite(weights.weight, node, file);
      if (weights.bias) finite(weights.bias, node, file);
      return { ...base, op: 'conv', ...weights, window, groups };
    }
    case 'scale': {
      const { c } = node.shape;
      const gain = Float64Array.from({ length: c }, (_, m) => at(operation.mul, m) / at(operation.div, m));
      const factor = spread(gain, c);
      const shift = operation.shift.some((x) => x !== 0) ? spread(operation.shift, c) : null;
      finite(factor, node, file);
      if (shift) finite(shift, node, file);
      return { ...base, op: 'scale', factor, shift };
    }
    case 'bias': {
      const shift = Float32Array.from(operation.values);
      return { ...base, op: 'scale', factor: new Float32Array(node.shape.c).fill(1), shift };
    }
    case 'input':
      return { ...base, op: 'input', grid: operation.grid };
    case 'clip':
      return { ...base, op: 'relu', max: operation.hi, trailingAxes: trailingAxes(node) };
    case 'step':
      throw new Error(`unreachable: step ${nameOf(node)} was neither recognised nor refused`);
    default:
      return { ...base, ...operation };
  }
}

function trailingAxes({ dims }: Draft): number {
  return dims.length - (dims[0] === 1 && dims.length > 1 ? 2 : 1);
}

/** The finished nodes and where each draft node went. */
export function finish(graph: DraftGraph, file: string): { nodes: NetworkNode[]; ids: ReadonlyMap<Draft, number> } {
  const order = ordered(graph);
  const ids = new Map(order.map((node, id) => [node, id]));
  return { nodes: order.map((node, id) => finished(node, id, ids, file)), ids };
}
