/** Rewrites of the draft that leave its outputs as they are: folding, merging, and acting before pooling. */
import { levelOf } from './activations';
import { boundsOf, isActivated } from './bounds';
import { at, type Draft, type DraftGraph, type DraftOf, is, nameOf, soleConsumer, zip } from './draft';
import type { OnnxNode } from './onnx-node';

/** ONNX nodes that vanished, and why. */
export type Dropped = Map<OnnxNode, string>;

function drop(graph: DraftGraph, node: Draft, dropped: Dropped, why: string): void {
  graph.replace(node, node.inputs[0]!);
  for (const origin of node.absorbed) dropped.set(origin, why);
}

/** Lets `into` stand for `node` as well. */
function absorb(into: Draft, node: Draft): void {
  into.absorbed = [...new Set([...into.absorbed, ...node.absorbed])];
}

function applyScale(conv: DraftOf<'conv'>, scale: DraftOf<'scale'>): void {
  const { operation } = conv;
  const outputs = conv.shape.c;
  const { mul, div, shift } = scale.operation;
  const old = operation.factor;
  const bias = operation.bias;
  const gain = Float64Array.from({ length: outputs }, (_, m) => at(mul, m) / at(div, m));
  if (gain.some((x) => x !== 1)) operation.factor = old ? zip(old, gain, (x, y) => x * y) : gain;
  if (bias || shift.some((x) => x !== 0)) {
    operation.bias = gain.map((x, m) => (bias ? bias[m]! * x : 0) + at(shift, m));
  }
}

/** Folds a scale into the convolution that it alone reads, if `fits`. */
function foldScales(graph: DraftGraph, fits: (conv: DraftOf<'conv'>, scale: DraftOf<'scale'>) => boolean): boolean {
  const consumers = graph.consumers();
  for (const scale of consumers.keys()) {
    if (!is(scale, 'scale')) continue;
    const conv = scale.inputs[0]!;
    if (!is(conv, 'conv') || soleConsumer(consumers, conv) !== scale || !fits(conv, scale)) continue;
    applyScale(conv, scale);
    absorb(conv, scale);
    conv.tensor = scale.tensor;
    graph.replace(scale, conv);
    return true;
  }
  return false;
}

/** The Add after a MatMul is its bias. */
export function foldMatMulBias(graph: DraftGraph): boolean {
  return foldScales(graph, (conv, scale) => {
    const { mul, div } = scale.operation;
    const onlyShifts = mul.every((x) => x === 1) && div.every((x) => x === 1);
    return conv.operation.matmul && conv.operation.bias === null && onlyShifts;
  });
}

export function foldBatchNorm(graph: DraftGraph): boolean {
  return foldScales(graph, (_, scale) => scale.operation.batchNorm);
}

/** Scales into convolutions, scales into scales; a scale by 1 vanishes. */
export function mergeScales(graph: DraftGraph, dropped: Dropped): boolean {
  const consumers = graph.consumers();
  for (const scale of consumers.keys()) {
    if (!is(scale, 'scale')) continue;
    const { mul, div, shift } = scale.operation;
    const gain = zip(mul, div, (x, y) => x / y);
    if (gain.every((x) => x === 1) && shift.every((x) => x === 0)) {
      drop(graph, scale, dropped, 'multiplies by 1 and adds 0');
      return true;
    }
    const inner = scale.inputs[0]!;
    if (!is(inner, 'scale') || soleConsumer(consumers, inner) !== scale) continue;
    const first = inner.operation;
    scale.operation = {
      op: 'scale',
      batchNorm: first.batchNorm || scale.operation.batchNorm,
      mul: zip(first.mul, mul, (x, y) => x * y),
      div: zip(first.div, div, (x, y) => x * y),
      shift: zip(
        zip(first.shift, gain, (x, y) => x * y),
        shift,
        (x, y) => x + y,
      ),
    };
    absorb(scale, inner);
    scale.inputs = inner.inputs;
    return true;
  }
  return foldScales(graph, () => true);
}

interface Grid {
  step: number;
  levels: number;
}

/** The step of values that are whole multiples of one number, and how many there are. */
function gridOf(node: Draft, known: Map<Draft, Grid | undefined> = new Map()): Grid | undefined {
  if (known.has(node)) return known.get(node);
  let result: Grid | undefined;
  if (is(node, 'quant')) {
    const { stepOut, levels } = node.operation;
    result = stepOut.length === 1 ? { step: stepOut[0]!, levels } : undefined;
  } else if (is(node, 'maxpool') || is(node, 'route')) {
    const grids = node.inputs.map((input) => gridOf(input, known));
    const step = grids[0]?.step;
    if (step !== undefined && grids.every((grid) => grid?.step === step)) {
      result = { step, levels: Math.max(...grids.map((grid) => grid!.levels)) };
    }
  }
  known.set(node, result);
  return result;
}

function simplifyQuant(graph: DraftGraph, node: DraftOf<'quant'>, dropped: Dropped): boolean {
  const source = node.inputs[0]!;
  const { operation } = node;
  const grid = gridOf(source);
  if (grid && operation.stepIn.length === 1 && operation.stepOut.length === 1 && operation.offset.length === 1) {
    const same = operation.stepIn[0] === grid.step && operation.stepOut[0] === grid.step;
    if (same && operation.levels >= grid.levels) {
      drop(graph, node, dropped, 'its input has these levels already');
      return true;
    }
  }
  if (!is(source, 'clip') || source.operation.lo > 0) return false;
  if (Number.isFinite(source.operation.hi)) {
    const most = levelOf(operation, source.operation.hi);
    if (!(most[0]! >= 1) || most.some((level) => level !== most[0])) return false;
    operation.levels = Math.min(operation.levels, most[0]!);
  }
  absorb(node, source);
  node.inputs = source.inputs;
  return true;
}

function simplifyClip(
  graph: DraftGraph,
  node: DraftOf<'clip'>,
  consumers: ReadonlyMap<Draft, readonly (Draft | null)[]>,
  dropped: Dropped,
): boolean {
  const source = node.inputs[0]!;
  const { lo, hi } = node.operation;
  const known = boundsOf(source);
  if (known.lo >= lo && known.hi <= hi) {
    const why =
      lo === 0 && hi === Number.POSITIVE_INFINITY ? 'its input is never negative' : 'its input never leaves its bounds';
    drop(graph, node, dropped, why);
    return true;
  }
  if (!is(source, 'clip') || soleConsumer(consumers, source) !== node) return false;
  const clamp = (x: number) => Math.min(Math.max(x, lo), hi);
  node.operation = { op: 'clip', lo: clamp(source.operation.lo), hi: clamp(source.operation.hi) };
  absorb(node, source);
  node.inputs = source.inputs;
  return true;
}

/** Clips into clips and into quantised activations; clips that never bind vanish. */
export function simplifyActivations(graph: DraftGraph, dropped: Dropped): boolean {
  const consumers = graph.consumers();
  for (const node of consumers.keys()) {
    if (is(node, 'quant') && simplifyQuant(graph, node, dropped)) return true;
    if (is(node, 'clip') && simplifyClip(graph, node, consumers, dropped)) return true;
  }
  return false;
}

/** Can `reader` be computed before the max-pool instead of after it? */
function commutes(
  pool: DraftOf<'maxpool'>,
  reader: Draft,
  consumers: ReadonlyMap<Draft, readonly (Draft | null)[]>,
): boolean {
  const source = pool.inputs[0]!;
  if (is(reader, 'quant')) return !isActivated(source) || is(source, 'clip');
  if (is(reader, 'clip')) return reader.operation.lo === 0 && !isActivated(source);
  if (!is(reader, 'scale') || !is(source, 'conv') || soleConsumer(consumers, source) !== pool) return false;
  // Only to reach the convolution that it then folds into.
  const { mul, div } = reader.operation;
  return zip(mul, div, (x, y) => x / y).every((x) => x > 0);
}

/** Monotone functions and maxima may change places: the neuron acts first, the pool then works on spikes. */
export function actBeforePooling(graph: DraftGraph): boolean {
  const consumers = graph.consumers();
  for (const pool of consumers.keys()) {
    if (!is(pool, 'maxpool')) continue;
    const reader = soleConsumer(consumers, pool);
    if (!reader || !commutes(pool, reader, consumers)) continue;
    const source = pool.inputs[0]!;
    const acting: Draft = { ...reader, inputs: [source], dims: source.dims, shape: source.shape, tensor: '' };
    acting.notes = [...reader.notes, `exchanged with ${nameOf(pool)}: acts before the pool`];
    const pooling: Draft = { ...pool, inputs: [acting], tensor: reader.tensor };
    graph.replace(reader, pooling);
    return true;
  }
  return false;
}

/** Applies a rewrite until it finds nothing more. */
export function exhaust(rewrite: () => boolean): void {
  while (rewrite()) {
    // again
  }
}
