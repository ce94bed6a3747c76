/** What a convolution is fitted to. */
import { type Network, type NetworkNode, type ReluNode, readersOf } from '../graph/network';

/**
 * The node whose value in the fp32 net the quantised net should have once convolution `id` is fitted: the sum that it goes
 * into, as long as only sums read it and all other summands are settled by then (a shortcut), else the convolution itself.
 */
export function targetOf(network: Network, id: number): number {
  let target = id;
  for (;;) {
    const readers = readersOf(network, target);
    const isOutput = network.outputs.some((output) => output.node === target);
    const [sum] = readers;
    if (readers.length !== 1 || isOutput || sum!.op !== 'add' || sum!.tail) return target;
    const others = sum!.inputs.filter((input) => input !== target);
    if (others.length !== sum!.inputs.length - 1 || !others.every((other) => isSettled(network, other, id)))
      return target;
    target = sum!.id;
  }
}

/** The activation that alone reads `id`, if there is one. */
export function activationOf(network: Network, id: number): ReluNode | undefined {
  const readers = readersOf(network, id);
  const [only] = readers;
  const isOutput = network.outputs.some((output) => output.node === id);
  return readers.length === 1 && !isOutput && only!.op === 'relu' && !only!.tail ? only : undefined;
}

/** Whether nothing that `id` is computed from is fitted later than `by`. */
function isSettled(network: Network, id: number, by: number, seen = new Set<number>()): boolean {
  if (seen.has(id)) return true;
  seen.add(id);
  const node: NetworkNode = network.nodes[id]!;
  if (id >= by && (node.op === 'conv' || node.op === 'relu')) return false;
  return node.inputs.every((input) => isSettled(network, input, by, seen));
}
