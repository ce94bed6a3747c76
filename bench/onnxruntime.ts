/** onnxruntime-node, the peer: sessions on its CPU provider. */
import { env, InferenceSession, Tensor } from 'onnxruntime-node';

/** A batch of images, [N, C, H, W]. */
export interface Images {
  pixels: Float32Array;
  dims: number[];
}

export const onnxruntimeVersion = env.versions.node ?? 'unknown';

export class Peer {
  private constructor(private readonly session: InferenceSession) {}

  /** All graph optimisations are on unless `options` say otherwise. */
  static async open(
    model: string | Uint8Array,
    threads: number,
    options: InferenceSession.SessionOptions = {},
  ): Promise<Peer> {
    const all: InferenceSession.SessionOptions = {
      executionProviders: ['cpu'],
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      logSeverityLevel: 3,
      ...options,
    };
    // The same call for both; only its overloads are apart.
    const session =
      typeof model === 'string' ? await InferenceSession.create(model, all) : await InferenceSession.create(model, all);
    return new Peer(session);
  }

  /** One array per output, in the order of the model. */
  async run({ pixels, dims }: Images): Promise<Float32Array[]> {
    const { inputNames, outputNames } = this.session;
    const results = await this.session.run({ [inputNames[0]!]: new Tensor('float32', pixels, dims) });
    return outputNames.map((name) => results[name]!.data as Float32Array);
  }

  close(): Promise<void> {
    return this.session.release();
  }
}

/** Writes the graph as onnxruntime executes it; 'basic' only folds constants and normalises. */
export async function writeOptimized(model: string | Uint8Array, file: string, level: 'basic' | 'all'): Promise<void> {
  const peer = await Peer.open(model, 1, { graphOptimizationLevel: level, optimizedModelFilePath: file });
  await peer.close();
}
