/** The integers that fixed point rounds the network's input to. */
import type { Layer } from '../graph/layered';
import type { InputGrid, InputNode, Network } from '../graph/network';
import { demandOn } from './demand';
import type { FixedFormat } from './fixed-point';
import { LIMIT } from './limit';

/** Smallest and largest value of the network's input. */
export interface InputRange {
  min: number;
  max: number;
}

/**
 * Power-of-two step. Input and first-layer weights share the 24 bits; they are balanced, so that neither is much coarser than
 * the other.
 */
export function chooseInputGrid(
  layers: readonly Layer[],
  input: number,
  { levels, format, range }: { levels: number; format: FixedFormat; range: InputRange },
): InputGrid {
  const largest = Math.max(Math.abs(range.min), Math.abs(range.max));
  const { spread } = demandOn(layers, input);
  const most = format === 'int8' ? 255 : 2047;
  const steps = Math.min(most, Math.max(31, Math.sqrt(LIMIT / (levels * Math.max(1, spread)))));
  const step = 2 ** Math.ceil(Math.log2(largest / steps) - 0.5);
  return { step, lo: Math.round(range.min / step), hi: Math.round(range.max / step) };
}

export function gridOf(network: Network): InputGrid | null {
  return (network.nodes[network.input] as InputNode).grid;
}

export function withInputGrid(network: Network, grid: InputGrid | null): Network {
  const nodes = network.nodes.map((node) => (node.op === 'input' ? { ...node, grid } : node));
  return { ...network, nodes };
}

/** As the engine rounds its input; the same array where there is no grid. */
export function roundInput(images: Float32Array, grid: InputGrid | null): Float32Array {
  if (!grid) return images;
  const { step, lo, hi } = grid;
  return images.map((x) => step * Math.min(hi, Math.max(lo, roundHalfEven(x / step))));
}

function roundHalfEven(x: number): number {
  const floor = Math.floor(x);
  if (x - floor !== 0.5) return Math.round(x);
  return floor % 2 === 0 ? floor : floor + 1;
}
