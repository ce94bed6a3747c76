import type { Network, NetworkNode } from './network';

/** The network with every plain ReLU quantised: λ by node id, Q levels, shift φ. */
export function withQuantizedActivations(
  network: Network,
  levels: number,
  shift: number,
  clipOf: (id: number) => number,
): Network {
  const nodes = network.nodes.map((node): NetworkNode => {
    if (node.op !== 'relu' || node.tail) return node;
    const step = clipOf(node.id) / levels;
    const { max: _, ...rest } = node;
    return {
      ...rest,
      op: 'quant',
      levels,
      stepIn: Float64Array.of(step),
      offset: Float64Array.of(shift * step),
      stepOut: Float64Array.of(step),
      tiesToEven: false,
    };
  });
  return { ...network, nodes };
}
