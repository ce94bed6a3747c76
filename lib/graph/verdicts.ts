/** What became of each ONNX node. */
import { type Draft, type DraftGraph, nameOf } from './draft';
import type { NodeVerdict, Verdict } from './network';
import type { Dropped } from './normalise';
import type { OnnxNode } from './onnx-node';
import type { Source } from './source';
import type { Translation } from './translate';

const RANK: readonly Verdict[] = ['neuron', 'pool', 'tail', 'linear'];

function verdictOf(node: Draft): Verdict {
  if (node.tail) return 'tail';
  switch (node.operation.op) {
    case 'clip':
    case 'quant':
      return 'neuron';
    case 'maxpool':
    case 'avgpool':
      return 'pool';
    default:
      return 'linear';
  }
}

function noteOf(node: Draft): string {
  const notes = [...node.notes];
  if (node.operation.op === 'clip' && !node.tail) notes.unshift('not quantised yet');
  if (node.operation.op === 'route') notes.unshift('data movement');
  return notes.join('; ');
}

/** The draft node that says most about an ONNX node among those that came from it. */
function leading(nodes: readonly Draft[]): Draft | undefined {
  const rank = (node: Draft) => RANK.indexOf(verdictOf(node)) * 2 + (node.operation.op === 'route' ? 1 : 0);
  return [...nodes].sort((a, b) => rank(a) - rank(b))[0];
}

/** One verdict per ONNX node, in file order. */
export function giveVerdicts(
  source: Source,
  graph: DraftGraph,
  { refused, constants }: Pick<Translation, 'refused' | 'constants'>,
  dropped: Dropped,
): NodeVerdict[] {
  const made = new Map<OnnxNode, Draft[]>();
  const taken = new Map<OnnxNode, Draft>();
  for (const node of graph.nodes()) {
    if (node.origin) made.set(node.origin, [...(made.get(node.origin) ?? []), node]);
    for (const origin of node.absorbed) if (!taken.has(origin)) taken.set(origin, node);
  }
  const input = new Set(graph.input.absorbed);
  return source.nodes.map((node): NodeVerdict => {
    const say = (verdict: Verdict, note: string): NodeVerdict => ({
      name: node.name,
      opType: node.opType,
      verdict,
      note,
    });
    const refusal = refused.get(node);
    if (refusal) return say('refused', refusal.reason);
    if (input.has(node)) return say('input', 'rounds the input to a grid of integers');
    const own = leading(made.get(node) ?? []);
    if (own) return say(verdictOf(own), noteOf(own));
    const host = taken.get(node);
    if (host) return say('folded', `folded into ${nameOf(host)}`);
    if (constants.has(node)) return say('folded', 'constant');
    return say('folded', dropped.get(node) ?? 'not needed for any output');
  });
}
