/**
 * Activations of more levels than the net has: a channel is made m times over, with thresholds that are shifted against each
 * other. The mean of m copies that fire from (j + φ)/m of a level on is the activation at m times the levels:
 * Σ_j ⌊z + (j + φ)/m⌋ = ⌊m·z + φ⌋ (Hermite). Readers have a weight for each copy, 1/m of the old one to begin with. In the float32
 * net nothing changes.
 */
import type { ConvNode, Network, NetworkNode, Shape } from './network';
import { readersOf } from './network';

/** How often each channel of an activation is made. */
export type Copies = readonly number[];

/** Whether the activation can be split: a convolution makes it, and convolutions alone, maybe behind pools, read it. */
export function canSplit(network: Network, relu: number): boolean {
  const node = network.nodes[relu]!;
  if (node.op !== 'relu' || node.tail || node.copies) return false;
  const source = network.nodes[node.inputs[0]!]!;
  return (
    source.op === 'conv' &&
    source.groups === 1 &&
    readersOf(network, source.id).length === 1 &&
    weightsReading(network, relu) !== undefined
  );
}

/** The convolutions that read `id`, maybe behind pools; undefined where anything else does. */
export function weightsReading(network: Network, id: number): ConvNode[] | undefined {
  if (network.outputs.some(({ node }) => node === id)) return undefined;
  const result: ConvNode[] = [];
  for (const reader of readersOf(network, id)) {
    if (reader.tail) return undefined;
    if (reader.op === 'conv' && reader.groups === 1) {
      result.push(reader);
      continue;
    }
    const beyond = reader.op === 'maxpool' || reader.op === 'avgpool' ? weightsReading(network, reader.id) : undefined;
    if (!beyond) return undefined;
    result.push(...beyond);
  }
  return result;
}

/** The net with the channels of these activations (ids of relu nodes) made several times over, side by side. Ids stay. */
export function splitActivations(network: Network, splits: ReadonlyMap<number, Copies>): Network {
  const nodes = [...network.nodes];
  for (const [id, copies] of splits) {
    const relu = nodes[id]!;
    if (relu.op !== 'relu') continue;
    const source = nodes[relu.inputs[0]!] as ConvNode;
    nodes[source.id] = {
      ...source,
      weight: repeated(source.weight, copies),
      bias: source.bias && repeated(source.bias, copies),
      shape: wider(source.shape, copies),
    };
    nodes[id] = { ...relu, shape: wider(relu.shape, copies), copies };
    widenReaders(network, nodes, id, copies);
  }
  return { ...network, nodes };
}

function widenReaders(network: Network, nodes: NetworkNode[], id: number, copies: Copies): void {
  for (const { id: at } of readersOf(network, id)) {
    const reader = nodes[at]!;
    if (reader.op === 'conv') {
      nodes[at] = { ...reader, weight: shared(reader, copies) };
      continue;
    }
    nodes[at] = { ...reader, shape: wider(reader.shape, copies) } as NetworkNode;
    widenReaders(network, nodes, at, copies);
  }
}

function wider({ h, w }: Shape, copies: Copies): Shape {
  return { c: copies.reduce((sum, m) => sum + m, 0), h, w };
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
function shared({ weight, window, shape }: ConvNode, copies: Copies): Float32Array {
  const taps = window.kernel[0] * window.kernel[1];
  const channels = wider(shape, copies).c;
  const result = new Float32Array(shape.c * channels * taps);
  let to = 0;
  for (let from = 0; from < weight.length; from += taps) {
    const m = copies[(from / taps) % copies.length]!;
    const part = weight.subarray(from, from + taps).map((w) => w / m);
    for (let j = 0; j < m; j++, to += taps) result.set(part, to);
  }
  return result;
}

/** For each channel of a split activation: of how many copies it is one, and where φ lies in a level. */
export function phasesOf(copies: Copies, shift: number): { among: number; phase: number }[] {
  return copies.flatMap((among) => Array.from({ length: among }, (_, j) => ({ among, phase: (j + shift) / among })));
}
