/** The native engine's plan, from a layered network (float32) or a fixed-point one. */
import { CascError } from '../errors';
import type { Layer, LayeredNetwork, LinearLayer, NeuronLayer } from '../graph/layered';
import { inUnits, relayUnits } from '../graph/units';
import type { PlanDescription, PlanLayer, PlanNumbers, PlanTerm, PlanWeights } from '../native';
import type { FixedNetwork } from '../quantize/fixed-point';
import { readThroughConcats } from './concat';

/** Everything in float32; currents in units of the paper: θ = λ, one step's current is W·a + b. */
export function floatPlan(source: LayeredNetwork): PlanDescription {
  const { levels } = source;
  // Real value of one unit of a plane, summed over Q steps; an input or graded value counts once a step.
  const units: Float64Array[] = [];
  const numbers = (values: Float64Array) => Float32Array.from(values);
  const layers = source.layers.map((layer): PlanLayer => {
    units.push(floatUnit(layer, source, units));
    if (layer.kind === 'input') {
      const { grid } = layer;
      return { kind: 'input', ...labels(layer), grid: grid && { ...grid, scale: grid.step } };
    }
    if (layer.kind === 'maxpool') {
      return { kind: 'maxpool', ...labels(layer), source: layer.source, window: layer.window };
    }
    if (layer.kind === 'relay') {
      return { kind: 'relay', ...labels(layer), sources: [...layer.sources], index: layer.index };
    }
    const terms = layer.terms.map((term): PlanTerm => {
      const scaled = inUnits(term, units[term.source]!, layer.shape.c);
      if (scaled.op === 'conv') return { ...scaled, weight: Float32Array.from(scaled.weight, (w) => w * levels) };
      const perStep = scaled.op === 'scale' ? levels : 1;
      return { ...scaled, factor: Float32Array.from(scaled.factor, (f) => f * perStep) };
    });
    return layer.kind === 'neuron' ? neuronLayer(layer, terms, numbers, levels) : linearLayer(layer, terms, numbers, 1);
  });
  return { format: 'float32', layers };
}

/** Everything in integers. */
export function fixedPlan(fixed: FixedNetwork): PlanDescription {
  const numbers = (values: Float64Array) => Int32Array.from(values);
  const weights = (values: Float64Array): PlanWeights =>
    fixed.format === 'int8' ? Int8Array.from(values) : Int16Array.from(values);
  const layers = fixed.layers.map((layer, index): PlanLayer => {
    if (layer.kind === 'input') {
      return { kind: 'input', ...labels(layer), grid: { ...layer.grid!, scale: 1 } };
    }
    if (layer.kind === 'maxpool') {
      return { kind: 'maxpool', ...labels(layer), source: layer.source, window: layer.window };
    }
    if (layer.kind === 'relay') {
      return { kind: 'relay', ...labels(layer), sources: [...layer.sources], index: layer.index };
    }
    const terms = layer.terms.map((term): PlanTerm => {
      if (term.op === 'conv') return { ...term, weight: weights(term.weight) };
      return { ...term, factor: Int32Array.from(term.factor) };
    });
    // Sums over T = Q steps of integers in units of δ are the value; the paper's readout is Q times that.
    return layer.kind === 'neuron'
      ? neuronLayer(layer, terms, numbers, 1)
      : linearLayer(layer, terms, numbers, fixed.levels * fixed.units[index]![0]!);
  });
  return readThroughConcats({ format: fixed.format, layers });
}

/** What bounds a layer's membranes or graded sums: |v| ≤ counts · perCount + wake · perStep + start. */
export interface Reach {
  layer: string;
  perCount: number;
  perStep: number;
  start: number;
}

/** Of every neuron and linear layer of a fixed-point plan; empty in float32. It does not depend on a run. */
export function reachOf(plan: PlanDescription): Reach[] {
  const reach: Reach[] = [];
  if (plan.format === 'float32') return reach;
  // Per layer: most that its plane grows per count (spikes) or per step (input, graded).
  const growth: number[] = [];
  for (const layer of plan.layers) {
    if (layer.kind === 'input') {
      growth.push(layer.grid ? Math.max(Math.abs(layer.grid.lo), Math.abs(layer.grid.hi)) : 0);
    } else if (layer.kind === 'maxpool') {
      growth.push(growth[layer.source]!);
    } else if (layer.kind === 'relay') {
      growth.push(Math.max(...layer.sources.map((source) => growth[source]!)));
    } else {
      const sum = largestSum(layer, growth);
      const bias = largestMagnitude(layer.bias);
      const threshold = layer.kind === 'neuron' ? largestMagnitude(layer.threshold) : 0;
      // A shift given to the run starts below θ; the net's own offsets may lie anywhere.
      const start = layer.kind === 'neuron' ? Math.max(threshold, largestMagnitude(layer.start)) : 0;
      reach.push({ layer: layer.name, perCount: sum + threshold, perStep: bias, start });
      growth.push(layer.kind === 'neuron' ? 1 : sum + bias);
    }
  }
  return reach;
}

/** Throws ERR_CASC_OVERFLOW naming the layer where int32 is too small for `wake` awake steps and counts up to `counts`. */
export function checkOverflow(reach: readonly Reach[], wake: number, counts: number): void {
  for (const { layer, perCount, perStep, start } of reach) {
    const most = counts * perCount + wake * perStep + start;
    if (most < 2 ** 31) continue;
    throw new CascError(
      'ERR_CASC_OVERFLOW',
      `the membranes of ${layer} can reach ${most.toPrecision(4)} with ${wake} awake steps and spike counts up to ${counts}, beyond int32. Use fewer awake or sleep steps (--sleep n), a smaller gamma, or --format float32`,
      { layer },
    );
  }
}

function largestSum(layer: PlanLayer & { kind: 'neuron' | 'linear' }, growth: readonly number[]): number {
  const sums = new Float64Array(layer.c);
  for (const term of layer.terms) {
    if (term.op === 'avgpool') {
      const taps = term.window.kernel[0] * term.window.kernel[1];
      const most = largestMagnitude(term.factor) * taps * growth[term.source]!;
      for (let c = 0; c < layer.c; c++) sums[c]! += most;
      continue;
    }
    const values: PlanWeights | PlanNumbers = term.op === 'conv' ? term.weight : term.factor;
    const row = values.length / layer.c;
    for (let c = 0; c < layer.c; c++) {
      let sum = 0;
      for (let i = c * row; i < (c + 1) * row; i++) sum += Math.abs(values[i]!);
      sums[c]! += sum * growth[term.source]!;
    }
  }
  return largestMagnitude(sums);
}

function largestMagnitude(values: ArrayLike<number>): number {
  let most = 0;
  for (let i = 0; i < values.length; i++) most = Math.max(most, Math.abs(values[i]!));
  return most;
}

function floatUnit(layer: Layer, source: LayeredNetwork, units: readonly Float64Array[]): Float64Array {
  switch (layer.kind) {
    case 'neuron':
      return layer.stepOut;
    case 'maxpool':
      return units[layer.source]!;
    case 'input':
      return new Float64Array(layer.shape.c).fill(1 / source.levels);
    case 'linear': {
      const first = layer.terms[0];
      if (first?.op === 'avgpool') return units[first.source]!;
      return new Float64Array(layer.shape.c).fill(1 / source.levels);
    }
    case 'relay': {
      const result = relayUnits(layer, source.layers, units);
      if ('units' in result) return result.units;
      throw new CascError(
        'ERR_CASC_UNSUPPORTED',
        `${source.network.file}: ${layer.name} cannot be converted: its channel ${result.mixed} mixes values of different scale`,
        { file: source.network.file, node: layer.name },
      );
    }
  }
}

function neuronLayer(
  layer: NeuronLayer,
  terms: PlanTerm[],
  numbers: (values: Float64Array) => PlanNumbers,
  scale: number,
): PlanLayer {
  return {
    kind: 'neuron',
    ...labels(layer),
    terms,
    bias: numbers(layer.bias),
    threshold: numbers(layer.stepIn.map((step) => step * scale)),
    start: numbers(layer.offset.map((offset) => offset * scale)),
  };
}

function linearLayer(
  layer: LinearLayer,
  terms: PlanTerm[],
  numbers: (values: Float64Array) => PlanNumbers,
  readoutScale: number,
): PlanLayer {
  return { kind: 'linear', ...labels(layer), terms, bias: numbers(layer.bias), readout: layer.readout, readoutScale };
}

function labels(layer: Layer): { name: string; c: number; h: number; w: number } {
  return { name: layer.name, ...layer.shape };
}
