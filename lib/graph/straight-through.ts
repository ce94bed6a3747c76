/**
 * The straight-through gradient as it is left in an exported graph: `(f(x) − x).detach() + x`, in any order. Its value is f(x).
 * In float32 the sum equals a floor or round of x ≥ 0 exactly; where a whole activation is wrapped, up to the rounding of x.
 */
import { type Draft, type DraftGraph, is, soleConsumer } from './draft';
import type { Dropped } from './normalise';

interface Term {
  node: Draft;
  sign: number;
}

/** What a tree of additions and subtractions sums, and its inner nodes: those that nothing else reads. */
function termsOf(sum: Draft, consumers: ReturnType<DraftGraph['consumers']>): { terms: Term[]; inner: Draft[] } {
  const terms: Term[] = [];
  const inner: Draft[] = [sum];
  const enter = (node: Draft, sign: number, reader: Draft): void => {
    const negation = isNegation(node);
    if ((is(node, 'add') || negation) && soleConsumer(consumers, node) === reader) {
      inner.push(node);
      for (const input of node.inputs) enter(input, negation ? -sign : sign, node);
    } else terms.push({ node, sign });
  };
  for (const input of sum.inputs) enter(input, 1, sum);
  return { terms, inner };
}

function isNegation(node: Draft): boolean {
  if (!is(node, 'scale')) return false;
  const { mul, div, shift } = node.operation;
  return mul.every((x) => x === -1) && div.every((x) => x === 1) && shift.every((x) => x === 0);
}

/** Takes out what is added and subtracted again, where one value is left. */
export function cancelStraightThrough(graph: DraftGraph, dropped: Dropped): boolean {
  const consumers = graph.consumers();
  for (const sum of consumers.keys()) {
    if (!is(sum, 'add')) continue;
    const { terms, inner } = termsOf(sum, consumers);
    const count = new Map<Draft, number>();
    for (const { node, sign } of terms) count.set(node, (count.get(node) ?? 0) + sign);
    const left = [...count].filter(([, times]) => times !== 0);
    if (terms.length < 3 || left.length !== 1 || left[0]![1] !== 1) continue;
    graph.replace(sum, left[0]![0]);
    for (const origin of inner.flatMap((node) => node.absorbed)) {
      dropped.set(origin, 'adds what it subtracts: a straight-through gradient');
    }
    return true;
  }
  return false;
}
