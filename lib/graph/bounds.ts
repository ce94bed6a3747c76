/** What is provable of a node's values from the graph alone. */
import { at, type Draft, is } from './draft';
import { coverage } from './geometry';

export interface Interval {
  lo: number;
  hi: number;
}

const ANY: Interval = { lo: Number.NEGATIVE_INFINITY, hi: Number.POSITIVE_INFINITY };

function clamp(x: number, lo: number, hi: number): number {
  return Math.min(Math.max(x, lo), hi);
}

/** Bounds of all values of a node. `known` remembers the answers. */
export function boundsOf(node: Draft, known: Map<Draft, Interval> = new Map()): Interval {
  const seen = known.get(node);
  if (seen) return seen;
  const result = derive(node, known);
  known.set(node, result);
  return result;
}

function derive(node: Draft, known: Map<Draft, Interval>): Interval {
  const { operation } = node;
  const inputs = () => node.inputs.map((input) => boundsOf(input, known));
  switch (operation.op) {
    case 'clip': {
      const x = boundsOf(node.inputs[0]!, known);
      return { lo: clamp(x.lo, operation.lo, operation.hi), hi: clamp(x.hi, operation.lo, operation.hi) };
    }
    case 'quant':
      return { lo: 0, hi: operation.levels * Math.max(...operation.stepOut) };
    case 'maxpool':
      return boundsOf(node.inputs[0]!, known);
    case 'avgpool': {
      // A mean, pads counting as zeros; not every sum over windows is one.
      const source = node.inputs[0]!;
      const shares = coverage(operation.window, source.shape, node.shape).map((n, i) => n * operation.factor[i]!);
      if (!shares.every((share) => share >= 0 && share < 1.0001)) return ANY;
      const x = boundsOf(source, known);
      return { lo: Math.min(x.lo, 0), hi: Math.max(x.hi, 0) };
    }
    case 'route': {
      const all = inputs();
      const padded = operation.index.includes(-1);
      const lo = Math.min(...all.map((x) => x.lo));
      const hi = Math.max(...all.map((x) => x.hi));
      return padded ? { lo: Math.min(lo, 0), hi: Math.max(hi, 0) } : { lo, hi };
    }
    case 'add': {
      const all = inputs();
      return { lo: all.reduce((sum, x) => sum + x.lo, 0), hi: all.reduce((sum, x) => sum + x.hi, 0) };
    }
    case 'scale': {
      const x = boundsOf(node.inputs[0]!, known);
      const { mul, div, shift } = operation;
      let lo = Number.POSITIVE_INFINITY;
      let hi = Number.NEGATIVE_INFINITY;
      for (let c = 0; c < Math.max(mul.length, div.length, shift.length); ++c) {
        const factor = at(mul, c) / at(div, c);
        const ends = factor === 0 ? [0] : [x.lo * factor, x.hi * factor];
        lo = Math.min(lo, ...ends.map((end) => end + at(shift, c)));
        hi = Math.max(hi, ...ends.map((end) => end + at(shift, c)));
      }
      return { lo, hi };
    }
    default:
      return ANY;
  }
}

/** True where values are spikes already: a neuron, perhaps after pools and data movement. */
export function isActivated(node: Draft, known: Map<Draft, boolean> = new Map()): boolean {
  const seen = known.get(node);
  if (seen !== undefined) return seen;
  let result = is(node, 'quant') || (is(node, 'clip') && node.operation.lo === 0);
  if (is(node, 'maxpool') || is(node, 'route')) result = node.inputs.every((input) => isActivated(input, known));
  known.set(node, result);
  return result;
}
