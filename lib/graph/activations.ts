/**
 * Quantised activations. Whatever affine maps by constants and clips stand before and after a Floor or Round are
 * composed, in float64, into y = stepOut · clip(floor((x + offset) / stepIn), lo, hi). With lo = 0 that is a neuron;
 * rounding right at the input makes the input's grid.
 */
import { roundHalfEven } from './arithmetic';
import { boundsOf } from './bounds';
import { at, type Draft, type DraftGraph, type DraftOf, draft, is, ONE, soleConsumer, ZERO, zip } from './draft';

type Consumers = ReadonlyMap<Draft, readonly (Draft | null)[]>;

/** Nodes that a quantised activation may consist of. */
type Part = DraftOf<'scale'> | DraftOf<'clip'>;

function isPart(node: Draft | undefined): node is Part {
  return node !== undefined && ((is(node, 'scale') && !node.operation.batchNorm) || is(node, 'clip'));
}

/** value = (a·x + b) / d per channel. */
interface Linear {
  a: Float64Array;
  b: Float64Array;
  d: Float64Array;
}

const IDENTITY: Linear = { a: ONE, b: ZERO, d: ONE };

function then({ a, b, d }: Linear, { operation }: DraftOf<'scale'>): Linear {
  const over = zip(d, operation.div, (x, y) => x * y);
  const shift = zip(operation.shift, over, (x, y) => x * y);
  return {
    a: zip(a, operation.mul, (x, y) => x * y),
    b: zip(
      zip(b, operation.mul, (x, y) => x * y),
      shift,
      (x, y) => x + y,
    ),
    d: over,
  };
}

function positive(values: Float64Array): boolean {
  return values.every((value) => value > 0);
}

/** The one value of an array whose entries are all equal. */
function uniform(values: Float64Array): number | undefined {
  return values.every((value) => value === values[0]) ? values[0] : undefined;
}

function compact(values: Float64Array): Float64Array {
  return uniform(values) === undefined ? values : values.slice(0, 1);
}

/** What lies before the step: floor or round of (a·x + b)/d, clipped to lo…hi (already integers). */
interface Before {
  source: Draft;
  parts: Part[];
  linear: Linear;
  lo: number;
  hi: number;
}

/** What lies after it, up to the last node at which the value is a multiple of the level. */
interface After {
  last: Draft;
  parts: Part[];
  linear: Linear;
  lo: number;
  hi: number;
}

/** A chain that is none: why. */
interface No {
  reason: string;
}

function isNo<T extends object>(value: T | No): value is No {
  return 'reason' in value;
}

/** Parts before a step, the farthest first: each read by the next alone. */
function partsBefore(step: Draft, consumers: Consumers): Part[] {
  const parts: Part[] = [];
  let reader = step;
  let node = step.inputs[0]!;
  while (isPart(node) && soleConsumer(consumers, node) === reader) {
    parts.unshift(node);
    reader = node;
    node = node.inputs[0]!;
  }
  return parts;
}

/**
 * Composes the parts. Clip bounds are carried to the step in float32, part by part, as a runtime does: the level a
 * saturated value gets is then the file's.
 */
function composeBefore(step: DraftOf<'step'>, parts: Part[]): Before | No {
  const source = (parts[0] ?? step).inputs[0]!;
  const known = boundsOf(source);
  let lo: Float64Array = Float64Array.of(known.lo >= 0 ? 0 : Number.NEGATIVE_INFINITY);
  let hi: Float64Array = Float64Array.of(is(source, 'clip') ? source.operation.hi : Number.POSITIVE_INFINITY);
  let linear = IDENTITY;
  for (const part of parts) {
    if (is(part, 'scale')) {
      const { mul, div, shift } = part.operation;
      linear = then(linear, part);
      if (!positive(linear.a) || !positive(linear.d)) return { reason: 'its scale is not positive' };
      const map = (ends: Float64Array) => {
        const f = Math.fround;
        const scaled = zip(zip(ends, mul, (x, m) => f(x * m)), div, (x, d) => f(x / d)); // biome-ignore format: one line a step
        return zip(scaled, shift, (x, s) => f(x + s));
      };
      lo = map(lo);
      hi = map(hi);
    } else if (is(part, 'clip')) {
      const { operation } = part;
      const clamp = (x: number) => Math.min(Math.max(x, operation.lo), operation.hi);
      lo = lo.map(clamp);
      hi = hi.map(clamp);
    }
  }
  const toLevel = step.operation.round ? roundHalfEven : Math.floor;
  const least = uniform(lo.map((x) => (Number.isFinite(x) ? toLevel(x) : x)));
  const most = uniform(hi.map((x) => (Number.isFinite(x) ? toLevel(x) : x)));
  if (least === undefined || most === undefined)
    return { reason: 'its clip allows different levels in different channels' };
  return { source, parts, linear, lo: least, hi: most };
}

/** φ = offset / stepIn, with the half that rounding adds. */
function phases(before: Before, round: boolean): Float64Array {
  return zip(before.linear.b, before.linear.d, (b, d) => b / d + (round ? 0.5 : 0));
}

/** Is a level bound an integer (up to float32 rounding of the constants it came from)? */
function nearInteger(x: number): boolean {
  return Math.abs(x - Math.round(x)) <= 1e-5 * Math.max(1, Math.abs(x));
}

/** Narrows lo…hi by a clip of (a·n + b)/d. Undefined where a bound that binds is no whole level. */
function narrowed(range: { lo: number; hi: number }, linear: Linear, clip: DraftOf<'clip'>['operation']) {
  const level = (bound: number) =>
    zip(
      zip(linear.d, linear.b, (d, b) => bound * d - b),
      linear.a,
      (x, a) => x / a,
    );
  const lows = Number.isFinite(clip.lo) ? level(clip.lo) : undefined;
  const highs = Number.isFinite(clip.hi) ? level(clip.hi) : undefined;
  let { lo, hi } = range;
  if (lows?.some((x) => x > lo)) {
    const all = uniform(lows.map((x) => (nearInteger(x) ? Math.round(x) : Number.NaN)));
    if (all === undefined || Number.isNaN(all)) return undefined;
    lo = Math.max(lo, all);
  }
  if (highs?.some((x) => x < hi)) {
    const all = uniform(highs.map((x) => (nearInteger(x) ? Math.round(x) : Number.NaN)));
    if (all === undefined || Number.isNaN(all)) return undefined;
    hi = Math.min(hi, all);
  }
  return { lo, hi };
}

/** Walks forward from the step and stops at the last node where the value is level · (a positive number) and bounded. */
function walkAfter(step: Draft, start: { lo: number; hi: number }, consumers: Consumers): After | No {
  let best: After | undefined;
  let reason = 'nothing clips it to a range of levels';
  let { lo, hi } = start;
  let linear = IDENTITY;
  let node = step;
  const parts: Part[] = [];
  for (;;) {
    const centred = linear.b.every((b) => b === 0);
    if (centred && Number.isFinite(lo) && Number.isFinite(hi) && lo < hi) {
      best = { last: node, parts: [...parts], linear, lo, hi };
    }
    const next = soleConsumer(consumers, node);
    if (!isPart(next)) break;
    if (is(next, 'scale')) {
      linear = then(linear, next);
      if (!positive(linear.a) || !positive(linear.d)) break;
    } else if (is(next, 'clip')) {
      const range = narrowed({ lo, hi }, linear, next.operation);
      if (!range) {
        reason = 'a clip bound after it is not on a whole level';
        break;
      }
      ({ lo, hi } = range);
    }
    parts.push(next);
    node = next;
  }
  return best ?? { reason };
}

/** Makes a step and its parts a quant node or the input's grid. Returns why not where they are neither. */
function recognise(graph: DraftGraph, step: DraftOf<'step'>): string | undefined {
  const consumers = graph.consumers();
  const parts = partsBefore(step, consumers);
  const { round } = step.operation;
  let reason = '';
  let signed: string | undefined;
  // The longest chain that is a neuron: what is left of it before stays a scale (a bias, say).
  for (let skip = 0; skip <= parts.length; ++skip) {
    const before = composeBefore(step, parts.slice(skip));
    if (isNo(before)) {
      reason ||= before.reason;
      continue;
    }
    const after = walkAfter(step, before, consumers);
    if (isNo(after)) {
      reason ||= after.reason;
      continue;
    }
    if (round && makeGrid(graph, before, after, consumers)) return undefined;
    if (after.lo !== 0) {
      signed ??= `levels ${after.lo}…${after.hi}`;
      continue;
    }
    if (!phases(before, round).every((phase) => phase >= 0 && phase < 1)) {
      reason ||= 'its shift is not between 0 and one level';
      continue;
    }
    makeQuant(graph, step, before, after);
    return undefined;
  }
  const opType = step.origin?.opType ?? '';
  if (signed) {
    return opType === 'QuantizeLinear'
      ? `signed QuantizeLinear (${signed}) is not a neuron: a spike count starts at 0. Quantise after the Relu, with the type's minimum as zero point.`
      : `${signed}: a neuron's levels start at 0. Clip from 0 on.`;
  }
  return `it is not a quantised activation: ${reason}. Expected clip(floor(x / step + shift), 0, levels).`;
}

function absorbed(...nodes: readonly Draft[]): Draft['absorbed'] {
  return [...new Set(nodes.flatMap((node) => node.absorbed))];
}

function makeQuant(graph: DraftGraph, step: DraftOf<'step'>, before: Before, after: After): void {
  const { round } = step.operation;
  const { a, b, d } = before.linear;
  const stepIn = zip(d, a, (x, y) => x / y);
  const plain = zip(b, a, (x, y) => x / y);
  const quant = draft(
    {
      op: 'quant',
      levels: after.hi,
      stepIn: compact(stepIn),
      offset: compact(round ? zip(plain, stepIn, (x, y) => x + y / 2) : plain),
      stepOut: compact(zip(after.linear.a, after.linear.d, (x, y) => x / y)),
      tiesToEven: round,
    },
    step.origin,
    [before.source],
    step.dims,
    after.last.tensor,
  );
  quant.absorbed = absorbed(step, ...before.parts, ...after.parts);
  quant.notes.push(`${after.hi} levels`);
  if (round) quant.notes.push(`${step.origin?.opType} rounds ties to even, the neuron rounds them up`);
  graph.replace(after.last, quant);
}

/** Rounding that is all that reads the input becomes its grid; a factor that is left becomes a scale. */
function makeGrid(graph: DraftGraph, before: Before, after: After, consumers: Consumers): boolean {
  const { source, linear } = before;
  if (!is(source, 'input') || source.operation.grid || consumers.get(source)?.length !== 1) return false;
  const step = uniform(zip(linear.d, linear.a, (x, y) => x / y));
  if (step === undefined || linear.b.some((b) => b !== 0)) return false;
  const factor = zip(after.linear.a, after.linear.d, (x, y) => x / y).map((x) => x / step);
  source.operation.grid = { step, lo: after.lo, hi: after.hi };
  source.absorbed = absorbed(...before.parts, ...stepsBetween(before, after));
  if (factor.every((x) => x === 1)) {
    source.tensor = after.last.tensor;
    graph.replace(after.last, source);
    return true;
  }
  const scale = draft(
    { op: 'scale', batchNorm: false, mul: compact(factor), div: ONE, shift: ZERO },
    after.last.origin,
    [source],
    source.dims,
    after.last.tensor,
  );
  graph.replace(after.last, scale);
  return true;
}

/** The step and the parts after it. */
function stepsBetween(before: Before, after: After): Draft[] {
  const first = after.parts[0] ?? after.last;
  const step = after.parts.length ? first.inputs[0]! : after.last;
  return [...before.parts, step, ...after.parts];
}

/** Recognises all quantised activations. Returns the steps that are none, with the reason. */
export function recogniseActivations(graph: DraftGraph): { node: Draft; reason: string }[] {
  const refused: { node: Draft; reason: string }[] = [];
  for (const node of graph.nodes()) {
    if (!is(node, 'step')) continue;
    const reason = recognise(graph, node);
    if (reason !== undefined) refused.push({ node, reason });
  }
  return refused;
}

/** The level that a value of x gets, per channel, before clipping. */
export function levelOf(quant: DraftOf<'quant'>['operation'], x: number): Float64Array {
  const length = Math.max(quant.stepIn.length, quant.offset.length);
  return Float64Array.from({ length }, (_, c) =>
    Math.floor(Math.fround((x + at(quant.offset, c)) / at(quant.stepIn, c))),
  );
}
