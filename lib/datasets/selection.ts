/** Which images of a data set are taken where not all are wanted. */

/** The golden ratio's fraction: its multiples never fall into step with an order of classes. */
const GOLDEN = (Math.sqrt(5) - 1) / 2;

/**
 * Positions of `count` of `total` images, ascending and distinct: the first ones, or, `spread`, one out of each of `count`
 * equal parts. The place within the part varies, so that classes that take turns (0, 1, … 9, 0, …) are all met.
 */
export function positions(total: number, count: number, spread: boolean): number[] {
  return Array.from({ length: count }, (_, i) => {
    if (!spread) return i;
    const start = Math.floor((i * total) / count);
    const end = Math.floor(((i + 1) * total) / count);
    return start + Math.floor(((i * GOLDEN) % 1) * (end - start));
  });
}

/** The items at these positions of `total`. A source is read, and so checked, to its end only where its last item is wanted. */
export async function* select<T>(
  items: AsyncIterable<T>,
  at: readonly number[],
  total: number,
): AsyncGenerator<T, void, undefined> {
  let position = 0;
  let taken = 0;
  for await (const item of items) {
    if (position++ !== at[taken]) continue;
    taken++;
    yield item;
    if (taken === at.length && position < total) return;
  }
}
