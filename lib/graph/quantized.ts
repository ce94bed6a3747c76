import type { Network, NetworkNode, QuantNode, ReluNode } from './network';
import { numel } from './network';
import { phasesOf } from './split';

/** Clip values λ by id of a network's relu nodes: one for the layer (length 1) or one for each channel. */
export type ClipValues = ReadonlyMap<number, Float64Array>;

/** The network with every plain ReLU quantised: λ by node id (length 1 or C), Q levels, shift φ. */
export function withQuantizedActivations(
  network: Network,
  levels: number,
  shift: number,
  clipsOf: (id: number) => Float64Array,
): Network {
  const nodes = network.nodes.map((node): NetworkNode => {
    return node.op === 'relu' && !node.tail ? quantizedActivation(node, levels, shift, clipsOf(node.id)) : node;
  });
  return { ...network, nodes };
}

/** One ReLU quantised: λ of length 1 or C. */
export function quantizedActivation(node: ReluNode, levels: number, shift: number, clips: Float64Array): QuantNode {
  const { max: _, trailingAxes: __, ...rest } = node;
  const phases = node.copies && phasesOf(node.copies, shift);
  const step = (phases ? Float64Array.from(phases, (_, c) => clips[c] ?? clips[0]!) : clips).map(
    (clip) => clip / levels,
  );
  return {
    ...rest,
    op: 'quant',
    levels,
    stepIn: step,
    offset: step.map((s, c) => (phases ? phases[c]!.phase : shift) * s),
    stepOut: step,
    tiesToEven: false,
  };
}

/**
 * Ids of the relu nodes that need one clip value for the whole layer: data movement after them puts elements of several
 * channels into one (a Reshape, a Transpose), where a single weight then serves all of them.
 */
export function sharedClips(network: Network): Set<number> {
  const shared = new Set<number>();
  for (const node of network.nodes) {
    if (node.op !== 'route' || node.tail) continue;
    const plane = node.shape.h * node.shape.w;
    const starts = [0];
    for (const id of node.inputs) starts.push(starts.at(-1)! + numel(network.nodes[id]!.shape));
    /** Input and its channel that element `from` comes from, as one number. */
    const channelOf = (from: number): { input: number; channel: number } => {
      let input = 0;
      while (from >= starts[input + 1]!) input++;
      const { h, w } = network.nodes[node.inputs[input]!]!.shape;
      return { input, channel: Math.floor((from - starts[input]!) / (h * w)) };
    };
    for (let first = 0; first < node.index.length; first += plane) {
      let seen: { input: number; channel: number } | undefined;
      for (const from of node.index.subarray(first, first + plane)) {
        if (from < 0) continue;
        const here = channelOf(from);
        if (seen && (seen.input !== here.input || seen.channel !== here.channel)) {
          share(network, node.inputs[seen.input]!, shared);
          share(network, node.inputs[here.input]!, shared);
        }
        seen = here;
      }
    }
  }
  return shared;
}

/** Marks the activations whose values reach `id` without a weight between. */
function share(network: Network, id: number, shared: Set<number>): void {
  const node = network.nodes[id]!;
  if (node.op === 'relu') shared.add(id);
  else if (node.op === 'maxpool' || node.op === 'avgpool' || node.op === 'route') {
    for (const input of node.inputs) share(network, input, shared);
  }
}
