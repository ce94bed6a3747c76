/**
 * Activations of more levels than the net has: a channel is made m times over, with thresholds that are shifted against each
 * other. The mean of m copies that fire from (j + φ)/m of a level on is the activation at m times the levels:
 * Σ_j ⌊z + (j + φ)/m⌋ = ⌊m·z + φ⌋ (Hermite). Readers have a weight for each copy, 1/m of the old one to begin with. In the float32
 * net nothing changes.
 */
import { type ConvNode, type Network, type NetworkNode, numel, type RouteNode, type Shape } from './network';
import { checkCopies, traceChannels } from './split-channels';

/** How often each channel of a value is there. */
export type Copies = readonly number[];

/**
 * The net with the channels of these activations (ids of relu nodes) made several times over, side by side. Ids stay.
 * Throws ERR_CASC_ARGUMENT where `splitUnits` does not have it.
 */
export function splitActivations(network: Network, splits: ReadonlyMap<number, Copies>): Network {
  const trace = traceChannels(network);
  checkCopies(network, trace, splits);
  const copies = trace.origins.map((origins): Copies => {
    return Array.from(origins, (origin) => {
      const { id, channel } = trace.channels[origin] ?? {};
      return splits.get(id ?? -1)?.[channel!] ?? 1;
    });
  });
  for (const [id, wanted] of splits) copies[network.nodes[id]!.inputs[0]!] = wanted;
  return { ...network, nodes: network.nodes.map((node) => widened(network, node, copies)) };
}

function widened(network: Network, node: NetworkNode, copies: readonly Copies[]): NetworkNode {
  const own = copies[node.id]!;
  const read = node.inputs.map((id) => copies[id]!);
  if ([own, ...read].every((list) => list.every((m) => m === 1))) return node;
  const wide = { ...node, shape: { ...node.shape, c: total(own) }, ...(own.some((m) => m > 1) && { copies: own }) };
  if (node.op === 'conv') {
    const { bias } = node;
    const weight = repeated(shared(node, read[0]!), own);
    return { ...wide, weight, bias: bias && repeated(bias, own) } as ConvNode;
  }
  if (node.op === 'route') {
    const shapes = node.inputs.map((id) => network.nodes[id]!.shape);
    return { ...wide, index: rerouted(node, shapes, read, own) } as RouteNode;
  }
  return wide;
}

function total(copies: Copies): number {
  return copies.reduce((sum, m) => sum + m, 0);
}

/** The rows of the channels, each as often as it has copies. */
function repeated(values: Float32Array, copies: Copies): Float32Array {
  const size = values.length / copies.length;
  const rows = copies.flatMap((m, c) => new Array(m).fill(c) as number[]);
  const result = new Float32Array(rows.length * size);
  rows.forEach((from, to) => {
    result.set(values.subarray(from * size, (from + 1) * size), to * size);
  });
  return result;
}

/** Weights of each copy of an input channel, which share what the channel had. */
function shared({ weight, window, groups, shape }: ConvNode, copies: Copies): Float32Array {
  const taps = window.kernel[0] * window.kernel[1];
  const perGroup = copies.length / groups;
  const result = new Float32Array((weight.length / copies.length) * total(copies));
  let to = 0;
  for (let from = 0; from < weight.length; from += taps) {
    const output = Math.floor(from / (perGroup * taps));
    const group = Math.floor((output * groups) / shape.c);
    const m = copies[group * perGroup + ((from / taps) % perGroup)]!;
    const part = weight.subarray(from, from + taps).map((w) => w / m);
    for (let j = 0; j < m; j++, to += taps) result.set(part, to);
  }
  return result;
}

/** The index of a route whose inputs and outputs have copies: the j-th of an output channel holds j-th copies. */
function rerouted(route: RouteNode, shapes: readonly Shape[], read: readonly Copies[], own: Copies): Int32Array {
  const plane = route.shape.h * route.shape.w;
  /** By element of the inputs: where its first copy is, and how far it is to the next. */
  const places = new Int32Array(shapes.reduce((sum, shape) => sum + numel(shape), 0));
  const distances = new Int32Array(places.length);
  let place = 0;
  let element = 0;
  read.forEach((copies, input) => {
    const size = shapes[input]!.h * shapes[input]!.w;
    for (const m of copies) {
      distances.fill(size, element, element + size);
      for (let i = 0; i < size; i++) places[element++] = place + i;
      place += m * size;
    }
  });
  const index = new Int32Array(total(own) * plane);
  let to = 0;
  own.forEach((m, c) => {
    const elements = route.index.subarray(c * plane, (c + 1) * plane);
    for (let j = 0; j < m; j++) {
      for (const from of elements) index[to++] = from < 0 ? -1 : places[from]! + j * distances[from]!;
    }
  });
  return index;
}

/** For each channel of a split activation: of how many copies it is one, and where φ lies in a level. */
export function phasesOf(copies: Copies, shift: number): { among: number; phase: number }[] {
  return copies.flatMap((among) => Array.from({ length: among }, (_, j) => ({ among, phase: (j + shift) / among })));
}
