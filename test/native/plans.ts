/** Random small plans, reproducible from a seed. Float plans hold multiples of 1/16 only, so that every sum is exact. */
import type { NativeSchedule, PlanDescription, PlanFormat, PlanLayer, PlanNumbers, PlanTerm } from '../../lib/native';
import { numel } from './reference';

export class Random {
  constructor(private state: number) {}
  next(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.state ^ (this.state >>> 15), this.state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  }
  /** Integer from low to high, both included. */
  int(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low + 1));
  }
  pick<T>(values: readonly T[]): T {
    return values[this.int(0, values.length - 1)]!;
  }
  chance(p: number): boolean {
    return this.next() < p;
  }
}

interface Shape {
  c: number;
  h: number;
  w: number;
}

const same = (a: Shape, b: Shape) => a.c === b.c && a.h === b.h && a.w === b.w;

class PlanBuilder {
  readonly layers: PlanLayer[] = [];
  /** Graded layers in a row up to this one: a chain of them would leave int32. */
  private readonly depth: number[] = [];

  constructor(
    private readonly random: Random,
    private readonly format: PlanFormat,
  ) {}

  build(): PlanDescription {
    const { random } = this;
    this.push(
      {
        kind: 'input',
        name: 'x',
        c: random.int(1, 3),
        h: random.int(1, 7),
        w: random.int(1, 7),
        grid:
          this.format === 'float32' && random.chance(0.3)
            ? null
            : { step: 0.25, lo: -6, hi: 8, scale: this.format === 'float32' ? 0.25 : 1 },
      },
      0,
    );
    const middle = random.int(2, 6);
    for (let i = 0; i < middle; i++) this.middle();
    for (let i = random.int(1, 2); i > 0; i--) this.linear(true);
    return { format: this.format, layers: this.layers };
  }

  private push(layer: PlanLayer, depth: number) {
    this.layers.push(layer);
    this.depth.push(depth);
  }

  /** An earlier layer that may be read, late ones preferred. */
  private source(): number {
    const usable = this.layers.map((_, i) => i).filter((i) => this.depth[i]! <= 1);
    return this.random.chance(0.6) ? usable[usable.length - 1]! : this.random.pick(usable);
  }

  private middle() {
    const dice = this.random.next();
    if (dice < 0.6) this.neuron();
    else if (dice < 0.72) this.maxPool();
    else if (dice < 0.88) this.relay();
    else this.linear(false);
  }

  private number(): number {
    return this.format === 'float32' ? this.random.int(-12, 12) / 16 : this.random.int(-20, 20);
  }
  private numbers(length: number, value: () => number): PlanNumbers {
    const array = this.format === 'float32' ? new Float32Array(length) : new Int32Array(length);
    return array.map(() => value());
  }

  private window(from: Shape) {
    const { random } = this;
    for (;;) {
      const two = (low: number, high: number): [number, number] => [random.int(low, high), random.int(low, high)];
      const kernel = two(1, 3);
      const strides = two(1, random.chance(0.7) ? 1 : 3);
      const dilations = two(1, random.chance(0.8) ? 1 : 2);
      const pad = () => (random.chance(0.5) ? 1 : random.int(0, 2));
      const pads: [number, number, number, number] = [pad(), pad(), pad(), pad()];
      const out = (axis: 0 | 1, size: number) =>
        Math.floor((size + pads[axis]! + pads[axis + 2]! - (kernel[axis] - 1) * dilations[axis] - 1) / strides[axis]) +
        1;
      const h = out(0, from.h);
      const w = out(1, from.w);
      if (h >= 1 && w >= 1) return { window: { kernel, strides, pads, dilations }, h, w };
    }
  }

  private conv(source: number, wanted?: Shape): { term: PlanTerm; shape: Shape } {
    const { random } = this;
    const from = this.layers[source]!;
    const { window, h, w } = wanted
      ? {
          window: {
            kernel: [1, 1] as [number, number],
            strides: [1, 1] as [number, number],
            pads: [0, 0, 0, 0] as [number, number, number, number],
            dilations: [1, 1] as [number, number],
          },
          h: from.h,
          w: from.w,
        }
      : this.window(from);
    const divisors = [1, 2, 3, 4, 5, 6, 8].filter((g) => from.c % g === 0 && (!wanted || wanted.c % g === 0));
    const groups = random.chance(0.6) ? 1 : random.pick(divisors);
    // Up to 11 per group: vectors of eight and what is left of them.
    const c = wanted
      ? wanted.c
      : groups * (groups === from.c && random.chance(0.5) ? 1 : random.int(1, groups > 1 ? 3 : 11));
    const length = c * (from.c / groups) * window.kernel[0] * window.kernel[1];
    const weight =
      this.format === 'float32'
        ? new Float32Array(length)
        : this.format === 'int8'
          ? new Int8Array(length)
          : new Int16Array(length);
    for (let i = 0; i < length; i++) weight[i] = this.number();
    return { term: { op: 'conv', source, weight, window, groups }, shape: { c, h, w } };
  }

  private terms(): { terms: PlanTerm[]; shape: Shape; depth: number } {
    const { random } = this;
    const first = this.source();
    const from = this.layers[first]!;
    let shape: Shape;
    let term: PlanTerm;
    const dice = random.next();
    if (dice < 0.75) {
      ({ term, shape } = this.conv(first));
    } else if (dice < 0.88) {
      const { window, h, w } = this.window(from);
      shape = { c: from.c, h, w };
      const factor = this.numbers(h * w, () => (this.format === 'float32' ? random.int(1, 4) / 4 : random.int(1, 3)));
      term = { op: 'avgpool', source: first, window, factor };
    } else {
      shape = { c: from.c, h: from.h, w: from.w };
      term = { op: 'scale', source: first, factor: this.numbers(from.c, () => this.number()) };
    }
    const terms = [term];
    let depth = this.depth[first]!;
    for (let extra = random.int(0, 2); extra > 0; extra--) {
      const source = this.source();
      const other = this.layers[source]!;
      if (same(other, shape)) {
        terms.push({ op: 'scale', source, factor: this.numbers(shape.c, () => this.number()) });
      } else if (other.h === shape.h && other.w === shape.w) {
        terms.push(this.conv(source, shape).term);
      } else continue;
      depth = Math.max(depth, this.depth[source]!);
    }
    return { terms, shape, depth };
  }

  private bias(shape: Shape): PlanNumbers {
    return this.numbers(this.random.chance(0.3) ? numel(shape) : shape.c, () => this.number());
  }

  private neuron() {
    const { random } = this;
    const { terms, shape } = this.terms();
    const threshold = this.numbers(shape.c, () =>
      this.format === 'float32' ? random.pick([0.5, 1, 0.75, 2, 1.25]) : random.int(1, 70),
    );
    const start = threshold.map((theta) =>
      this.format === 'float32'
        ? random.pick([0, theta / 2])
        : random.pick([0, Math.floor(theta / 2), random.int(0, theta)]),
    );
    this.push(
      { kind: 'neuron', name: `n${this.layers.length}`, ...shape, terms, bias: this.bias(shape), threshold, start },
      0,
    );
  }

  private linear(readout: boolean) {
    const { terms, shape, depth } = this.terms();
    this.push(
      {
        kind: 'linear',
        name: `l${this.layers.length}`,
        ...shape,
        terms,
        bias: this.bias(shape),
        readout,
        readoutScale: readout ? 0.125 : 1,
      },
      depth + 1,
    );
  }

  private maxPool() {
    const source = this.source();
    const from = this.layers[source]!;
    const { window, h, w } = this.window(from);
    this.push(
      { kind: 'maxpool', name: `p${this.layers.length}`, c: from.c, h, w, source, window },
      this.depth[source]!,
    );
  }

  private relay() {
    const { random } = this;
    const sources = Array.from({ length: random.int(1, 3) }, () => this.source());
    const total = sources.reduce((sum, s) => sum + numel(this.layers[s]!), 0);
    const shape = { c: random.int(1, 6), h: random.int(1, 5), w: random.int(1, 5) };
    let index = new Int32Array(numel(shape));
    if (random.chance(0.5)) {
      // A channel concatenation: the case with long runs.
      const first = this.layers[sources[0]!]!;
      const fitting = sources.filter((s) => this.layers[s]!.h === first.h && this.layers[s]!.w === first.w);
      shape.c = fitting.reduce((sum, s) => sum + this.layers[s]!.c, 0);
      shape.h = first.h;
      shape.w = first.w;
      sources.splice(0, sources.length, ...fitting);
      index = Int32Array.from({ length: numel(shape) }, (_, i) => i);
    } else {
      index = index.map(() => random.int(-1, total - 1));
    }
    const depth = Math.max(...sources.map((s) => this.depth[s]!));
    this.push({ kind: 'relay', name: `r${this.layers.length}`, ...shape, sources, index }, depth);
  }
}

export function randomPlan(seed: number, format: PlanFormat): PlanDescription {
  return new PlanBuilder(new Random(seed), format).build();
}

export function randomImages(seed: number, plan: PlanDescription, count: number): Float32Array {
  const random = new Random(seed ^ 0x5bd1e995);
  const input = plan.layers[0]!;
  return Float32Array.from({ length: count * numel(input) }, () => random.int(-16, 32) / 16);
}

export const cif: NativeSchedule = {
  gamma: 1,
  negative: true,
  upper: true,
  shift: null,
  wake: 8,
  margin: 8,
  sleep: -1,
  cap: 1000,
  stagger: 0,
};

export function randomSchedule(seed: number): NativeSchedule {
  const random = new Random(seed ^ 0x2545f491);
  const wake = random.int(1, 7);
  const stagger = random.chance(0.5) ? 0 : random.pick([0.5, 1, 2.3]);
  return {
    gamma: random.chance(0.6) ? 1 : random.int(2, 6),
    negative: random.chance(0.7),
    upper: random.chance(0.7),
    shift: random.pick([null, null, 0, 0.5]),
    wake,
    margin: random.chance(0.5) ? wake : random.int(1, wake),
    sleep: random.chance(0.6) ? -1 : random.int(0, 6),
    // Layers that wait for their first step need room for it.
    cap: stagger > 0 ? 60 : random.pick([1, 3, 25]),
    stagger,
  };
}

/** Two neuron layers of many channels and a readout: whole vectors of every kernel, and what is left of them. */
export function widePlan(seed: number, format: PlanFormat): PlanDescription {
  const random = new Random(seed);
  const unit = format === 'float32' ? 1 / 16 : 1;
  const Weights = { float32: Float32Array, int8: Int8Array, int16: Int16Array }[format];
  const Numbers = format === 'float32' ? Float32Array : Int32Array;
  const numbers = (length: number, low: number, high: number) =>
    new Numbers(length).map(() => random.int(low, high) * unit);
  const conv = (source: number, from: number, to: number, size: number): PlanTerm => ({
    op: 'conv',
    source,
    weight: new Weights(to * from * size * size).map(() => random.int(-20, 20) * unit),
    window: {
      kernel: [size, size],
      strides: [1, 1],
      pads: new Array(4).fill((size - 1) / 2) as never,
      dilations: [1, 1],
    },
    groups: 1,
  });
  const space = { h: random.int(1, 3), w: random.int(1, 4) };
  const [c, first, second, last] = [random.int(1, 3), random.int(60, 150), random.int(10, 70), random.int(1, 40)];
  const neuron = (name: string, source: number, from: number, to: number, theta: number): PlanLayer => ({
    kind: 'neuron',
    name,
    c: to,
    ...space,
    terms: [conv(source, from, to, 3)],
    bias: numbers(to, -20, 60),
    threshold: numbers(to, theta, 2 * theta),
    start: numbers(to, 0, theta - 1),
  });
  const grid = { step: 0.25, lo: -6, hi: 8, scale: format === 'float32' ? 0.25 : 1 };
  return {
    format,
    layers: [
      { kind: 'input', name: 'x', c, ...space, grid },
      neuron('a', 0, c, first, 60),
      neuron('b', 1, first, second, 150),
      {
        kind: 'linear',
        name: 'y',
        c: last,
        ...space,
        terms: [conv(2, second, last, 1)],
        bias: numbers(last, -20, 20),
        readout: true,
        readoutScale: 1,
      },
    ],
  };
}
