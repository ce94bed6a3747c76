/** Which classes a net's values put first. */

/**
 * The k classes of the largest values, the largest first; of equal values the first counts, as argmax has it. A NaN stands above
 * all and is −1: never a right answer. Fewer than k where there are fewer values.
 */
export function firstClasses(values: Float32Array, k: number): number[] {
  const best: number[] = [];
  const above = (a: number, b: number) => !(a <= b) && !Number.isNaN(b);
  for (let i = 0; i < values.length; i++) {
    if (best.length === k && !above(values[i]!, values[best[k - 1]!]!)) continue;
    let at = Math.min(best.length, k - 1);
    for (; at > 0 && above(values[i]!, values[best[at - 1]!]!); at--) best[at] = best[at - 1]!;
    best[at] = i;
  }
  return best.map((i) => (Number.isNaN(values[i]!) ? -1 : i));
}
