/** Whole numbers, counted. */
import type { Distribution } from './evaluation';

export class Histogram {
  private readonly counts = new Map<number, number>();

  add(value: number): void {
    this.counts.set(value, (this.counts.get(value) ?? 0) + 1);
  }

  get size(): number {
    return [...this.counts.values()].reduce((sum, n) => sum + n, 0);
  }

  /** Values and how often each was, ascending. */
  entries(): [number, number][] {
    return [...this.counts].sort(([a], [b]) => a - b);
  }

  /** Of at least one value. */
  distribution(): Distribution {
    const entries = this.entries();
    const { size } = this;
    const sum = entries.reduce((total, [value, n]) => total + value * n, 0);
    return {
      mean: sum / size,
      p50: quantile(entries, 0.5 * size),
      p95: quantile(entries, 0.95 * size),
      max: entries.at(-1)![0],
    };
  }
}

/** The value at a rank, counted from 1 and rounded up. */
function quantile(entries: readonly [number, number][], rank: number): number {
  let passed = 0;
  for (const [value, n] of entries) {
    passed += n;
    if (passed >= Math.ceil(rank)) return value;
  }
  throw new RangeError(`rank ${rank} of ${passed} values`);
}
