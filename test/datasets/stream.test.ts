import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import sharp from 'sharp';
import { DataHash, datasetHash, openDataset } from '../../lib/datasets';
import { caught, collect, noise, temporaryFolder } from './helpers';

const folder = temporaryFolder();
const count = 12_000;
const big = join(folder, 'test_batch.bin');
writeFileSync(
  big,
  Buffer.concat(
    Array.from({ length: count }, (_, i) => {
      const record = Buffer.alloc(3073, i & 0xff);
      record[0] = i % 10;
      return record;
    }),
  ),
);

describe('batches', () => {
  test('every image once, in order, whatever the concurrency', async () => {
    const classes = join(folder, 'images', 'n00000001');
    mkdirSync(classes, { recursive: true });
    for (let i = 0; i < 30; i++) {
      // the later, the smaller: later images are decoded sooner
      const side = 32 + (29 - i) * 20;
      const background = { r: i, g: 2 * i, b: 3 * i };
      const image = sharp({ create: { width: side, height: side, channels: 3, background } });
      writeFileSync(join(classes, `${String(i).padStart(2, '0')}.png`), await image.png().toBuffer());
    }
    for (const concurrency of [1, 3, 16]) {
      const scaling = { scale: 1, crop: { height: 2, width: 2 } };
      const data = await openDataset(`imagenet:${join(folder, 'images')}`, { scaling, concurrency });
      const batches = await collect(data.batches(7));
      expect(batches.map((batch) => [batch.start, batch.count])).toEqual([
        [0, 7],
        [7, 7],
        [14, 7],
        [21, 7],
        [28, 2],
      ]);
      const pixels = batches.flatMap((batch) => [...batch.images]);
      expect(pixels).toEqual(
        Array.from({ length: 30 }, (_, i) => [1, 2, 3].flatMap((factor) => Array(4).fill(factor * i))).flat(),
      );
    }
  });

  test('the chosen positions alone, with their places', async () => {
    const data = await openDataset(`cifar10:${big}`, { limit: 50, spread: true });
    const [all] = await collect(data.batches(50));
    expect(all!.positions).toEqual([...Array(50).keys()]);
    const chosen = [0, 3, 4, 17, 48];
    const batches = await collect(data.batches(2, chosen));
    expect(batches.map(({ positions, start }) => [positions, start])).toEqual([
      [[0, 3], 0],
      [[4, 17], 2],
      [[48], 4],
    ]);
    expect(batches.flatMap(({ ids }) => ids)).toEqual(chosen.map((at) => all!.ids[at]));
    expect(batches.flatMap(({ images }) => [...images])).toEqual(
      chosen.flatMap((at) => [...all!.images.subarray(at * 3072, (at + 1) * 3072)]),
    );
    for (const wrong of [[3, 2], [50], [-1], [1, 1], [0.5]]) {
      expect((await caught(() => data.batches(2, wrong))).where.option).toBe('positions');
    }
    expect(await collect(data.batches(2, []))).toEqual([]);
  });

  test('identity: what is taken, not how or where from', async () => {
    const of = async (options = {}, spec = `cifar10:${big}`) => (await openDataset(spec, options)).identity();
    const one = await of({ limit: 50 });
    expect(await of({ limit: 50, concurrency: 1, scaling: { mean: [0.5] } })).toBe(one);
    expect(await of({ limit: 51 })).not.toBe(one);
    expect(await of({ limit: 50, spread: true })).not.toBe(one);
    const copy = join(folder, 'copy');
    mkdirSync(copy);
    const bytes = readFileSync(big);
    writeFileSync(join(copy, 'test_batch.bin'), bytes);
    expect(await of({ limit: 50 }, `cifar10:${copy}`)).toBe(one);
    bytes[bytes.length - 1]! ^= 1;
    writeFileSync(join(copy, 'test_batch.bin'), bytes);
    expect(await of({ limit: 50 }, `cifar10:${copy}`)).not.toBe(one);
  });

  test('each call starts afresh, and batches belong to the consumer', async () => {
    const data = await openDataset(`cifar10:${big}`, { limit: 5 });
    const [first] = await collect(data.batches(5));
    const copy = first!.images.slice();
    first!.images.fill(0);
    const [second] = await collect(data.batches(5));
    expect(second!.images).toEqual(copy);
    expect(first!.images.buffer.byteLength).toBe(first!.images.byteLength);
  });

  test('memory is bounded: a few batches, not the data set', async () => {
    setFlagsFromString('--expose-gc');
    const collectGarbage = runInNewContext('gc') as () => void;
    const data = await openDataset(`cifar10:${big}`);
    collectGarbage();
    const before = process.memoryUsage().arrayBuffers;
    let most = 0;
    let seen = 0;
    for await (const batch of data.batches(64)) {
      seen += batch.count;
      if (batch.start % 640 !== 0) continue;
      collectGarbage();
      most = Math.max(most, process.memoryUsage().arrayBuffers - before);
    }
    expect(seen).toBe(count);
    // Two batches of floats are 1.5 MB, and the collector lags; all floats would be 147 MB.
    expect(most).toBeLessThan(40e6);
  });

  test('wrong options are refused', async () => {
    for (const options of [{ limit: 0 }, { limit: 1.5 }, { classes: -1 }, { concurrency: Number.NaN }]) {
      const error = await caught(() => openDataset(`cifar10:${big}`, options));
      expect(error.code).toBe('ERR_CASC_ARGUMENT');
      expect(error.message).toContain('expected a whole number greater than 0 for ');
    }
    const data = await openDataset(`cifar10:${big}`);
    expect((await caught(() => collect(data.batches(0)))).where).toEqual({ option: 'batchSize' });
  });
});

describe('abort', () => {
  test('before opening', async () => {
    const reason = new Error('enough');
    await expect(openDataset(`cifar10:${big}`, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });

  test('between two batches', async () => {
    const controller = new AbortController();
    const data = await openDataset(`cifar10:${big}`, { signal: controller.signal });
    let seen = 0;
    const reading = async () => {
      for await (const batch of data.batches(10)) {
        seen += batch.count;
        if (seen === 30) controller.abort();
      }
    };
    await expect(reading()).rejects.toMatchObject({ name: 'AbortError' });
    expect(seen).toBe(30);
  });

  test('within a batch', async () => {
    const controller = new AbortController();
    const data = await openDataset(`cifar10:${big}`, { signal: controller.signal });
    const reading = collect(data.batches(count));
    await sleep(5);
    controller.abort(new Error('enough'));
    await expect(reading).rejects.toThrow('enough');
  });

  test('a consumer that leaves stops the reading', async () => {
    const data = await openDataset(`cifar10:${big}`);
    for await (const batch of data.batches(8)) {
      expect(batch.start).toBe(0);
      break;
    }
    expect((await collect(data.batches(count)))[0]!.count).toBe(count);
  });
});

describe('hash', () => {
  test('is of the float bytes in order, whatever the batches', async () => {
    const data = await openDataset(`cifar10:${big}`, { limit: 70 });
    const [all] = await collect(data.batches(70));
    const expected = createHash('sha256').update(new Uint8Array(all!.images.buffer)).digest('hex');
    expect(await datasetHash(data)).toBe(expected);
    const hash = new DataHash();
    for await (const batch of data.batches(9)) hash.update(batch.images);
    expect(hash.digest()).toBe(expected);
    expect(await datasetHash(await openDataset(`cifar10:${big}`, { limit: 70, scaling: { mean: [0.5] } }))).not.toBe(
      expected,
    );
  });

  test('takes views as what they show', () => {
    const floats = Float32Array.from(noise(16));
    const ofView = new DataHash().update(floats.subarray(4, 8)).digest();
    expect(ofView).toBe(new DataHash().update(floats.slice(4, 8)).digest());
  });
});
