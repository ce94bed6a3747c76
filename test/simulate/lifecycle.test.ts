/** A spiking network as an object: arguments, abort, dispose, two calls at once, worker threads. */
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { SpikingNetwork } from '../../lib/simulate';
import { box } from '../support/casc';

const file = join(box, 'fashion-mnist-q8.onnx');
const inputRange = { min: -0.9, max: 2.1 };
const images = (count: number) => Float32Array.from({ length: count * 784 }, (_, i) => Math.sin(i * 0.37));

let snn: SpikingNetwork;
beforeEach(async () => {
  snn = await SpikingNetwork.load(file, { format: 'int8', inputRange });
});
afterEach(() => snn.dispose());

test.each([
  ['no array', [1, 2, 3], 1, { code: 'ERR_CASC_ARGUMENT', where: { option: 'images' } }],
  ['float64', new Float64Array(784), 1, { code: 'ERR_CASC_ARGUMENT' }],
  [
    'too few values',
    new Float32Array(783),
    1,
    { code: 'ERR_CASC_SHAPE', message: expect.stringContaining('[N, 1, 28, 28]') },
  ],
  ['no images', new Float32Array(0), 0, { code: 'ERR_CASC_ARGUMENT', where: { option: 'count' } }],
  ['NaN', new Float32Array(784).fill(Number.NaN), 1, { code: 'ERR_CASC_DATA' }],
])('images: %s', async (_, values, count, error) => {
  await expect(snn.simulate(values as Float32Array, count)).rejects.toMatchObject(error);
});

test.each([
  [{ wake: 0 }, 'wake'],
  [{ wake: 2.5 }, 'wake'],
  [{ margin: 9 }, 'margin'],
  [{ gamma: 0 }, 'gamma'],
  [{ sleep: -1 }, 'sleep'],
  [{ shift: 1 }, 'shift'],
  [{ stagger: -1 }, 'stagger'],
  [{ stagger: Number.NaN }, 'stagger'],
  [{ threads: 0 }, 'threads'],
  [{ threads: 1000 }, 'threads'],
  [{ neuron: 'lif' as 'if' }, 'neuron'],
])('options: %p', async (options, option) => {
  await expect(snn.simulate(images(1), 1, options)).rejects.toMatchObject({
    code: 'ERR_CASC_ARGUMENT',
    where: { option },
    message: expect.stringContaining(option),
  });
});

test('a schedule that int32 cannot hold is refused with the layer’s name', async () => {
  await expect(snn.simulate(images(1), 1, { wake: 60_000 })).rejects.toMatchObject({
    code: 'ERR_CASC_OVERFLOW',
    message: expect.stringMatching(/membranes of \/act\d.*beyond int32/),
  });
});

test('a view into a larger buffer is read where it lies', async () => {
  const wide = new Float32Array(3 * 784);
  wide.set(images(1), 784);
  const viewed = await snn.simulate(wide.subarray(784, 1568), 1);
  const plain = await snn.simulate(images(1), 1);
  expect(viewed.hash).toEqual(plain.hash);
});

test('abort stops a run with the signal’s reason, and the network goes on living', async () => {
  const controller = new AbortController();
  const reason = new Error('enough');
  const running = snn.simulate(images(500), 500, { signal: controller.signal });
  setTimeout(() => controller.abort(reason), 5);
  await expect(running).rejects.toBe(reason);
  await expect(snn.simulate(images(1), 1, { signal: controller.signal })).rejects.toBe(reason);
  expect((await snn.simulate(images(1), 1)).atRest).toEqual([true]);
});

test('the event loop turns while a run works', async () => {
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  await snn.simulate(images(200), 200);
  clearInterval(timer);
  expect(turns).toBeGreaterThan(3);
});

test('two runs at once give what one gives', async () => {
  const alone = await snn.simulate(images(8), 8);
  const both = await Promise.all([snn.simulate(images(8), 8), snn.simulate(images(8), 8, { threads: 1 })]);
  for (const result of both) expect(result.hash).toEqual(alone.hash);
});

test('the memory is known before a run, and refuses what a run would', () => {
  const { plan, perThread, perImage } = snn.memory();
  expect(plan).toBeGreaterThan(80_000);
  expect(perThread.simulation).toBeGreaterThan(perThread.oracle);
  expect(perImage).toBe(4 * (784 + 10));
  expect(() => snn.memory({ wake: 0 })).toThrow(expect.objectContaining({ code: 'ERR_CASC_ARGUMENT' }));
  const other = SpikingNetwork.from(snn.converted.network, { format: 'int8', inputRange });
  other.dispose();
  expect(() => other.memory()).toThrow(expect.objectContaining({ code: 'ERR_CASC_DISPOSED' }));
});

test('dispose lets running work end; later calls are refused', async () => {
  const running = snn.simulate(images(20), 20);
  snn.dispose();
  snn.dispose();
  expect((await running).images).toBe(20);
  await expect(snn.simulate(images(1), 1)).rejects.toMatchObject({ code: 'ERR_CASC_DISPOSED' });
});

test('works in worker threads, several at once, and survives one that is terminated mid-run', async () => {
  const dist = join(__dirname, '..', '..', 'dist');
  const script = `
    const { parentPort } = require('node:worker_threads');
    const { SpikingNetwork } = require(${JSON.stringify(dist)});
    const images = (count) => Float32Array.from({ length: count * 784 }, (_, i) => Math.sin(i * 0.37));
    (async () => {
      const snn = await SpikingNetwork.load(${JSON.stringify(file)}, { format: 'int8', inputRange: ${JSON.stringify(inputRange)} });
      const { hash } = await snn.simulate(images(4), 4);
      parentPort.postMessage([...hash].join());
      await snn.simulate(images(3000), 3000);
    })();`;
  const expected = [...(await snn.simulate(images(4), 4)).hash].join();
  const workers = [1, 2].map(() => new Worker(script, { eval: true }));
  const answers = await Promise.all(
    workers.map((worker) => new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject))),
  );
  expect(answers).toEqual([expected, expected]);
  await Promise.all(workers.map((worker) => worker.terminate()));
  expect([...(await snn.simulate(images(4), 4)).hash].join()).toBe(expected);
}, 60_000);
