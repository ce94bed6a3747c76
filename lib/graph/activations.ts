/**
 * Quantised activations: y = stepOut · clip(floor((x + offset) / stepIn), lo, hi), in whatever form an exporter left them.
 * With lo = 0 that is a neuron; rounding right at the input makes the input's grid.
 */
import {
  type After,
  type Before,
  type Consumers,
  compact,
  composeBefore,
  isNo,
  partsBefore,
  phases,
  uniform,
  walkAfter,
} from './chain';
import { at, type Draft, type DraftGraph, type DraftOf, draft, is, ONE, ZERO, zip } from './draft';

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
    if (round && makeGrid(graph, step, before, after, consumers)) return undefined;
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
      ? `signed QuantizeLinear (${signed}) is not a neuron: a spike count starts at 0. Quantise after the Relu, with the type's minimum as zero point, and leave sums and other values without a Relu in float.`
      : `signed ${signed}: a neuron's levels start at 0. Train with a Relu before it, or with 0 as the lower clip bound.`;
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
  if (round) {
    quant.notes.push(
      `${step.origin?.opType} rounds ties to even, the neuron rounds them up: one level more at exactly an even level and a half`,
    );
  }
  graph.replace(after.last, quant);
}

/** Rounding that is all that reads the input becomes its grid; a factor that is left becomes a scale. */
function makeGrid(
  graph: DraftGraph,
  rounding: DraftOf<'step'>,
  before: Before,
  after: After,
  consumers: Consumers,
): boolean {
  const { source, linear } = before;
  if (!is(source, 'input') || source.operation.grid || consumers.get(source)?.length !== 1) return false;
  const step = uniform(zip(linear.d, linear.a, (x, y) => x / y));
  if (step === undefined || linear.b.some((b) => b !== 0)) return false;
  const factor = zip(after.linear.a, after.linear.d, (x, y) => x / y).map((x) => x / step);
  source.operation.grid = { step, lo: after.lo, hi: after.hi };
  source.absorbed = absorbed(...before.parts, rounding, ...after.parts);
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

/** Recognises all quantised activations. Returns the steps that are none, with the reason: they may only stand in the tail. */
export function recogniseActivations(graph: DraftGraph): Map<Draft, string> {
  const others = new Map<Draft, string>();
  for (const node of graph.nodes()) {
    if (!is(node, 'step')) continue;
    const reason = recognise(graph, node);
    if (reason !== undefined) others.set(node, reason);
  }
  return others;
}

/** The level that a value of x gets, per channel, before clipping. */
export function levelOf(quant: DraftOf<'quant'>['operation'], x: number): Float64Array {
  const length = Math.max(quant.stepIn.length, quant.offset.length);
  return Float64Array.from({ length }, (_, c) =>
    Math.floor(Math.fround((x + at(quant.offset, c)) / at(quant.stepIn, c))),
  );
}
