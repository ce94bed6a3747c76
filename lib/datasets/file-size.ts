/** Sizes of image files: how a change of one is noticed without reading it. */
import { stat } from 'node:fs/promises';
import { orderedMap } from './ordered';
import { select } from './selection';
import type { Source, SourceItem } from './source';

const AT_A_TIME = 16;

/** Bytes of an image's file; null where it is missing, and where the image is a part of a larger file. */
export async function fileSize({ file }: SourceItem): Promise<number | null> {
  if (file === undefined) return null;
  return stat(file).then(
    ({ size }) => size,
    () => null,
  );
}

/** Of the images at these positions (ascending) of a source, in order. */
export async function fileSizes(source: Source, positions: readonly number[]): Promise<(number | null)[]> {
  const sizes: (number | null)[] = [];
  const items = select(source.items(), positions, source.total);
  for await (const size of orderedMap(items, AT_A_TIME, fileSize)) sizes.push(size);
  return sizes;
}
