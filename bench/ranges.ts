/** Calibration by onnxruntime itself: the smallest and largest value of tensors over images. */
import { makeNode, type OnnxModel, valueInfo, writeModel } from '../dist/onnx';
import { type Images, Peer } from './onnxruntime';

export interface Range {
  min: number;
  max: number;
}

export async function rangesOf(
  model: OnnxModel,
  tensors: readonly string[],
  batches: AsyncIterable<Images>,
): Promise<Map<string, Range>> {
  const peer = await Peer.open(writeModel(withExtremes(model, tensors)), 1);
  const ranges = new Map<string, Range>();
  try {
    for await (const images of batches) {
      const extremes = await peer.run(images);
      for (const [i, tensor] of tensors.entries()) {
        const min = extremes[2 * i]![0]!;
        const max = extremes[2 * i + 1]![0]!;
        const seen = ranges.get(tensor) ?? { min, max };
        ranges.set(tensor, { min: Math.min(seen.min, min), max: Math.max(seen.max, max) });
      }
    }
  } finally {
    await peer.close();
  }
  return ranges;
}

/** The model with two scalars per tensor as its outputs, so that no whole tensor has to leave onnxruntime. */
function withExtremes(model: OnnxModel, tensors: readonly string[]): OnnxModel {
  const extremes = tensors.flatMap((tensor) => [
    makeNode('ReduceMin', [tensor], [`${tensor}/min`], { keepdims: 0 }),
    makeNode('ReduceMax', [tensor], [`${tensor}/max`], { keepdims: 0 }),
  ]);
  const { graph } = model.proto;
  const output = extremes.map((node) => valueInfo(node.output![0]!, []));
  return {
    ...model,
    proto: { ...model.proto, graph: { ...graph, node: [...(graph.node ?? []), ...extremes], output } },
  };
}
