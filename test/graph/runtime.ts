/** onnxruntime as the reference. */
import { importGraph, type Network } from '../../lib/graph';
import { type OnnxModel, writeModel } from '../../lib/onnx';
import { InferenceSession, Tensor } from '../support/onnxruntime';
import { interpret } from './interpret';

/** Repeatable pseudo-random numbers in [−1, 1). */
export function noise(seed: number): () => number {
  let state = seed >>> 0 || 1;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  };
}

export function noisy(length: number, seed: number, scale = 1): Float32Array {
  const next = noise(seed);
  return Float32Array.from({ length }, () => next() * scale);
}

/** Runs a model on one image and returns its outputs by name. */
export async function runReference(
  model: Uint8Array | string,
  input: string,
  dims: readonly number[],
  image: Float32Array,
  options: InferenceSession.SessionOptions = {},
): Promise<Map<string, Float32Array>> {
  const settings: InferenceSession.SessionOptions = { logSeverityLevel: 4, intraOpNumThreads: 2, ...options };
  const session =
    typeof model === 'string'
      ? await InferenceSession.create(model, settings)
      : await InferenceSession.create(Buffer.from(model), settings);
  const results = await session.run({ [input]: new Tensor('float32', image, [1, ...dims]) });
  const outputs = new Map(
    Object.entries(results).map(([name, tensor]) => [name, Float32Array.from(tensor.data as Float32Array)]),
  );
  await session.release();
  return outputs;
}

/** Largest difference over the largest value of the reference. */
export function distance(actual: Float32Array, expected: Float32Array): number {
  if (actual.length !== expected.length) return Number.POSITIVE_INFINITY;
  let difference = 0;
  let most = 1e-6;
  for (let i = 0; i < expected.length; ++i) {
    const gap = Math.abs(actual[i]! - expected[i]!);
    difference = Math.max(difference, Number.isNaN(gap) ? Number.POSITIVE_INFINITY : gap);
    most = Math.max(most, Math.abs(expected[i]!));
  }
  return difference / most;
}

/** Imports a model, runs it both ways on one noisy image, expects equal outputs, and returns the network. */
export async function agree(model: OnnxModel, scale = 1, seed = 7): Promise<Network> {
  const network = importGraph(model);
  const image = noisy(
    network.inputDims.reduce((a, b) => a * b, 1),
    seed,
    scale,
  );
  const reference = await runReference(writeModel(model), network.inputName, network.inputDims, image, {
    graphOptimizationLevel: 'disabled',
  });
  const ours = interpret(network, image);
  expect([...ours.keys()].sort()).toEqual([...reference.keys()].sort());
  for (const [name, expected] of reference) {
    const gap = distance(ours.get(name)!, expected);
    if (!(gap < 1e-4))
      throw new Error(
        `output ${name} differs by ${gap}: ${ours.get(name)!.slice(0, 8)} against ${expected.slice(0, 8)}`,
      );
  }
  return network;
}
