/** A model to the bytes of an ONNX file. */
import { createHash } from 'node:crypto';
import { encodeModel } from './schema';
import type { OnnxModel } from './types';

/** Encodes a model with all its data inside. The same model gives the same bytes. */
export function writeModel(model: OnnxModel): Uint8Array {
  return encodeModel(model.proto);
}

/** The model's SHA-256: of the file it came from, or of what writeModel would write. */
export function hashOf(model: OnnxModel): string {
  return model.hash || createHash('sha256').update(writeModel(model)).digest('hex');
}
