/**
 * onnxruntime as the independent oracle. Import it from here: under Jest its results come from outside Jest's context, and
 * its `instanceof Float32Array` would refuse them.
 */
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { type OnnxModel, valueInfo, writeModel } from '../../lib/onnx';

Object.defineProperty(Float32Array, Symbol.hasInstance, {
  value: (value: unknown) => Object.prototype.toString.call(value) === '[object Float32Array]',
});

export { InferenceSession, Tensor };

export interface OrtOptions {
  /** Tensors to return besides the model's outputs. */
  tensors?: readonly string[];
  /** Graph optimisations; default on. */
  optimize?: boolean;
}

/** Returns every output (and the tensors asked for) as flat float32 arrays. */
export async function runOnnx(
  model: OnnxModel,
  images: Float32Array,
  dims: readonly number[],
  { tensors = [], optimize = true }: OrtOptions = {},
): Promise<Record<string, Float32Array>> {
  const { graph } = model.proto;
  const known = new Set((graph.output ?? []).map((output) => output.name));
  const extra = tensors
    .filter((name) => !known.has(name))
    .map((name) => ({ ...valueInfo(name, []), type: { tensorType: { elemType: 1 } } }));
  const widened: OnnxModel = {
    ...model,
    proto: { ...model.proto, graph: { ...graph, output: [...(graph.output ?? []), ...extra] } },
  };
  const session = await InferenceSession.create(writeModel(widened), {
    graphOptimizationLevel: optimize ? 'all' : 'disabled',
    intraOpNumThreads: 1,
    logSeverityLevel: 3,
  });
  try {
    const results = await session.run({ [session.inputNames[0]!]: new Tensor('float32', images, [...dims]) });
    return Object.fromEntries(Object.entries(results).map(([name, tensor]) => [name, tensor.data as Float32Array]));
  } finally {
    await session.release();
  }
}

/** Largest difference over largest value. */
export function relativeDifference(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  let difference = 0;
  let largest = 0;
  for (let i = 0; i < expected.length; i++) {
    difference = Math.max(difference, Math.abs(actual[i]! - expected[i]!));
    largest = Math.max(largest, Math.abs(expected[i]!));
  }
  if (actual.length !== expected.length || Number.isNaN(difference)) return Number.POSITIVE_INFINITY;
  return largest > 0 ? difference / largest : difference;
}
