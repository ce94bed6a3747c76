/**
 * The brute-force oracle of the engine's tests: the whole net is stepped globally, dense and naive, straight from
 * DESIGN.md, in doubles. Slow and obvious on purpose; it shares nothing with the engine.
 */
import type { NativeSchedule, PlanDescription, PlanLayer, PlanTerm } from '../../lib/native';

type NeuronLayer = Extract<PlanLayer, { kind: 'neuron' }>;
type LinearLayer = Extract<PlanLayer, { kind: 'linear' }>;

export interface ReferenceResult {
  sleepSteps: number[];
  atRest: number[];
  /** Per phase, per step of the phase: the accumulated readout. */
  readout: number[][][];
  /** Per neuron layer. */
  counts: number[][];
  positive: number[];
  negative: number[];
  hash: bigint;
  /** Per neuron layer: neuron, step of the run from 1, size. */
  spikes: [neuron: number, step: number, size: number][][];
  operations: number;
  /** Of these, in sleep steps. */
  operationsAsleep: number;
}

export const numel = (layer: { c: number; h: number; w: number }) => layer.c * layer.h * layer.w;

const MASK = (1n << 64n) - 1n;
function mix(value: bigint): bigint {
  let z = value;
  z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & MASK;
  z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & MASK;
  return z ^ (z >> 31n);
}

const rotated = (z: bigint) => ((z << 32n) | (z >> 32n)) & MASK;

/** The hash of a layer's spikes in one step; `spikes` in C×H×W order. See native/engine/spiking/spike_hash.h. */
export function stepHash(
  ordinal: number,
  { c, h, w }: { c: number; h: number; w: number },
  spikes: readonly number[],
  awake: number,
  sleep: number,
): bigint {
  const step = mix(mix(BigInt(ordinal) + 1n) ^ ((BigInt(awake) << 32n) | BigInt(sleep)));
  const words = new Map<number, { plus: bigint; minus: bigint }>();
  let hash = 0n;
  spikes.forEach((s, e) => {
    if (s === 0) return;
    const [channel, y, x] = [Math.floor(e / (h * w)), Math.floor((e % (h * w)) / w), e % w];
    const at = x * c + channel;
    const word = y * Math.ceil((w * c) / 64) + Math.floor(at / 64);
    const bit = 1n << BigInt(at % 64);
    const masks = words.get(word) ?? { plus: 0n, minus: 0n };
    if (s > 0) masks.plus |= bit;
    else masks.minus |= bit;
    words.set(word, masks);
    if (Math.abs(s) > 1) hash += mix(step ^ ((BigInt(y * w * c + at) << 8n) | BigInt(s & 255)));
  });
  for (const [word, { plus, minus }] of words) {
    const left = ((step + BigInt(word) * 0x9e3779b97f4a7c15n) & MASK) ^ plus;
    const right = ((rotated(step) + BigInt(word) * 0xc2b2ae3d27d4eb4fn) & MASK) ^ minus;
    const product = left * right;
    hash += (product >> 64n) ^ (product & MASK);
  }
  return hash & MASK;
}

function roundHalfEven(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  if (rest !== 0.5) return Math.round(x);
  return floor % 2 === 0 ? floor : floor + 1;
}

/** The input in the plan's numbers. */
function inputOf(plan: PlanDescription, image: ArrayLike<number>): number[] {
  const layer = plan.layers.find((l) => l.kind === 'input')!;
  const grid = layer.kind === 'input' ? layer.grid : null;
  return Array.from(image, (x) =>
    grid ? grid.scale * Math.min(grid.hi, Math.max(grid.lo, roundHalfEven(x / grid.step))) : x,
  );
}

/** Layers that repeat one value in every awake step. */
function constantLayers(plan: PlanDescription): boolean[] {
  const constant: boolean[] = [];
  for (const layer of plan.layers) constant.push(layer.kind !== 'neuron' && sourcesOf(layer).every((s) => constant[s]));
  return constant;
}

export function sourcesOf(layer: PlanLayer): number[] {
  if (layer.kind === 'input') return [];
  if (layer.kind === 'maxpool') return [layer.source];
  if (layer.kind === 'relay') return layer.sources;
  return layer.terms.map((term) => term.source);
}

/** Adds a term's contribution to `out` and returns how many additions its non-zero source values cause. */
function addTerm(
  out: number[],
  to: PlanLayer,
  term: PlanTerm,
  from: { c: number; h: number; w: number },
  s: number[],
): number {
  let additions = 0;
  const area = to.h * to.w;
  for (let m = 0; m < to.c; m++) {
    for (let oy = 0; oy < to.h; oy++) {
      for (let ox = 0; ox < to.w; ox++) {
        const at = m * area + oy * to.w + ox;
        if (term.op === 'scale') {
          out[at]! += term.factor[m]! * s[at]!;
          if (s[at] !== 0) additions++;
          continue;
        }
        const { kernel, strides, pads, dilations } = term.window;
        const cin = term.op === 'conv' ? from.c / term.groups : 1;
        const first = term.op === 'conv' ? Math.floor(m / (to.c / term.groups)) * cin : m;
        let sum = 0;
        for (let c = 0; c < cin; c++) {
          for (let ky = 0; ky < kernel[0]; ky++) {
            for (let kx = 0; kx < kernel[1]; kx++) {
              const y = oy * strides[0] - pads[0] + ky * dilations[0];
              const x = ox * strides[1] - pads[1] + kx * dilations[1];
              if (y < 0 || y >= from.h || x < 0 || x >= from.w) continue;
              const value = s[((first + c) * from.h + y) * from.w + x]!;
              if (value === 0) continue;
              additions++;
              const weight = term.op === 'conv' ? term.weight[((m * cin + c) * kernel[0] + ky) * kernel[1] + kx]! : 1;
              sum += weight * value;
            }
          }
        }
        out[at]! += term.op === 'conv' ? sum : term.factor[oy * to.w + ox]! * sum;
      }
    }
  }
  return additions;
}

function biasAt(layer: NeuronLayer | LinearLayer, i: number): number {
  return layer.bias.length === numel(layer) ? layer.bias[i]! : layer.bias[Math.floor(i / (layer.h * layer.w))]!;
}

function startAt(plan: PlanDescription, layer: NeuronLayer, channel: number, schedule: NativeSchedule): number {
  if (schedule.shift === null) return layer.start[channel]!;
  const start = schedule.shift * layer.threshold[channel]!;
  return plan.format === 'float32' ? start : Math.floor(start);
}

function windowMax(layer: Extract<PlanLayer, { kind: 'maxpool' }>, from: PlanLayer, s: number[]): number[] {
  const { kernel, strides, pads, dilations } = layer.window;
  const out: number[] = [];
  for (let c = 0; c < layer.c; c++) {
    for (let oy = 0; oy < layer.h; oy++) {
      for (let ox = 0; ox < layer.w; ox++) {
        let best = Number.NEGATIVE_INFINITY;
        for (let ky = 0; ky < kernel[0]; ky++) {
          for (let kx = 0; kx < kernel[1]; kx++) {
            const y = oy * strides[0] - pads[0] + ky * dilations[0];
            const x = ox * strides[1] - pads[1] + kx * dilations[1];
            if (y < 0 || y >= from.h || x < 0 || x >= from.w) continue;
            best = Math.max(best, s[(c * from.h + y) * from.w + x]!);
          }
        }
        out.push(best === Number.NEGATIVE_INFINITY ? 0 : best);
      }
    }
  }
  return out;
}

function relay(plan: PlanDescription, layer: Extract<PlanLayer, { kind: 'relay' }>, values: number[][]): number[] {
  const all = layer.sources.flatMap((s) => values[s]!);
  void plan;
  return Array.from(layer.index, (i) => (i < 0 ? 0 : all[i]!));
}

export function fire(v: number, n: number, theta: number, k: number, schedule: NativeSchedule): number {
  let s = Math.min(schedule.gamma, Math.max(schedule.negative ? -schedule.gamma : 0, Math.floor(v / theta)));
  if (s <= 0 && n <= 0) s = 0;
  if (schedule.upper && s > 0 && n >= k) s = 0;
  return s === 0 ? 0 : s;
}

export function simulate(plan: PlanDescription, image: ArrayLike<number>, schedule: NativeSchedule): ReferenceResult {
  const layers = plan.layers;
  const constant = constantLayers(plan);
  const x = inputOf(plan, image);
  const neurons = layers.flatMap((layer, i) => (layer.kind === 'neuron' ? [i] : []));
  const readouts = layers.flatMap((layer, i) => (layer.kind === 'linear' && layer.readout ? [i] : []));
  const zeros = (i: number) => new Array<number>(numel(layers[i]!)).fill(0);
  const membrane = layers.map((layer, i) =>
    layer.kind === 'neuron'
      ? zeros(i).map((_, e) => startAt(plan, layer, Math.floor(e / (layer.h * layer.w)), schedule))
      : [],
  );
  const count = layers.map((_, i) => zeros(i));
  const poolSums = layers.map((layer) => (layer.kind === 'maxpool' ? zeros(layer.source) : []));
  const poolHeld = layers.map((_, i) => zeros(i));
  const sums = readouts.map((i) => zeros(i));
  const result: ReferenceResult = {
    sleepSteps: [],
    atRest: [],
    readout: [],
    counts: [],
    positive: neurons.map(() => 0),
    negative: neurons.map(() => 0),
    hash: 0n,
    spikes: neurons.map(() => []),
    operations: 0,
    operationsAsleep: 0,
  };

  const depth: number[] = [];
  for (const layer of layers) {
    depth.push(Math.max(0, ...sourcesOf(layer).map((s) => depth[s]! + (layers[s]!.kind === 'neuron' ? 1 : 0))));
  }
  const first = layers.map((_, l) => Math.floor(schedule.stagger * depth[l]!));
  const lastFirst = Math.max(0, ...neurons.map((l) => first[l]!));
  let runStep = -1;

  /** One step of the whole net; the number of neurons that fired. */
  function step(awake: number, sleep: number): number {
    let fired = 0;
    runStep++;
    const values: number[][] = [];
    layers.forEach((layer, l) => {
      if (layer.kind === 'input') {
        values.push(sleep > 0 ? zeros(l) : x);
      } else if (layer.kind === 'relay') {
        values.push(relay(plan, layer, values));
      } else if (layer.kind === 'maxpool') {
        const running = poolSums[l]!;
        values[layer.source]!.forEach((s, i) => {
          running[i]! += s;
        });
        const maxima = windowMax(layer, layers[layer.source]!, running);
        values.push(maxima.map((max, i) => max - poolHeld[l]![i]!));
        poolHeld[l] = maxima;
      } else {
        const current = zeros(l).map((_, i) => (sleep > 0 ? 0 : biasAt(layer, i)));
        for (const term of layer.terms) {
          const operations = addTerm(current, layer, term, layers[term.source]!, values[term.source]!);
          if (constant[term.source]) continue;
          result.operations += operations;
          if (sleep > 0) result.operationsAsleep += operations;
        }
        if (layer.kind === 'linear') {
          values.push(current);
          return;
        }
        const ordinal = neurons.indexOf(l);
        const spikes = zeros(l);
        current.forEach((i, e) => {
          const theta = layer.threshold[Math.floor(e / (layer.h * layer.w))]!;
          const v = membrane[l]![e]! + i;
          const s = runStep < first[l]! ? 0 : fire(v, count[l]![e]!, theta, awake, schedule);
          membrane[l]![e] = v - s * theta;
          count[l]![e]! += s;
          spikes[e] = s;
          if (s === 0) return;
          fired++;
          result.spikes[ordinal]!.push([e, runStep + 1, s]);
          if (s > 0) result.positive[ordinal]! += s;
          else result.negative[ordinal]! -= s;
        });
        result.hash = (result.hash + stepHash(ordinal, layer, spikes, awake, sleep)) & MASK;
        values.push(spikes);
      }
    });
    readouts.forEach((l, r) => {
      values[l]!.forEach((value, i) => {
        sums[r]![i]! += value;
      });
    });
    return fired;
  }
  const record = () => readouts.flatMap((l, r) => sums[r]!.map((sum) => sum * (layers[l] as LinearLayer).readoutScale));
  const pending = (awake: number) =>
    neurons.some((l) =>
      membrane[l]!.some((v, e) => {
        const layer = layers[l] as NeuronLayer;
        return fire(v, count[l]![e]!, layer.threshold[Math.floor(e / (layer.h * layer.w))]!, awake, schedule) !== 0;
      }),
    );

  for (let before = 0; before < schedule.wake; before += schedule.margin) {
    const steps: number[][] = [];
    const awake = Math.min(before + schedule.margin, schedule.wake);
    for (let t = before + 1; t <= awake; t++) {
      step(t, 0);
      steps.push(record());
    }
    let sleep = 0;
    let rest = false;
    while (schedule.sleep < 0 ? !rest && sleep < schedule.cap : sleep < schedule.sleep) {
      sleep++;
      rest = step(awake, sleep) === 0 && runStep >= lastFirst;
      steps.push(record());
    }
    result.sleepSteps.push(sleep);
    result.atRest.push(Number(schedule.sleep < 0 ? rest : runStep >= lastFirst && !pending(awake)));
    result.readout.push(steps);
  }
  result.counts = neurons.map((l) => count[l]!);
  return result;
}

export interface QuantizedResult {
  /** Per neuron layer. */
  counts: number[][];
  readout: number[];
}

/** The quantised ANN at schedule.wake levels. */
export function quantized(plan: PlanDescription, image: ArrayLike<number>, schedule: NativeSchedule): QuantizedResult {
  const t = schedule.wake;
  const values: number[][] = [];
  const result: QuantizedResult = { counts: [], readout: [] };
  for (const layer of plan.layers) {
    if (layer.kind === 'input') {
      values.push(inputOf(plan, image).map((x) => t * x));
    } else if (layer.kind === 'relay') {
      values.push(relay(plan, layer, values));
    } else if (layer.kind === 'maxpool') {
      values.push(windowMax(layer, plan.layers[layer.source]!, values[layer.source]!));
    } else {
      const sum = new Array<number>(numel(layer)).fill(0).map((_, i) => t * biasAt(layer, i));
      for (const term of layer.terms) addTerm(sum, layer, term, plan.layers[term.source]!, values[term.source]!);
      if (layer.kind === 'linear') {
        values.push(sum);
        if (layer.readout) result.readout.push(...sum.map((value) => value * layer.readoutScale));
        continue;
      }
      const counts = sum.map((value, i) => {
        const channel = Math.floor(i / (layer.h * layer.w));
        const total = value + startAt(plan, layer, channel, schedule);
        return Math.min(t, Math.max(0, Math.floor(total / layer.threshold[channel]!)));
      });
      values.push(counts);
      result.counts.push(counts);
    }
  }
  return result;
}
