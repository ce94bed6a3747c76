import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { openDataset } from '../../lib/datasets';
import { caught, collect, noise, temporaryFolder } from './helpers';

const folder = temporaryFolder();
const [h, w] = [3, 5];
const labels = [7, 0, 9, 255];

function idx(magic: number, dims: readonly number[], body: Uint8Array): Buffer {
  const header = Buffer.alloc(4 + 4 * dims.length);
  for (const [i, value] of [magic, ...dims].entries()) header.writeUInt32BE(value, 4 * i);
  return Buffer.concat([header, body]);
}

const pixels = noise(labels.length * h * w);
const imagesFile = idx(0x803, [labels.length, h, w], pixels);
const labelsFile = idx(0x801, [labels.length], Uint8Array.from(labels));

let made = 0;
function folderOf(files: Record<string, Uint8Array>): string {
  const path = join(folder, String(made++));
  mkdirSync(path);
  for (const [file, content] of Object.entries(files)) writeFileSync(join(path, file), content);
  return path;
}

const test10k = { 't10k-images-idx3-ubyte': imagesFile, 't10k-labels-idx1-ubyte': labelsFile };

async function read(spec: string) {
  const data = await openDataset(spec, { scaling: { scale: 1 } });
  const batches = await collect(data.batches(3));
  return {
    data,
    labels: batches.flatMap((batch) => [...batch.labels]),
    pixels: batches.flatMap((batch) => [...batch.images]),
  };
}

describe('mnist', () => {
  const train = {
    'train-images-idx3-ubyte.gz': gzipSync(imagesFile),
    'train-labels-idx1-ubyte.gz': gzipSync(labelsFile),
  };
  const both = folderOf({ ...test10k, ...train });

  test.each([
    ['folder', both],
    ['train split, gzipped', `${both}#train`],
    ['images file', join(both, 't10k-images-idx3-ubyte')],
    ['gzipped images file', join(both, 'train-images-idx3-ubyte.gz')],
    [
      'a subset by its own name',
      folderOf({ 't10k-4-images-idx3-ubyte.gz': gzipSync(imagesFile), 't10k-4-labels-idx1-ubyte': labelsFile }),
    ],
    [
      'with dots in the names',
      folderOf({ 't10k-images.idx3-ubyte': imagesFile, 't10k-labels.idx1-ubyte': labelsFile }),
    ],
    [
      'a file beside its compressed original',
      folderOf({ ...test10k, 't10k-images-idx3-ubyte.gz': gzipSync(imagesFile) }),
    ],
  ])('%s', async (_, path) => {
    const result = await read(`mnist:${path}`);
    expect(result.data).toMatchObject({ size: 4, shape: { c: 1, h, w }, classes: null, classNames: null });
    expect(result.data.scaling.channels).toBe('gray');
    expect(result.labels).toEqual(labels);
    expect(result.pixels).toEqual([...pixels]);
  });

  test('class names given by the caller', async () => {
    expect((await openDataset(`mnist:${both}`, { classNames: ['shirt'] })).classNames).toEqual(['shirt']);
    const error = await caught(() => openDataset(`mnist:${both}`, { classNames: ['shirt'], classes: 10 }));
    expect(error.message).toBe('expected 10 names, one for each class for classNames but received 1');
  });

  test('three planes where the network wants them', async () => {
    const data = await openDataset(`mnist:${both}`, { scaling: { scale: 1, channels: 'rgb' } });
    expect(data.shape).toEqual({ c: 3, h, w });
  });

  test('labels are checked before any image is read', async () => {
    const error = await caught(() => openDataset(`mnist:${both}`, { classes: 10 }));
    expect(error.code).toBe('ERR_CASC_DATA');
    expect(error.message).toContain('image t10k-images-idx3-ubyte:3 has label 255, the network has 10 classes (0..9)');
    expect((await openDataset(`mnist:${both}`, { classes: 10, limit: 3 })).size).toBe(3);
  });

  const images = 't10k-images-idx3-ubyte';
  const labelsName = 't10k-labels-idx1-ubyte';
  test.each<[string, Record<string, Uint8Array>, string, string]>([
    [
      'no file',
      {},
      'ERR_CASC_DATA',
      'no images file of the test split; expected one named like t10k-images-idx3-ubyte[.gz]',
    ],
    [
      'two files',
      { ...test10k, 'test-images-idx3-ubyte': imagesFile },
      'ERR_CASC_DATA',
      'several images files (t10k-images-idx3-ubyte, test-images-idx3-ubyte)',
    ],
    ['no labels', { [images]: imagesFile }, 'ERR_CASC_FILE', 'the labels file must lie beside the images file'],
    [
      'header cut',
      { ...test10k, [images]: imagesFile.subarray(0, 9) },
      'ERR_CASC_DATA',
      'it has 9 bytes, less than its header of 16',
    ],
    ['magic', { ...test10k, [images]: labelsFile.subarray(0, 16) }, 'ERR_CASC_DATA', 'it has 12 bytes'],
    [
      'labels for images',
      { ...test10k, [images]: idx(0x801, [4, 0, 0], pixels) },
      'ERR_CASC_DATA',
      'begins with 0x00000801, expected 0x00000803',
    ],
    [
      'images for labels',
      { ...test10k, [labelsName]: imagesFile },
      'ERR_CASC_DATA',
      'begins with 0x00000803, expected 0x00000801',
    ],
    ['no pixels', { ...test10k, [images]: idx(0x803, [4, 0, 5], pixels) }, 'ERR_CASC_DATA', 'images of 5x0 pixels'],
    [
      'truncated',
      { ...test10k, [images]: imagesFile.subarray(0, 70) },
      'ERR_CASC_DATA',
      'it has 70 bytes, its header (4 images of 5x3) says 76',
    ],
    ['too long', { ...test10k, [images]: Buffer.concat([imagesFile, imagesFile]) }, 'ERR_CASC_DATA', 'says 76'],
    [
      'counts',
      { ...test10k, [labelsName]: idx(0x801, [3], pixels) },
      'ERR_CASC_DATA',
      'it has 3 labels for the 4 images of',
    ],
    [
      'labels cut',
      { ...test10k, [labelsName]: labelsFile.subarray(0, 10) },
      'ERR_CASC_DATA',
      'it ends after 2 of 4 labels',
    ],
    [
      'labels too long',
      { ...test10k, [labelsName]: Buffer.concat([labelsFile, labelsFile]) },
      'ERR_CASC_DATA',
      'bytes follow its 4 labels',
    ],
    [
      'empty',
      { [images]: idx(0x803, [0, h, w], Buffer.alloc(0)), [labelsName]: idx(0x801, [0], Buffer.alloc(0)) },
      'ERR_CASC_DATA',
      'holds no images',
    ],
  ])('refused: %s', async (_, files, code, text) => {
    const path = folderOf(files);
    const error = await caught(() => openDataset(`mnist:${path}`));
    expect(error.code).toBe(code);
    expect(error.message).toContain(path);
    expect(error.message).toContain(text);
    expect(error.where.file).toContain(path);
  });

  // Long enough that what is wrong lies behind what opening reads.
  const many = 3000;
  const body = noise(many * 28 * 28);
  const long = gzipSync(idx(0x803, [many, 28, 28], body));
  const flipped = Buffer.from(long);
  flipped.fill(0xff, long.length >> 1, (long.length >> 1) + 64);
  test.each([
    [
      'truncated gzip',
      long.subarray(0, long.length - 1000),
      'unexpected end of file; the file is truncated or corrupt, fetch it again',
    ],
    ['corrupt gzip', flipped, 'cannot be decompressed'],
    [
      'fewer images than said',
      gzipSync(idx(0x803, [many, 28, 28], body.subarray(1))),
      'it ends within image 2999 of 3000',
    ],
    ['more images than said', gzipSync(idx(0x803, [many - 1, 28, 28], body)), 'bytes follow its 2999 images'],
  ])('refused while streaming: %s', async (name, content, text) => {
    const count = name.startsWith('more') ? many - 1 : many;
    const path = folderOf({ [`${images}.gz`]: content, [labelsName]: idx(0x801, [count], new Uint8Array(count)) });
    const error = await caught(async () => collect((await openDataset(`mnist:${path}`)).batches(64)));
    expect(error.code).toBe('ERR_CASC_DATA');
    expect(error.message).toContain(join(path, `${images}.gz`));
    expect(error.message).toContain(text);
  });

  test('what is not gzip is refused at once', async () => {
    const path = folderOf({ [`${images}.gz`]: imagesFile, [labelsName]: labelsFile });
    const error = await caught(() => openDataset(`mnist:${path}`));
    expect(error.code).toBe('ERR_CASC_DATA');
    expect(error.message).toContain('incorrect header check; the file is truncated or corrupt');
  });

  test('a name without images-idx3 is refused', async () => {
    const path = folderOf({ pixels: imagesFile });
    const error = await caught(() => openDataset(`mnist:${join(path, 'pixels')}`));
    expect(error.message).toContain('the labels file cannot be derived from this name');
  });
});
