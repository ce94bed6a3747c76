import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openDataset } from '../../lib/datasets';
import { caught, collect, noise, temporaryFolder } from './helpers';

const folder = temporaryFolder();
const raw = { scale: 1 };

/** Records with the given labels; the pixels of record r are noise(3072, r + 1). */
function records(labels: readonly number[], labelBytes = 1): Buffer {
  return Buffer.concat(
    labels.map((label, r) => {
      const head = new Uint8Array(labelBytes).fill(99);
      head[labelBytes - 1] = label;
      return Buffer.concat([head, noise(3072, r + 1)]);
    }),
  );
}

function made(name: string, files: Record<string, string | Uint8Array>): string {
  const path = join(folder, name);
  mkdirSync(path);
  for (const [file, content] of Object.entries(files)) writeFileSync(join(path, file), content);
  return path;
}

const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j'];
const cifar10 = made('cifar10', {
  'test_batch.bin': records([3, 0, 9]),
  'data_batch_2.bin': records([2]),
  'data_batch_10.bin': records([5]),
  'data_batch_1.bin': records([1, 1]),
  'batches.meta.txt': `${names.join('\n')}\n\n`,
});

describe('cifar10', () => {
  test('test split of a folder', async () => {
    const data = await openDataset(`cifar10:${cifar10}`, { scaling: raw, classes: 10 });
    expect(data).toMatchObject({
      name: 'cifar10 test_batch.bin',
      kind: 'cifar10',
      size: 3,
      total: 3,
      classes: 10,
      classNames: names,
      shape: { c: 3, h: 32, w: 32 },
      notes: [],
    });
    const [first, second, ...rest] = await collect(data.batches(2));
    expect(rest).toEqual([]);
    expect([...first!.labels, ...second!.labels]).toEqual([3, 0, 9]);
    expect(first).toMatchObject({ count: 2, start: 0, ids: ['test_batch.bin:0', 'test_batch.bin:1'] });
    expect(second).toMatchObject({ count: 1, start: 2, ids: ['test_batch.bin:2'] });
    // The file is planar already: raw pixels come out as they are stored.
    expect([...first!.images.subarray(3072)]).toEqual([...noise(3072, 2)]);
    expect(second!.images).toHaveLength(3072);
  });

  test('train split takes the batches in order of their number', async () => {
    const data = await openDataset(`cifar10:${cifar10}#train`, { scaling: raw });
    const [batch] = await collect(data.batches(9));
    expect([...batch!.labels]).toEqual([1, 1, 2, 5]);
    expect(batch!.ids[2]).toBe('data_batch_2.bin:0');
  });

  test('a file, and a limit across files', async () => {
    const file = await openDataset(`cifar10:${join(cifar10, 'data_batch_1.bin')}`);
    expect(file.size).toBe(2);
    const limited = await openDataset(`cifar10:${cifar10}#train`, { limit: 3 });
    expect(limited).toMatchObject({ size: 3, total: 4 });
    expect((await collect(limited.batches(2))).map((batch) => [...batch.labels])).toEqual([[1, 1], [2]]);
  });

  test('a label that is none names file and record', async () => {
    const path = made('bad-label', { 'test_batch.bin': records([1, 10]) });
    const data = await openDataset(`cifar10:${path}`);
    const error = await caught(() => collect(data.batches(8)));
    expect(error.code).toBe('ERR_CASC_DATA');
    expect(error.message).toBe(
      `${join(path, 'test_batch.bin')}: record 1 has label 10, expected 0..9; the file is corrupt or not of the binary version of CIFAR-10`,
    );
    expect(error.where).toEqual({ file: join(path, 'test_batch.bin'), image: 'test_batch.bin:1' });
  });

  test('a label that the network does not have', async () => {
    const data = await openDataset(`cifar10:${cifar10}`, { classes: 9 });
    const error = await caught(() => collect(data.batches(1)));
    expect(error.code).toBe('ERR_CASC_DATA');
    expect(error.message).toContain('image test_batch.bin:2 has label 9, the network has 9 classes (0..8)');
    expect(error.where).toEqual({ image: 'test_batch.bin:2' });
  });

  test.each([0, 3072, 3074])('a file of %i bytes is refused', async (size) => {
    const path = made(`size-${size}`, { 'test_batch.bin': new Uint8Array(size) });
    const error = await caught(() => openDataset(`cifar10:${path}`));
    expect(error.code).toBe('ERR_CASC_DATA');
    expect(error.message).toContain(`test_batch.bin has ${size} bytes; expected one or more records of 3073 bytes`);
  });

  test('a folder without the files, a wrong split, a split of a file, a missing path', async () => {
    const empty = made('empty', {});
    const none = await caught(() => openDataset(`cifar10:${empty}`));
    expect(none).toMatchObject({ code: 'ERR_CASC_DATA', where: { file: empty } });
    expect(none.message).toMatch(/holds no file of the test split .* cifar-10-batches-bin$/);
    const split = await caught(() => openDataset(`cifar10:${cifar10}#val`));
    expect(split.code).toBe('ERR_CASC_ARGUMENT');
    expect(split.message).toContain(
      `cifar10 has no split "val"; expected test or train, as in cifar10:${cifar10}#test`,
    );
    const file = await caught(() => openDataset(`cifar10:${join(cifar10, 'test_batch.bin')}#test`));
    expect(file.code).toBe('ERR_CASC_ARGUMENT');
    expect(file.message).toContain('is one file and has no split "test"');
    const missing = await caught(() => openDataset('cifar10:/no/such/folder'));
    expect(missing.code).toBe('ERR_CASC_FILE');
    expect(missing.message).toBe('/no/such/folder cannot be opened: it or its folder does not exist; check the path');
  });

  test('names that are not ten are refused', async () => {
    const path = made('names', { 'test_batch.bin': records([1]), 'batches.meta.txt': 'one\ntwo\n' });
    const error = await caught(() => openDataset(`cifar10:${path}`));
    expect(error.code).toBe('ERR_CASC_DATA');
    expect(error.message).toContain('batches.meta.txt has 2 class names, expected 10');
  });
});

describe('cifar100', () => {
  test('takes the fine label', async () => {
    const path = made('cifar100', { 'test.bin': records([0, 99], 2), 'train.bin': records([42], 2) });
    const test = await openDataset(`cifar100:${path}`, { scaling: raw });
    expect(test).toMatchObject({ size: 2, classes: 100, classNames: null });
    const [batch] = await collect(test.batches(2));
    expect([...batch!.labels]).toEqual([0, 99]);
    expect([...batch!.images.subarray(0, 3072)]).toEqual([...noise(3072, 1)]);
    const train = await openDataset(`cifar100:${path}#train`);
    expect([...(await collect(train.batches(1)))[0]!.labels]).toEqual([42]);
  });
});
