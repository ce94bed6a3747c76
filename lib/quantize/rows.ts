/** Weights of one layer by output channel, in units of what they read: what bounds its sums. */
import type { LinearLayer, NeuronLayer } from '../graph/layered';
import { inUnits } from '../graph/units';
import { isNearInteger } from './near-integer';

/** A layer's weights multiplied by the units of what they read, and their sums by output channel. */
export class Rows {
  readonly values: Float64Array[];
  private readonly sourceBounds: number[];
  private readonly convolution: boolean[];

  constructor(
    private readonly layer: Pick<NeuronLayer | LinearLayer, 'terms' | 'bias' | 'shape'>,
    units: readonly Float64Array[],
    bounds: readonly number[],
    private readonly levels: number,
  ) {
    this.values = layer.terms.map((term) => {
      const scaled = inUnits(term, units[term.source]!, layer.shape.c);
      return scaled.op === 'conv' ? scaled.weight : scaled.factor;
    });
    this.sourceBounds = layer.terms.map((term) => bounds[term.source]!);
    this.convolution = layer.terms.map((term) => term.op === 'conv');
  }

  get channels(): number {
    return this.layer.shape.c;
  }

  /** Largest |weight| of the convolutions in channel c (shortcuts are int32 and do not count). */
  largest(c: number): number {
    let largest = 0;
    this.values.forEach((values, t) => {
      if (!this.convolution[t]) return;
      for (const v of this.row(values, c)) largest = Math.max(largest, Math.abs(v));
    });
    return largest;
  }

  /** Largest |weight| or |factor| in channel c. */
  finest(c: number): number {
    let largest = 0;
    for (const values of this.values) for (const v of this.row(values, c)) largest = Math.max(largest, Math.abs(v));
    return largest;
  }

  /** Largest sum over Q steps of a plane that a convolution reads. */
  reach(): number {
    return Math.max(0, ...this.sourceBounds.filter((_, t) => this.convolution[t]));
  }

  /** Σ|w|·bound + |bias|: the most that a sum over Q steps can be. */
  total(c: number): number {
    return this.fold(c, (v) => Math.abs(v), Math.abs);
  }

  roundedTotal(c: number, scale: number): number {
    return this.fold(
      c,
      (v) => Math.abs(Math.round(v * scale)),
      (b) => Math.abs(Math.round((b * scale) / this.levels)) * this.levels,
    );
  }

  /** Whether channel c consists of integers (in `unit`), its convolution weights not above `most`. */
  isInteger(c: number, most: number, unit = 1): boolean {
    if (this.largest(c) > most * unit + 1e-3) return false;
    const whole = (v: number) => isNearInteger(v / unit);
    return (
      this.values.every((values) => this.row(values, c).every(whole)) &&
      this.row(this.layer.bias, c).every((b) => whole(b / this.levels))
    );
  }

  private fold(c: number, weight: (v: number) => number, bias: (b: number) => number): number {
    let sum = 0;
    this.values.forEach((values, t) => {
      let part = 0;
      for (const v of this.row(values, c)) part += weight(v);
      sum += part * this.sourceBounds[t]!;
    });
    let most = 0;
    for (const b of this.row(this.layer.bias, c)) most = Math.max(most, bias(b));
    return sum + most;
  }

  private row(values: Float64Array, c: number): Float64Array {
    const row = values.length / this.layer.shape.c;
    return values.subarray(c * row, (c + 1) * row);
  }
}
