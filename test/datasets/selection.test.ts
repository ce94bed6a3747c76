import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import sharp from 'sharp';
import { openDataset } from '../../lib/datasets';
import { positions } from '../../lib/datasets/selection';
import { caught, collect, temporaryFolder } from './helpers';

const folder = temporaryFolder();

describe('positions', () => {
  test('ascending, distinct, and one in each of the equal parts', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 500 }), fc.integer({ min: 1, max: 500 }), (a, b) => {
        const [count, total] = a < b ? [a, b] : [b, a];
        const chosen = positions(total, count, true);
        expect(chosen).toHaveLength(count);
        chosen.forEach((place, i) => {
          expect(place).toBeGreaterThanOrEqual(Math.floor((i * total) / count));
          expect(place).toBeLessThan(Math.floor(((i + 1) * total) / count));
        });
      }),
    );
  });

  test('all of a data set, and the first of it', () => {
    expect(positions(4, 4, true)).toEqual([0, 1, 2, 3]);
    expect(positions(9, 3, false)).toEqual([0, 1, 2]);
  });

  test('classes that take turns are all met', () => {
    const classes = new Set(positions(5000, 100, true).map((place) => place % 10));
    expect(classes.size).toBe(10);
  });
});

test('a limit takes the first images, or is spread over all classes', async () => {
  const root = join(folder, 'sorted');
  const pixel = await sharp({ create: { width: 2, height: 2, channels: 3, background: '#888' } })
    .png()
    .toBuffer();
  for (let label = 0; label < 4; label++) {
    const classFolder = join(root, `n0000000${label}`);
    mkdirSync(classFolder, { recursive: true });
    for (let i = 0; i < 10; i++) writeFileSync(join(classFolder, `${i}.png`), pixel);
  }
  const labels = async (options: { limit: number; spread?: boolean }) => {
    const dataset = await openDataset(`imagenet:${root}`, options);
    return (await collect(dataset.batches(3))).flatMap((batch) => [...batch.labels]);
  };
  expect(await labels({ limit: 4 })).toEqual([0, 0, 0, 0]);
  expect(await labels({ limit: 4, spread: true })).toEqual([0, 1, 2, 3]);
  expect(await labels({ limit: 400, spread: true })).toHaveLength(40);
});

test('a spread limit of records: the right ones', async () => {
  const path = join(folder, 'test_batch.bin');
  writeFileSync(
    path,
    Buffer.concat(
      Array.from({ length: 20 }, (_, i) => {
        const record = Buffer.alloc(3073, i);
        record[0] = i % 10;
        return record;
      }),
    ),
  );
  const dataset = await openDataset(`cifar10:${path}`, { limit: 5, spread: true, scaling: { scale: 1 } });
  const [batch] = await collect(dataset.batches(8));
  const expected = positions(20, 5, true);
  expect(batch!.ids).toEqual(expected.map((place) => `test_batch.bin:${place}`));
  expect(expected.map((_, i) => batch!.images[i * 3072])).toEqual(expected);
});

test('a flat folder without labels serves where none are needed', async () => {
  const root = join(folder, 'flat');
  mkdirSync(root);
  const image = sharp({ create: { width: 2, height: 2, channels: 3, background: '#888' } });
  writeFileSync(join(root, 'a.png'), await image.png().toBuffer());
  expect(await caught(() => openDataset(`imagenet:${root}`))).toMatchObject({ code: 'ERR_CASC_FILE' });
  const dataset = await openDataset(`imagenet:${root}`, { labelled: false });
  expect((await collect(dataset.batches(1)))[0]!.labels[0]).toBe(-1);
});
