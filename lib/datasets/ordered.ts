/** Work on several items at a time, results in order. */

/**
 * Maps `items` with up to `concurrency` calls of `map` under way, and yields the results in the order of the items. Items
 * are taken only as results are, so memory is bounded. The first error in order ends the iteration; calls still under way
 * are awaited before it ends, whatever their outcome.
 */
export async function* orderedMap<T, R>(
  items: AsyncIterable<T>,
  concurrency: number,
  map: (item: T) => Promise<R>,
): AsyncGenerator<R, void, undefined> {
  const pending: Promise<R>[] = [];
  try {
    for await (const item of items) {
      const result = map(item);
      result.catch(() => undefined); // awaited in its turn; until then it must not count as unhandled
      pending.push(result);
      if (pending.length >= concurrency) yield await pending.shift()!;
    }
    while (pending.length > 0) yield await pending.shift()!;
  } finally {
    await Promise.allSettled(pending);
  }
}
