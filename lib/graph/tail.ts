/** The analogue tail: functions no neuron has, computed on the readout. Nothing that spikes may come after them. */
import { type Draft, type DraftGraph, type DraftOf, draft, is, nameOf, ONE } from './draft';

/** A clip that starts elsewhere than at 0 is no neuron. */
function isFreeClip(node: Draft): node is DraftOf<'clip'> {
  return is(node, 'clip') && node.operation.lo !== 0;
}

function isTailFunction(node: Draft): boolean {
  return is(node, 'unary') || is(node, 'softmax') || is(node, 'step') || isFreeClip(node);
}

/** Layers that work in spikes or weigh them. */
function isLayer(node: Draft): boolean {
  return ['conv', 'avgpool', 'maxpool', 'quant'].includes(node.operation.op) || (is(node, 'clip') && !isFreeClip(node));
}

/**
 * Marks the tail. Returns the nodes that cannot be where they are, with the reason. `steps`: why each floor or round that is
 * left is no neuron.
 */
export function markTail(graph: DraftGraph, steps: ReadonlyMap<Draft, string>): { node: Draft; reason: string }[] {
  const refused: { node: Draft; reason: string }[] = [];
  const nodes = graph.nodes();
  /** The first tail function on the way to each node. */
  const first = new Map<Draft, Draft>();
  for (const node of nodes) {
    const cause = node.inputs.map((input) => first.get(input)).find((found) => found !== undefined);
    // A quantised value that is no neuron is clipped right after its step.
    const belongs = cause !== undefined && is(cause, 'step') && is(node, 'clip');
    if (cause && isLayer(node) && !belongs) {
      const reason =
        reasonAgainst(cause, steps) ??
        `analogue in the middle of the net: it comes after ${nameOf(cause)} (${cause.origin?.opType}), which no neuron computes. ` +
          'Train with Relu there, or end the net before it.';
      const culprit = reasonAgainst(cause, steps) === undefined ? node : cause;
      if (!refused.some((entry) => entry.node === culprit)) refused.push({ node: culprit, reason });
    }
    // A clip and the step behind it are one activation, and the step knows its levels.
    const own = is(node, 'step') && (!cause || isFreeClip(cause));
    const source = own ? node : (cause ?? (isTailFunction(node) ? node : undefined));
    if (source) first.set(node, source);
    node.tail = source !== undefined;
  }
  if (refused.length) return refused;
  const consumers = graph.consumers();
  for (const node of nodes.reverse()) {
    if (!is(node, 'route') && !is(node, 'scale') && !is(node, 'add')) continue;
    const readers = consumers.get(node)!;
    if (readers.length && readers.every((reader) => reader?.tail)) node.tail = true;
  }
  expandClips(graph);
  return [];
}

/** Why a clip or step cannot be followed by a layer; undefined for functions that are at home in the tail. */
function reasonAgainst(cause: Draft, steps: ReadonlyMap<Draft, string>): string | undefined {
  if (is(cause, 'step')) return steps.get(cause)!;
  if (!isFreeClip(cause)) return undefined;
  const { lo, hi } = cause.operation;
  if (lo === Number.NEGATIVE_INFINITY)
    return 'it only clips from above; a neuron starts at 0. Put a Relu before it, with one bound for all channels.';
  return `it clips to ${lo}…${hi}; a neuron starts at 0. Fine-tune with Relu or Clip from 0.`;
}

/** clip(x, lo, hi) of the tail in terms of relu: max(x, lo) = relu(x − lo) + lo, min(y, hi) = hi − relu(hi − y). */
function expandClips(graph: DraftGraph): void {
  for (const node of graph.nodes()) {
    if (!is(node, 'clip') || !node.tail) continue;
    const step = (operation: Draft['operation'], input: Draft): Draft => {
      const result = draft(operation, node.origin, [input], node.dims, '');
      result.tail = true;
      return result;
    };
    const affine = (mul: number, shift: number, input: Draft) =>
      step(
        { op: 'scale', batchNorm: false, mul: Float64Array.of(mul), div: ONE, shift: Float64Array.of(shift) },
        input,
      );
    const relu = (input: Draft) => step({ op: 'unary', kind: 'relu' }, input);
    const { lo, hi } = node.operation;
    let value = node.inputs[0]!;
    if (lo === 0) value = relu(value);
    else if (Number.isFinite(lo)) value = affine(1, lo, relu(affine(1, -lo, value)));
    if (Number.isFinite(hi)) value = affine(-1, hi, relu(affine(-1, hi, value)));
    value.tensor = node.tensor;
    graph.replace(node, value);
  }
}
