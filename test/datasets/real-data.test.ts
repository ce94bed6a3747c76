import { createHash } from 'node:crypto';
import { join } from 'node:path';
import sharp from 'sharp';
import { openDataset, parseInputScaling } from '../../lib/datasets';
import { decodeImage } from '../../lib/datasets/decode';
import { prepare } from '../../lib/datasets/prepare';
import { dataPath, describeWithData } from '../support/data';
import { collect } from './helpers';

describeWithData('cifar10 sample', ['data/cifar10'], () => {
  test.each([
    ['test', [494, 484, 517, 480, 507, 503, 498, 494, 538, 485]],
    ['train', [487, 482, 476, 513, 497, 505, 508, 529, 466, 537]],
  ])('labels of the %s split', async (split, expected) => {
    const data = await openDataset(`cifar10:${dataPath('data/cifar10')}#${split}`, { classes: 10 });
    expect(data.size).toBe(5000);
    expect(data.classNames?.slice(0, 2)).toEqual(['airplane', 'automobile']);
    const counts = new Array<number>(10).fill(0);
    for await (const batch of data.batches(256)) for (const label of batch.labels) counts[label]!++;
    expect(counts).toEqual(expected);
  });
});

describeWithData('imagenet sample', ['data/imagenet-sample'], () => {
  const crop = { height: 227, width: 227 };

  test('500 images of the even classes, in order', async () => {
    const data = await openDataset(`imagenet:${dataPath('data/imagenet-sample')}#val`, {
      classes: 1000,
      scaling: { crop },
    });
    expect(data).toMatchObject({ size: 500, classes: 1000, shape: { c: 3, h: 227, w: 227 }, notes: [] });
    const labels: number[] = [];
    for await (const batch of data.batches(50)) labels.push(...batch.labels);
    expect(labels).toEqual(Array.from({ length: 500 }, (_, i) => 2 * i));
  });

  test('the first image is sharp’s decoding, cropped and scaled', async () => {
    const root = dataPath('data/imagenet-sample/val');
    const mean = [123, 117, 104];
    const data = await openDataset(`imagenet:${root}`, { limit: 1, scaling: { mean, scale: 1, crop } });
    const [batch] = await collect(data.batches(1));
    const { data: pixels, info } = await sharp(join(root, batch!.ids[0]!)).raw().toBuffer({ resolveWithObject: true });
    const left = Math.floor((info.width - 227) / 2);
    const top = Math.floor((info.height - 227) / 2);
    const wrong = batch!.images.findIndex((x, i) => {
      const c = Math.floor(i / 227 ** 2);
      const y = Math.floor(i / 227) % 227;
      return x !== pixels[((top + y) * info.width + left + (i % 227)) * 3 + c]! - mean[c]!;
    });
    expect(wrong).toBe(-1);
  });
});

describeWithData('COCO photographs', ['data/coco128'], () => {
  // SHA-256 (first 16 digits) of the same in Pillow 12.3.0: convert('RGB'), resize BICUBIC, crop.
  test.each([
    ['000000000009.jpg', '8a2309eac5afeb04'],
    ['000000000025.jpg', '0f5be9ba5690da3c'], // embeds an ICC profile
    ['000000000086.jpg', 'fcc70f8835faf936'], // greyscale
  ])('%s has the pixels Pillow gives: short side 256, bicubic, crop 224', async (name, hash) => {
    const scaling = parseInputScaling({
      resize: { rule: 'short-side', size: 256 },
      interpolation: 'bicubic',
      crop: { height: 224, width: 224 },
    });
    const { data } = prepare(await decodeImage(dataPath(`data/coco128/images/${name}`), name), scaling, name);
    expect(createHash('sha256').update(data).digest('hex').slice(0, 16)).toBe(hash);
  });
});

describe('Fashion-MNIST sample', () => {
  test('1000 gray images of ten classes', async () => {
    const data = await openDataset(`mnist:${join(__dirname, '../../examples/fashion-mnist')}`, { classes: 10 });
    expect(data).toMatchObject({
      name: 'mnist t10k-1000-images-idx3-ubyte.gz',
      size: 1000,
      shape: { c: 1, h: 28, w: 28 },
      classNames: null,
    });
    const [batch] = await collect(data.batches(1000));
    expect(new Set(batch!.labels)).toEqual(new Set([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]));
    expect(batch!.labels.slice(0, 5)).toEqual(Int32Array.of(9, 2, 1, 1, 6));
  });
});
