import { setTimeout as sleep } from 'node:timers/promises';
import { orderedMap } from '../../lib/datasets/ordered';

async function* count(to: number, taken: number[] = []) {
  for (let i = 0; i < to; i++) {
    taken.push(i);
    yield i;
  }
}

async function all<T>(values: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const value of values) list.push(value);
  return list;
}

describe('orderedMap', () => {
  test('keeps the order however long each takes, and runs as many at a time as asked', async () => {
    let running = 0;
    let most = 0;
    const results = await all(
      orderedMap(count(20), 4, async (i) => {
        most = Math.max(most, ++running);
        await sleep((i * 7) % 11);
        running--;
        return i * i;
      }),
    );
    expect(results).toEqual(Array.from({ length: 20 }, (_, i) => i * i));
    expect(most).toBe(4);
  });

  test('takes items only as results are taken', async () => {
    const taken: number[] = [];
    const mapped = orderedMap(count(100, taken), 3, async (i) => i);
    await mapped.next();
    await sleep(20);
    expect(taken).toEqual([0, 1, 2]);
    await mapped.return();
    expect(taken).toHaveLength(3);
  });

  test('the first error in order is thrown, after the results before it and once all work has ended', async () => {
    const ended: number[] = [];
    const seen: number[] = [];
    const failing = async () => {
      for await (const i of orderedMap(count(10), 4, async (i) => {
        await sleep(i === 3 ? 0 : 15);
        ended.push(i);
        if (i >= 2) throw new Error(`item ${i}`);
        return i;
      })) {
        seen.push(i);
      }
    };
    await expect(failing()).rejects.toThrow('item 2');
    expect(seen).toEqual([0, 1]);
    expect(ended).toContain(5);
  });
});
