/** Which convolutions of a block are rounded together in fixed point, and what one spike of a value is worth. */
import type { AvgPoolNode, Network, NetworkNode } from '../graph/network';
import { isOutput, numel, readersOf } from '../graph/network';
import { type WindowSums, windowSums } from './window-sums';

/** Convolutions that meet at one activation, or (null) make a readout. Ids of nodes. */
export interface RoundingGroup {
  convs: number[];
  quant: number | null;
}

/**
 * Convolutions that read spikes and whose sums go to an activation or out of the net. Others are multiplied out with their
 * neighbours before anything is rounded, so their weights on their own are not.
 */
export function roundingGroups(network: Network, ids: readonly number[]): RoundingGroup[] {
  const groups = new Map<number | null, number[]>();
  for (const id of ids) {
    const node = network.nodes[id]!;
    if (node.op !== 'conv' || !carriesSpikes(network, node.inputs[0]!)) continue;
    const end = receiver(network, id);
    if (end !== undefined) groups.set(end, [...(groups.get(end) ?? []), id]);
  }
  // Each readout is rounded on its own.
  return [...groups].flatMap(([quant, convs]): RoundingGroup[] =>
    quant === null ? convs.map((conv) => ({ convs: [conv], quant })) : [{ convs, quant }],
  );
}

/** The activation that a sum goes to, null where it is a readout, undefined where it goes elsewhere. */
function receiver(network: Network, id: number): number | null | undefined {
  const readers = readersOf(network, id);
  if (readers.every((node) => node.tail)) return null;
  const only = readers[0]!;
  if (readers.length > 1 || isOutput(network, id)) return undefined;
  if (only.op === 'quant') return only.id;
  return only.op === 'add' ? (receiver(network, only.id) ?? undefined) : undefined;
}

function carriesSpikes(network: Network, id: number): boolean {
  const node = network.nodes[id]!;
  if (node.op === 'input' || node.op === 'quant') return true;
  return isMovement(node) && node.inputs.every((input) => carriesSpikes(network, input));
}

function isMovement(node: NetworkNode): boolean {
  return node.op === 'maxpool' || node.op === 'avgpool' || node.op === 'route';
}

/** What one spike of each channel of a value is worth. Length 1 or C. */
export function unitsOf(network: Network, id: number, levels: number): Float64Array {
  const node = network.nodes[id]!;
  if (node.op === 'quant') return node.stepOut;
  if (node.op === 'input') return Float64Array.of((node.grid?.step ?? 1) / levels);
  if (node.op === 'maxpool') return unitsOf(network, node.inputs[0]!, levels);
  if (node.op === 'avgpool') {
    // Its sums are not divided: what one of them is worth has that in it.
    const { fraction } = sumsOf(network, node);
    return unitsOf(network, node.inputs[0]!, levels).map((unit) => unit * fraction);
  }
  if (node.op !== 'route') return Float64Array.of(1);
  const sources = node.inputs.map((from) => ({ node: network.nodes[from]!, units: unitsOf(network, from, levels) }));
  const plane = node.shape.h * node.shape.w;
  return new Float64Array(node.shape.c).map((_, c) => {
    let from = node.index.subarray(c * plane, (c + 1) * plane).find((i) => i >= 0) ?? -1;
    for (const { node: source, units } of sources) {
      if (from < 0) break;
      const size = numel(source.shape);
      if (from < size) return units[units.length === 1 ? 0 : Math.floor(from / (source.shape.h * source.shape.w))]!;
      from -= size;
    }
    return sources[0]!.units[0]!; // a channel of zeros
  });
}

/** Largest sum of a value over all levels, in units. */
export function reachOf(network: Network, id: number, levels: number): number {
  const node = network.nodes[id]!;
  if (node.op === 'input' && node.grid) return levels * Math.max(Math.abs(node.grid.lo), Math.abs(node.grid.hi));
  if (!isMovement(node)) return levels;
  const most = Math.max(...node.inputs.map((input) => reachOf(network, input, levels)));
  return node.op === 'avgpool' ? most * sumsOf(network, node).gain : most;
}

function sumsOf(network: Network, { window, factor, shape, inputs }: AvgPoolNode): WindowSums {
  const term = { op: 'avgpool', source: 0, window, factor: Float64Array.from(factor) } as const;
  return windowSums(term, network.nodes[inputs[0]!]!.shape, shape);
}
