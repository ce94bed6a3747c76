/** Identity of a selection of images, without reading image files: two runs over the same data must agree on it. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { onFile } from './file-error';
import type { Source } from './source';

/**
 * SHA-256 (hexadecimal) over the data set's name, the positions that are taken, their ids and labels where they are known
 * beforehand, and the bytes of its record files (CIFAR, IDX). Of a folder of images the pixels are not in it.
 */
export async function identityOf(source: Source, positions: readonly number[]): Promise<string> {
  const hash = createHash('sha256').update(`${source.name}\n`);
  for (const at of positions) {
    const known = source.labels?.[at];
    hash.update(known ? `${at} ${known.id} ${known.label}\n` : `${at}\n`);
  }
  for (const file of source.recordFiles) {
    await onFile(file, async () => {
      for await (const piece of createReadStream(file)) hash.update(piece as Buffer);
    });
  }
  return hash.digest('hex');
}
