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
import { relayUnits } from '../graph/units';
import { type Demand, demandOn } from './demand';
import { chooseInputGrid, type InputRange } from './input-grid';
import { LARGEST, LIMIT } from './limit';
import { Rows } from './rows';
import { windowSums } from './window-sums';

export type FixedFormat = 'int8' | 'int16';

/** Fewer steps than this for the largest weight of a channel is no net any more… */
const COARSEST_WEIGHT = 4;
/**
 * …unless a threshold has this many, and is this many times the largest value that a weight meets in a step: then the
 * weights are small because they hardly matter (a dead channel).
 */
const FINE_THRESHOLD = 256;
const FINE_REACH = 16;

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
  inputRange?: InputRange;
  /** A file that is in fixed point already: the units of its readouts, in order. Then every integer of it is kept. */
  readoutUnits?: readonly number[];
}

/**
 * Throws ERR_CASC_ARGUMENT where the input range is needed and missing, ERR_CASC_UNSUPPORTED naming the layer whose sums
 * do not fit, ERR_CASC_MODEL naming the layer that is not in the integers that the file says it is in.
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
    this.weightMax = LARGEST[options.format];
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
    if (this.options.readoutUnits) throw this.changed(layer);
    const byWeight = rows.largest(c) > 0 ? Math.floor((this.weightMax * step) / rows.largest(c)) : LIMIT;
    const bySum = Math.floor((LIMIT * step) / (rows.total(c) + step * (this.levels + 1)));
    let k = Math.min(byWeight, bySum);
    // Rounding can lift a sum over the bound that the exact weights keep.
    while (k >= 1 && !fits(k)) k = Math.min(k - 1, Math.floor(k * 0.995));
    const largest = (rows.largest(c) * k) / step;
    const coarse = byWeight > bySum && largest > 0 && largest < COARSEST_WEIGHT;
    if (k < 1 || (coarse && k < Math.max(FINE_THRESHOLD, (FINE_REACH * rows.reach()) / this.levels))) {
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
      const demand = demandOn(this.source.layers, index);
      for (let c = 0; c < channels; c++) {
        const whole = rows.isInteger(c, this.weightMax) && this.sum(rows, c, 1) < LIMIT;
        if (!whole && this.options.readoutUnits) throw this.changed(layer);
        unit[c] = whole ? 1 : this.fit(rows, [c], layer, demand);
      }
    }
    const scale = unit.map((u) => 1 / u);
    const { terms, bias } = this.apply(layer, rows, scale);
    let bound = 0;
    for (let c = 0; c < channels; c++) bound = Math.max(bound, this.sum(rows, c, scale[c]!));
    return { fixed: { ...layer, terms, bias }, unit, bound };
  }

  /** Sums over a common denominator, which goes into the unit. */
  private average(
    layer: LinearLayer,
    term: LinearTerm & { op: 'avgpool' },
  ): { fixed: Layer; unit: Float64Array; bound: number } {
    const { multipliers, fraction, gain } = windowSums(term, this.source.layers[term.source]!.shape, layer.shape);
    const bound = this.bounds[term.source]! * gain;
    if (bound >= LIMIT) {
      const why = Number.isFinite(gain)
        ? `its windows have sums of up to ${bound.toPrecision(3)}, beyond 2^24`
        : 'its windows have no common denominator';
      throw this.unsupported(layer.name, why);
    }
    const unit = this.units[term.source]!.map((u) => u * fraction);
    return { fixed: { ...layer, terms: [{ ...term, factor: multipliers }] }, unit, bound };
  }

  /** One unit for all outputs of a readout, so that comparing integers compares logits. */
  private readoutUnit(layer: LinearLayer, rows: Rows): number {
    const all = [...new Array(layer.shape.c).keys()];
    if (this.options.readoutUnits) {
      // Where a tail follows, the file's factor is its first step, and the readout is the integers before it.
      if (all.every((c) => rows.isInteger(c, this.weightMax))) return 1;
      const unit = this.options.readoutUnits[this.done.filter((l) => l.kind === 'linear' && l.readout).length];
      if (unit === undefined || !all.every((c) => rows.isInteger(c, this.weightMax, unit))) throw this.changed(layer);
      return unit;
    }
    if (rows.largest(0) === 0 && layer.terms.every((term) => term.op === 'scale')) {
      const source = this.units[layer.terms[0]!.source]!;
      const plain =
        layer.terms.length === 1 && (layer.terms[0] as { factor: Float64Array }).factor.every((f) => f === 1);
      if (plain && source.every((u) => u === source[0]) && layer.bias.every((b) => b === 0)) return source[0]!;
    }
    return this.fit(rows, all, layer, { gain: 1, spread: 0 });
  }

  /**
   * The finest unit for these channels that the bits of a weight and the limit of sums allow. Where convolutions read them,
   * the bits are shared: their weights get as many steps as these.
   */
  private fit(rows: Rows, channels: readonly number[], layer: LinearLayer, { gain, spread }: Demand): number {
    const limit = LIMIT / Math.max(gain, 2 * COARSEST_WEIGHT * spread);
    let unit = 0;
    for (const c of channels) {
      const balanced = Math.sqrt((rows.finest(c) * rows.total(c) * spread) / LIMIT);
      unit = Math.max(unit, rows.largest(c) / this.weightMax, (rows.total(c) * 1.001) / limit, balanced);
    }
    if (unit === 0) return 1; // all weights are zero
    while (channels.some((c) => this.sum(rows, c, 1 / unit) >= limit)) unit *= 1.01;
    const largest = channels.reduce((most, c) => Math.max(most, rows.finest(c)), 0);
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

  private relayUnit(layer: RelayLayer): Float64Array {
    const result = relayUnits(layer, this.source.layers, this.units);
    if ('mixed' in result)
      throw this.unsupported(layer.name, `its channel ${result.mixed} mixes values of different scale`);
    return result.units;
  }

  private chooseGrid(input: number): InputGrid {
    const range = this.options.inputRange;
    if (!range || !Number.isFinite(range.min) || !Number.isFinite(range.max) || range.max <= range.min) {
      throw new CascError(
        'ERR_CASC_ARGUMENT',
        `${this.file}: fixed point needs the range of the net's input; give calibration data or the input scaling (--mean, --std, --scale)`,
        { file: this.file, option: 'inputRange' },
      );
    }
    const { levels } = this;
    return chooseInputGrid(this.source.layers, input, { levels, format: this.options.format, range });
  }

  private changed(layer: Layer): CascError {
    return new CascError(
      'ERR_CASC_MODEL',
      `${this.file}: ${layer.name} is not in the integers that casc.format and casc.readouts promise; the file was changed after it was quantised. Quantise the original net again`,
      { file: this.file, node: layer.name },
    );
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

/** The nearest integer, never −0: files are compared byte by byte. */
function integer(value: number): number {
  return Math.round(value) + 0;
}
