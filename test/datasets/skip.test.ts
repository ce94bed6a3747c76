/** Images that cannot be read, and the threads that read them. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { openDataset } from '../../lib/datasets';
import { prepare } from '../../lib/datasets/prepare';
import { PreparePool } from '../../lib/datasets/prepare-pool';
import { parseInputScaling } from '../../lib/datasets/scaling';
import { caught, collect, noise, temporaryFolder } from './helpers';

const folder = temporaryFolder();
const scaling = { scale: 1, resize: { rule: 'stretch', size: 4 } } as const;
const spec = `imagenet:${folder}/images`;

beforeAll(async () => {
  mkdirSync(join(folder, 'images'));
  const names = Array.from({ length: 9 }, (_, i) => `${i}.png`);
  for (const [i, name] of names.entries()) {
    const background = { r: 10 * i, g: 20 * i, b: 9 };
    await sharp({ create: { width: 9, height: 7 + i, channels: 3, background } })
      .png()
      .toFile(join(folder, 'images', name));
  }
  writeFileSync(join(folder, 'images', 'labels.txt'), names.map((name, i) => `${name} ${i}`).join('\n'));
  writeFileSync(join(folder, 'images', '0.png'), 'no image');
  writeFileSync(join(folder, 'images', '4.png'), readFileSync(join(folder, 'images', '4.png')).subarray(0, 50));
  rmSync(join(folder, 'images', '8.png'));
});

test('skip: the others in order with their places, and what is wrong with those that are left out', async () => {
  for (const concurrency of [1, 8]) {
    const data = await openDataset(spec, { scaling, onError: 'skip', concurrency });
    expect(data).toMatchObject({ size: 9, shape: { c: 3, h: 4, w: 4 } });
    const batches = await collect(data.batches(4));
    expect(batches.map(({ count, start, positions }) => [count, start, positions])).toEqual([
      [3, 0, [1, 2, 3]],
      [3, 3, [5, 6, 7]],
      [0, 6, []],
    ]);
    expect(batches.map(({ images }) => images.length)).toEqual([3 * 48, 3 * 48, 0]);
    expect(batches.flatMap(({ labels }) => [...labels])).toEqual([1, 2, 3, 5, 6, 7]);
    expect(batches[1]!.images[0]).toBe(50);
    const failures = batches.flatMap((batch) => batch.failures);
    expect(failures.map(({ position, id, fileBytes }) => [position, id, fileBytes])).toEqual([
      [0, '0.png', 8],
      [4, '4.png', 50],
      [8, '8.png', null],
    ]);
    const sizes = await data.fileSizes([0, 1, 8]);
    expect(sizes).toEqual([8, batches[0]!.fileBytes[0], null]);
    expect(sizes[1]).toBe(readFileSync(join(folder, 'images', '1.png')).length);
    for (const { id, error } of failures) {
      expect(error).toMatchObject({ code: 'ERR_CASC_IMAGE', where: { image: id } });
      expect(error.message).toContain(join(folder, 'images', id));
    }
  }
});

test('fail: a missing image before any is read, a corrupt one in its turn', async () => {
  expect(await caught(() => openDataset(spec, { scaling }))).toMatchObject({
    code: 'ERR_CASC_IMAGE',
    where: { image: '8.png' },
  });
  const data = await openDataset(spec, { scaling, onError: 'skip' });
  expect((await caught(() => openDataset(spec, { onError: 'retry' as 'skip' }))).where.option).toBe('onError');
  // Other errors than of one image are none to skip.
  writeFileSync(join(folder, 'images', 'labels.txt'), '1.png 5000\n2.png x');
  expect((await caught(() => openDataset(spec, { scaling, onError: 'skip' }))).code).toBe('ERR_CASC_DATA');
  expect(data.size).toBe(9);
});

test('a pool gives what prepare gives, with its errors', async () => {
  const options = parseInputScaling({ resize: { rule: 'short-side', size: 5 }, crop: { height: 5, width: 5 } });
  const pool = new PreparePool(8, options);
  const images = Array.from({ length: 40 }, (_, i) => {
    const [width, height] = [6 + (i % 5), 5 + (i % 7)];
    return { width, height, channels: 3 as const, data: noise(3 * width * height, i + 1) };
  });
  const made = await Promise.all(images.map((from, i) => pool.prepare({ id: `${i}`, from })));
  made.forEach((image, i) => {
    const expected = prepare(images[i]!, options, '');
    expect([...image.data]).toEqual([...expected.data]);
    expect(image).toMatchObject({ width: 5, height: 5, channels: 3 });
  });
  await expect(pool.prepare({ id: 'gone', from: join(folder, 'gone.png') })).rejects.toMatchObject({
    code: 'ERR_CASC_IMAGE',
    where: { image: 'gone' },
  });
  await pool.close();
});
