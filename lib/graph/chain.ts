/**
 * What stands around a Floor or Round: affine maps by constants and clips, composed in float64 into
 * (a·x + b)/d before it and level·(a/d) after it.
 */
import { roundHalfEven } from './arithmetic';
import { boundsOf } from './bounds';
import { type Draft, type DraftOf, is, ONE, soleConsumer, ZERO, zip } from './draft';

export type Consumers = ReadonlyMap<Draft, readonly (Draft | null)[]>;

/** Nodes that a quantised activation may consist of. */
export type Part = DraftOf<'scale'> | DraftOf<'clip'>;

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
export function uniform(values: Float64Array): number | undefined {
  return values.every((value) => value === values[0]) ? values[0] : undefined;
}

export function compact(values: Float64Array): Float64Array {
  return uniform(values) === undefined ? values : values.slice(0, 1);
}

/** What lies before the step: floor or round of (a·x + b)/d, clipped to lo…hi (already integers). */
export interface Before {
  source: Draft;
  parts: Part[];
  linear: Linear;
  lo: number;
  hi: number;
}

/** What lies after it, up to the last node at which the value is a multiple of the level. */
export interface After {
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

export function isNo<T extends object>(value: T | No): value is No {
  return 'reason' in value;
}

/** Parts before a step, the farthest first: each read by the next alone. */
export function partsBefore(step: Draft, consumers: Consumers): Part[] {
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
export function composeBefore(step: DraftOf<'step'>, parts: Part[]): Before | No {
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
        const multiplied = zip(ends, mul, (x, m) => Math.fround(x * m));
        const divided = zip(multiplied, div, (x, d) => Math.fround(x / d));
        return zip(divided, shift, (x, s) => Math.fround(x + s));
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
  if (least === undefined || most === undefined) {
    return { reason: 'its clip allows different levels in different channels' };
  }
  return { source, parts, linear, lo: least, hi: most };
}

/** φ = offset / stepIn, with the half that rounding adds. */
export function phases(before: Before, round: boolean): Float64Array {
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
export function walkAfter(step: Draft, start: { lo: number; hi: number }, consumers: Consumers): After | No {
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
