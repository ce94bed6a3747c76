/** Identity of calibration data: SHA-256 over the floats the network got. */
import { createHash } from 'node:crypto';
import type { Dataset } from './dataset';

/**
 * Fed batch by batch while streaming. It sees one sequence of little-endian float32 bytes, so the size of the batches does
 * not matter, but every pixel, the preprocessing and the order do.
 */
export class DataHash {
  readonly #hash = createHash('sha256');

  update(images: Float32Array): this {
    this.#hash.update(new Uint8Array(images.buffer, images.byteOffset, images.byteLength));
    return this;
  }

  /** Hexadecimal. The hash is closed afterwards. */
  digest(): string {
    return this.#hash.digest('hex');
  }
}

/** The hash of all images of a data set; reads it once. Errors as Dataset.batches. */
export async function datasetHash(dataset: Dataset): Promise<string> {
  const hash = new DataHash();
  for await (const batch of dataset.batches(32)) hash.update(batch.images);
  return hash.digest();
}
