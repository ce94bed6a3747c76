/** A small generator of random numbers, the same everywhere (xorshift32). */
export class Random {
  private state: number;

  constructor(seed: number) {
    this.state = Math.imul(seed + 1, 0x9e3779b9) | 1;
    for (let i = 0; i < 8; i++) this.next();
  }

  /** A whole number from 0, below `n`. */
  below(n: number): number {
    return Math.floor((this.next() / 2 ** 32) * n);
  }

  private next(): number {
    this.state ^= this.state << 13;
    this.state ^= this.state >>> 17;
    this.state ^= this.state << 5;
    return this.state >>> 0;
  }
}
