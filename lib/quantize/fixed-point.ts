/**
 * Fixed point: a layered network in which every weight, bias, threshold and shortcut is an integer (DESIGN.md, "Number
 * formats"). Per neuron channel the membrane unit is δ = step / K with K an integer: θ becomes K, a weight the integer
 * nearest to w·unit/δ. K is as large as 8 (int8) or 16 (int16) bits of weight allow and as keeps every sum of the layer
 * below 2²⁴, so that a runtime that sums in plain float32 agrees on every neuron.
 */
import { CascError } from '../errors';
import type { LinearTerm } from '../graph/compose';
import type { Layer, LayeredNetwork, LinearLayer, NeuronLayer, RelayLayer } from '../graph/layered';
import { channelOf } from '../graph/layered';
import type { InputGrid } from '../graph/network';
import { inUnits, relayUnits } from '../graph/units';

export type FixedFormat = 'int8' | 'int16';

/** Sums stay below this, so that float32 holds them exactly. */
const LIMIT = 2 ** 24;
const WEIGHT_MAX = { int8: 127, int16: 32767 } as const;
/** Bits for a graded plane that a convolution reads: the rest of the 24 is for that convolution. */
const GRADED_WEIGHT_MAX = 31;
/** Fewer steps than this for the largest weight of a channel is no net any more… */
const COARSEST_WEIGHT = 4;
/** …unless a threshold has this many: then the weights are small because they hardly matter (a dead channel). */
const FINE_THRESHOLD = 256;

export interface FixedNetwork {
  readonly format: FixedFormat;
  readonly levels: number;
  readonly source: LayeredNetwork;
  /**
   * As source.layers, in integers: terms in units of δ, bias per awake step, stepIn = K, offset = ⌊φ·K⌋, stepOut = 1.
   * The input layer's grid is set: its value is the grid's integer.
   */
  readonly layers: readonly Layer[];
  /** Real value of one unit of each layer's plane (summed over Q steps), per channel. */
  readonly units: readonly Float64Array[];
}

export interface FixedPointOptions {
  format: FixedFormat;
  /** Smallest and largest value of the network's input, for the input grid. Needed unless the net has a grid. */
  inputRange?: { min: number; max: number };
  /** Units of the readouts of a file that is in fixed point already, in order. */
  readoutUnits?: readonly number[];
}

/**
 * Throws ERR_CASC_ARGUMENT where the input range is needed and missing, ERR_CASC_UNSUPPORTED naming the layer whose sums
 * do not fit.
 */
export function toFixedPoint(source: LayeredNetwork, options: FixedPointOptions): FixedNetwork {
  const rounder = new Rounder(source, options);
  const layers = source.layers.map((layer, index) => rounder.round(layer, index));
  return { format: options.format, levels: source.levels, source, layers, units: rounder.units };
}

class Rounder {
  readonly units: Float64Array[] = [];
  /** Largest magnitude of a plane's sum over Q steps. */
  private readonly bounds: number[] = [];
  private readonly done: Layer[] = [];
  private readonly file: string;
  private readonly levels: number;
  private readonly weightMax: number;

  constructor(
    private readonly source: LayeredNetwork,
    private readonly options: FixedPointOptions,
  ) {
    this.file = source.network.file;
    this.levels = source.levels;
    this.weightMax = WEIGHT_MAX[options.format];
  }

  round(layer: Layer, index: number): Layer {
    const { fixed, unit, bound } = this.roundOne(layer, index);
    this.units.push(unit);
    this.bounds.push(bound);
    this.done.push(fixed);
    return fixed;
  }

  private roundOne(layer: Layer, index: number): { fixed: Layer; unit: Float64Array; bound: number } {
    switch (layer.kind) {
      case 'input': {
        const grid = layer.grid ?? this.chooseGrid(index);
        const unit = new Float64Array(layer.shape.c).fill(grid.step / this.levels);
        return { fixed: { ...layer, grid }, unit, bound: this.levels * Math.max(Math.abs(grid.lo), Math.abs(grid.hi)) };
      }
      case 'maxpool':
        return { fixed: layer, unit: this.units[layer.source]!, bound: this.bounds[layer.source]! };
      case 'relay': {
        const bound = Math.max(...layer.sources.map((source) => this.bounds[source]!));
        return { fixed: layer, unit: this.relayUnit(layer), bound };
      }
      case 'neuron':
        return this.neuron(layer);
      case 'linear':
        return this.linear(layer, index);
    }
  }

  private neuron(layer: NeuronLayer): { fixed: Layer; unit: Float64Array; bound: number } {
    const channels = layer.shape.c;
    const rows = this.rows(layer);
    const scale = new Float64Array(channels); // 1 / δ
    const threshold = new Float64Array(channels);
    const offset = new Float64Array(channels);
    for (let c = 0; c < channels; c++) {
      const step = layer.stepIn[c]!;
      const k = this.chooseThreshold(layer, rows, c, step);
      threshold[c] = k;
      scale[c] = k / step;
      offset[c] = Math.floor((layer.offset[c]! * k) / step);
    }
    const { terms, bias } = this.apply(layer, rows, scale);
    const fixed: NeuronLayer = {
      ...layer,
      terms,
      bias,
      stepIn: threshold,
      offset,
      stepOut: new Float64Array(channels).fill(1),
    };
    return { fixed, unit: layer.stepOut, bound: this.levels };
  }

  /** K of one channel. */
  private chooseThreshold(layer: NeuronLayer, rows: Rows, c: number, step: number): number {
    const start = (k: number) => Math.abs(Math.floor((layer.offset[c]! * k) / step));
    const fits = (k: number) => this.sum(rows, c, k / step) + start(k) < LIMIT && (this.levels + 1) * k < LIMIT;
    // A layer that is in integers already keeps them.
    if (Number.isInteger(step) && rows.isInteger(c, this.weightMax) && fits(step)) return step;
    const byWeight = rows.largest(c) > 0 ? Math.floor((this.weightMax * step) / rows.largest(c)) : LIMIT;
    const bySum = Math.floor((LIMIT * step) / (rows.total(c) + step * (this.levels + 1)));
    let k = Math.min(byWeight, bySum);
    // Rounding can lift a sum over the bound that the exact weights keep.
    while (k >= 1 && !fits(k)) k = Math.min(k - 1, Math.floor(k * 0.995));
    const largest = Math.round((rows.largest(c) * k) / step);
    if (k < 1 || (byWeight > bySum && k < FINE_THRESHOLD && largest > 0 && largest < COARSEST_WEIGHT)) {
      throw this.tooCoarse(layer, c);
    }
    return k;
  }

  private linear(layer: LinearLayer, index: number): { fixed: Layer; unit: Float64Array; bound: number } {
    const channels = layer.shape.c;
    const only = layer.terms.length === 1 ? layer.terms[0]! : undefined;
    if (only?.op === 'avgpool') return this.average(layer, only);
    const rows = this.rows(layer);
    const unit = new Float64Array(channels);
    if (layer.readout) {
      unit.fill(this.readoutUnit(layer, rows));
    } else {
      const most = this.readByConvolution(index) ? Math.min(GRADED_WEIGHT_MAX, this.weightMax) : this.weightMax;
      for (let c = 0; c < channels; c++) {
        unit[c] =
          rows.isInteger(c, this.weightMax) && this.sum(rows, c, 1) < LIMIT ? 1 : this.fit(rows, [c], most, layer);
      }
    }
    const scale = unit.map((u) => 1 / u);
    const { terms, bias } = this.apply(layer, rows, scale);
    let bound = 0;
    for (let c = 0; c < channels; c++) bound = Math.max(bound, this.sum(rows, c, scale[c]!));
    return { fixed: { ...layer, terms, bias }, unit, bound };
  }

  /** Sums over a common denominator: factor[position] = multiplier · fraction, multipliers the smallest integers. */
  private average(
    layer: LinearLayer,
    term: LinearTerm & { op: 'avgpool' },
  ): { fixed: Layer; unit: Float64Array; bound: number } {
    const smallest = Math.min(...term.factor);
    const ratios = term.factor.map((f) => f / smallest);
    let denominator = 1;
    while (ratios.some((r) => !isNearInteger(r * denominator)) && denominator < LIMIT) denominator++;
    const factor = ratios.map((r) => Math.round(r * denominator));
    const fraction = smallest / denominator;
    // A mean is at most its largest element, so a sum is at most (1 / fraction) times that.
    const bound = this.bounds[term.source]! / fraction;
    if (bound >= LIMIT) {
      throw this.unsupported(
        layer.name,
        `its windows have ${denominator === 1 ? '' : 'incommensurable '}sums of up to ${bound.toPrecision(3)}, beyond 2^24`,
      );
    }
    const unit = this.units[term.source]!.map((u) => u * fraction);
    return { fixed: { ...layer, terms: [{ ...term, factor }] }, unit, bound };
  }

  /** One unit for all outputs of a readout, so that comparing integers compares logits. */
  private readoutUnit(layer: LinearLayer, rows: Rows): number {
    const all = [...new Array(layer.shape.c).keys()];
    const recorded = this.options.readoutUnits?.[this.done.filter((l) => l.kind === 'linear' && l.readout).length];
    if (recorded !== undefined) {
      for (const c of all) {
        if (!rows.isInteger(c, Number.POSITIVE_INFINITY, recorded)) {
          throw new CascError(
            'ERR_CASC_MODEL',
            `${this.file}: the weights of the readout ${layer.name} are no multiples of the unit ${recorded} that casc.readouts records; the file was changed after it was quantised. Quantise the original net again`,
            { file: this.file, node: layer.name },
          );
        }
      }
      return recorded;
    }
    if (rows.largest(0) === 0 && layer.terms.every((term) => term.op === 'scale')) {
      const source = this.units[layer.terms[0]!.source]!;
      const plain =
        layer.terms.length === 1 && (layer.terms[0] as { factor: Float64Array }).factor.every((f) => f === 1);
      if (plain && source.every((u) => u === source[0]) && layer.bias.every((b) => b === 0)) return source[0]!;
    }
    return this.fit(rows, all, this.weightMax, layer);
  }

  /** The finest unit that `most` and the bound allow for these channels. */
  private fit(rows: Rows, channels: readonly number[], most: number, layer: LinearLayer): number {
    let unit = 0;
    for (const c of channels) unit = Math.max(unit, rows.largest(c) / most, (rows.total(c) * 1.001) / LIMIT);
    if (unit === 0) return 1; // all weights are zero
    while (channels.some((c) => this.sum(rows, c, 1 / unit) >= LIMIT)) unit *= 1.01;
    const largest = Math.max(...channels.map((c) => rows.largest(c)));
    if (largest > 0 && largest / unit < COARSEST_WEIGHT) throw this.tooCoarse(layer, channels[0]!);
    return unit;
  }

  /** Bound on |Σ| over Q steps in channel c, with the rounded weights at this scale. */
  private sum(rows: Rows, c: number, scale: number): number {
    return rows.roundedTotal(c, scale);
  }

  private rows(layer: NeuronLayer | LinearLayer): Rows {
    return new Rows(layer, this.units, this.bounds, this.levels);
  }

  private apply(
    layer: NeuronLayer | LinearLayer,
    rows: Rows,
    scale: Float64Array,
  ): { terms: LinearTerm[]; bias: Float64Array } {
    const perChannel = (values: Float64Array) => {
      const row = values.length / layer.shape.c;
      return values.map((v, i) => integer(v * scale[Math.floor(i / row)]!));
    };
    const terms = layer.terms.map((term, t): LinearTerm => {
      const values = rows.values[t]!;
      if (term.op === 'conv') return { ...term, weight: perChannel(values) };
      if (term.op === 'scale') return { ...term, factor: perChannel(values) };
      throw new Error('an average pool is a plane of its own');
    });
    const bias = layer.bias.map((b, i) =>
      integer((b * scale[channelOf(i, layer.bias.length, layer.shape)]!) / this.levels),
    );
    return { terms, bias };
  }

  private readByConvolution(index: number): boolean {
    return this.source.layers.some((layer) => {
      if (layer.kind === 'relay') return layer.sources.includes(index);
      if (layer.kind !== 'neuron' && layer.kind !== 'linear') return false;
      return layer.terms.some((term) => term.source === index && term.op === 'conv');
    });
  }

  private relayUnit(layer: RelayLayer): Float64Array {
    const result = relayUnits(layer, this.source.layers, this.units);
    if ('mixed' in result)
      throw this.unsupported(layer.name, `its channel ${result.mixed} mixes values of different scale`);
    return result.units;
  }

  /**
   * Power-of-two step. Input and first-layer weights share the 24 bits; they are balanced, so that neither is much
   * coarser than the other.
   */
  private chooseGrid(input: number): InputGrid {
    const range = this.options.inputRange;
    if (!range || !Number.isFinite(range.min) || !Number.isFinite(range.max) || range.max <= range.min) {
      throw new CascError(
        'ERR_CASC_ARGUMENT',
        `${this.file}: fixed point needs the range of the net's input; give calibration data or the input scaling (--mean, --std, --scale)`,
        { file: this.file, option: 'inputRange' },
      );
    }
    const largest = Math.max(Math.abs(range.min), Math.abs(range.max));
    let spread = 1;
    for (const layer of this.source.layers) {
      if (layer.kind !== 'neuron' && layer.kind !== 'linear') continue;
      for (const term of layer.terms) {
        if (term.source !== input || term.op !== 'conv') continue;
        spread = Math.max(spread, relativeRowSum(term.weight, layer.shape.c));
      }
    }
    const most = this.options.format === 'int8' ? 255 : 2047;
    const steps = Math.min(most, Math.max(31, Math.sqrt(LIMIT / (this.levels * spread))));
    const step = 2 ** Math.ceil(Math.log2(largest / steps) - 0.5);
    return { step, lo: Math.round(range.min / step), hi: Math.round(range.max / step) };
  }

  private tooCoarse(layer: Layer, channel: number): CascError {
    return this.unsupported(
      layer.name,
      `the sums of its channel ${channel} would pass 2^24 even with weights of two bits; use fewer levels, or put an activation before it`,
    );
  }

  private unsupported(node: string, reason: string): CascError {
    return new CascError('ERR_CASC_UNSUPPORTED', `${this.file}: ${node} does not fit fixed point: ${reason}`, {
      file: this.file,
      node,
    });
  }
}

/** Largest Σ|w| / max|w| over the output channels. */
function relativeRowSum(weight: Float64Array, channels: number): number {
  const row = weight.length / channels;
  let most = 1;
  for (let c = 0; c < channels; c++) {
    let sum = 0;
    let largest = 0;
    for (let i = c * row; i < (c + 1) * row; i++) {
      const w = Math.abs(weight[i]!);
      sum += w;
      if (w > largest) largest = w;
    }
    if (largest > 0) most = Math.max(most, sum / largest);
  }
  return most;
}

/** A layer's weights multiplied by the units of what they read, and their sums by output channel. */
class Rows {
  readonly values: Float64Array[];
  private readonly sourceBounds: number[];
  private readonly convolution: boolean[];

  constructor(
    private readonly layer: NeuronLayer | LinearLayer,
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

  /** Largest |weight| of the convolutions in channel c (shortcuts are int32 and do not count). */
  largest(c: number): number {
    let largest = 0;
    this.values.forEach((values, t) => {
      if (!this.convolution[t]) return;
      for (const v of this.row(values, c)) largest = Math.max(largest, Math.abs(v));
    });
    return largest;
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

/** The nearest integer, never −0: files are compared byte by byte. */
function integer(value: number): number {
  return Math.round(value) + 0;
}

/** Integers that went through float32 products come back with a relative error of about 1e-7. */
function isNearInteger(value: number): boolean {
  return Math.abs(value - Math.round(value)) <= 1e-6 * Math.max(1, Math.abs(value));
}
