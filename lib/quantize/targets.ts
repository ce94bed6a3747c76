/** What a convolution is fitted to, and what its activation is judged by. */
import { isOutput, type Network, type NetworkNode, type ReluNode, readersOf } from '../graph/network';

/**
 * The node whose value in the fp32 net the quantised net should have once convolution `id` is fitted: the sum that it goes
 * into, as long as only sums read it and all other summands are settled by then (a shortcut), else the convolution itself.
 */
export function targetOf(network: Network, id: number): number {
  let target = id;
  for (;;) {
    const readers = readersOf(network, target);
    const [sum] = readers;
    if (readers.length !== 1 || isOutput(network, target) || sum!.op !== 'add' || sum!.tail) return target;
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
  return readers.length === 1 && !isOutput(network, id) && only!.op === 'relu' && !only!.tail ? only : undefined;
}

/**
 * Whether all that is read of an activation is its mean over all positions, and this goes out of the net as it is: no later
 * convolution makes up for an error of it.
 */
export function isPooled(network: Network, { id, shape }: ReluNode): boolean {
  const pools = readersOf(network, id);
  if (shape.h * shape.w === 1 || pools.length === 0 || isOutput(network, id)) return false;
  return pools.every(
    (pool) =>
      pool.op === 'avgpool' &&
      pool.shape.h * pool.shape.w === 1 &&
      readersOf(network, pool.id).every(({ tail }) => tail),
  );
}

/** Whether nothing that `id` is computed from is fitted later than `by`. */
function isSettled(network: Network, id: number, by: number, seen = new Set<number>()): boolean {
  if (seen.has(id)) return true;
  seen.add(id);
  const node: NetworkNode = network.nodes[id]!;
  if (id >= by && (node.op === 'conv' || node.op === 'relu')) return false;
  return node.inputs.every((input) => isSettled(network, input, by, seen));
}
