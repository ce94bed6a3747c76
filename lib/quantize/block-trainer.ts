/** One block: its description for the native trainer, and what the trainer learned put back into the network. */
import type { ConvNode, Network, NetworkNode, QuantNode } from '../graph/network';
import type { BlockDescription, BlockParameter, DenseDescription, PlanFormat } from '../native';
import type { Block } from './blocks';
import { LARGEST } from './limit';
import { reachOf, roundingGroups, unitsOf } from './rounding-groups';

/** The block's nodes for the dense pass or the trainer: first its inputs, then its nodes. */
export function denseBlock(network: Network, block: Block): DenseDescription {
  const ids = [...block.inputs, ...block.nodes];
  const place = new Map(ids.map((id, at) => [id, at]));
  const nodes = ids.map((id, at): NetworkNode => {
    const node = network.nodes[id]!;
    if (at >= block.inputs.length) return { ...node, id: at, inputs: node.inputs.map((input) => place.get(input)!) };
    const { name, tensor, shape, onnx } = node;
    return { id: at, name, tensor, shape, onnx, tail: false, op: 'input', grid: null, inputs: [] };
  });
  return { nodes, outputs: block.outputs.map((id) => place.get(id)!) };
}

export interface BlockTraining {
  format: PlanFormat;
  levels: number;
  schedule: BlockDescription['schedule'];
}

export function trainerOf(network: Network, block: Block, training: BlockTraining): BlockDescription {
  const { format, levels, schedule } = training;
  const dense = denseBlock(network, block);
  const place = new Map([...block.inputs, ...block.nodes].map((id, at) => [id, at]));
  const groups = format === 'float32' ? [] : roundingGroups(network, block.nodes);
  return {
    ...dense,
    units: block.inputs.map((id) => unitsOf(network, id, levels)),
    reach: Float64Array.from(block.inputs, (id) => reachOf(network, id, levels)),
    rounding: groups
      // An activation that is cut off from its sums is rounded with the block that it is in.
      .filter(({ quant }) => quant === null || place.has(quant))
      .map(({ convs, quant }) => ({
        convs: convs.map((id) => place.get(id)!),
        quant: quant === null ? null : place.get(quant)!,
      })),
    most: LARGEST[format],
    levels,
    schedule,
  };
}

/** The network with what the block's trainer learned. */
export function withParameters(network: Network, block: Block, parameters: readonly BlockParameter[]): Network {
  const ids = [...block.inputs, ...block.nodes];
  const nodes = [...network.nodes];
  for (const { node, kind, values } of parameters) {
    const id = ids[node]!;
    const old = nodes[id]!;
    if (kind === 'weight') nodes[id] = { ...(old as ConvNode), weight: values };
    else if (kind === 'bias') nodes[id] = { ...(old as ConvNode), bias: values };
    else nodes[id] = withSteps(old as QuantNode, values);
  }
  return { ...network, nodes };
}

/** Clip values are kept in float32, as the file has them. */
function withSteps(quant: QuantNode, values: Float32Array): QuantNode {
  const steps = Float64Array.from(values, (step) => Math.fround(step * quant.levels) / quant.levels);
  const offset = steps.map((step, c) => (quant.offset[c]! / quant.stepIn[c]!) * step);
  return { ...quant, stepIn: steps, stepOut: steps, offset };
}
