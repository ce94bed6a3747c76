/** Average pools in integers: sums over a common denominator. */
import type { LinearTerm } from '../graph/compose';
import { coverage } from '../graph/geometry';
import type { Shape } from '../graph/network';
import { isNearInteger } from './near-integer';

export interface WindowSums {
  /** By position: factor = multiplier · fraction, multipliers the smallest integers. */
  multipliers: Float64Array;
  fraction: number;
  /** The most that a sum of one window can be, in units of the largest value it reads; infinite without a denominator. */
  gain: number;
}

/** Denominators beyond this leave no room for sums in the 24 bits. */
const MOST = 2 ** 12;

export function windowSums(term: LinearTerm & { op: 'avgpool' }, image: Shape, output: Shape): WindowSums {
  const sizes = [...new Set(term.factor.map(Math.abs))].filter((f) => f > 0);
  const smallest = Math.min(...sizes, Number.MAX_VALUE);
  let denominator = 1;
  while (denominator < MOST && !sizes.every((f) => isNearInteger((f / smallest) * denominator))) denominator++;
  const fraction = smallest / denominator;
  const multipliers = term.factor.map((f) => Math.round(f / fraction));
  const sums = coverage(term.window, image, output).map((n, i) => n * Math.abs(multipliers[i]!));
  const gain = denominator < MOST ? sums.reduce((most, sum) => Math.max(most, sum), 0) : Number.POSITIVE_INFINITY;
  return { multipliers, fraction, gain };
}
