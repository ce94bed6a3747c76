/** MNIST and its relatives (Fashion-MNIST, KMNIST, …): images and labels in a pair of IDX files, plain or gzipped. */
import { stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { CascError } from '../errors';
import { ByteReader, isGzip } from './byte-reader';
import { corrupt, type ImagesHeader, imagesHeaderBytes, readImagesHeader, readLabels } from './idx';
import type { Source, SourceItem } from './source';
import type { DataSpec } from './spec';
import { type SplitFiles, type SplitPatterns, splitFiles } from './split';

const splits: SplitPatterns = {
  test: /^(t10k|test).*images[-.]idx3-ubyte(\.gz)?$/,
  train: /^train.*images[-.]idx3-ubyte(\.gz)?$/,
};

/**
 * Opens an images file, or a folder whose split (`test` unless given) names it; the labels file is the one beside it with
 * `labels` and `idx1` for `images` and `idx3`. Class names are not in these files.
 *
 * @throws CascError ERR_CASC_FILE, ERR_CASC_DATA where a file is no IDX file, truncated, or the two do not belong together,
 * ERR_CASC_ARGUMENT for an unknown split.
 */
export async function openMnist(spec: DataSpec): Promise<Source> {
  const path = imagesFile(await splitFiles(spec, splits));
  const images = await readImagesHeader(path);
  const labelsFile = await labelsBeside(path);
  const labels = await readLabels(labelsFile, images);
  return {
    name: `mnist ${basename(path)}`,
    total: images.count,
    channels: 1,
    classes: null,
    classNames: null,
    labels: Array.from(labels, (label, index) => ({ id: idOf(path, index), label })),
    recordFiles: [path, labelsFile],
    notes: [],
    items: () => pictures(images, labels),
  };
}

function idOf(path: string, index: number): string {
  return `${basename(path)}:${index}`;
}

function imagesFile({ folder, names: found, split, single }: SplitFiles): string {
  // A file and its compressed original count as one.
  const names = single ? found : found.filter((name) => !(isGzip(name) && found.includes(name.slice(0, -3))));
  if (names.length === 1) return join(folder, names[0]!);
  const problem = names.length === 0 ? 'no images file' : `several images files (${names.join(', ')})`;
  throw new CascError(
    'ERR_CASC_DATA',
    `${folder} holds ${problem} of the ${split} split; expected one named like ${split === 'test' ? 't10k' : 'train'}-images-idx3-ubyte[.gz], or give the path of the file itself`,
    { file: folder },
  );
}

async function labelsBeside(path: string): Promise<string> {
  const name = basename(path);
  const labels = name.replace(/images([-.])idx3/, 'labels$1idx1');
  if (labels === name) {
    throw new CascError(
      'ERR_CASC_DATA',
      `${path}: the labels file cannot be derived from this name; expected a name with images-idx3, as in t10k-images-idx3-ubyte.gz`,
      { file: path },
    );
  }
  const plain = join(dirname(path), isGzip(labels) ? labels.slice(0, -3) : labels);
  const candidates = isGzip(labels) ? [`${plain}.gz`, plain] : [plain, `${plain}.gz`];
  for (const candidate of candidates) {
    if ((await stat(candidate).catch(() => null))?.isFile()) return candidate;
  }
  throw new CascError(
    'ERR_CASC_FILE',
    `${candidates[0]} does not exist; the labels file must lie beside the images file ${path}`,
    { file: candidates[0] },
  );
}

async function* pictures(images: ImagesHeader, labels: Uint8Array): AsyncGenerator<SourceItem> {
  const { path, count, width, height } = images;
  const reader = new ByteReader(path);
  try {
    await reader.read(imagesHeaderBytes);
    for (let index = 0; index < count; index++) {
      const data = await reader.read(width * height);
      if (data.length < width * height) throw corrupt(path, `it ends within image ${index} of ${count}`);
      yield { id: idOf(path, index), label: labels[index]!, load: () => ({ width, height, channels: 1, data }) };
    }
    if ((await reader.read(1)).length > 0) {
      throw corrupt(path, `bytes follow its ${count} images`);
    }
  } finally {
    await reader.close();
  }
}
