import { resolve } from 'node:path';
import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import type { NetworkNode } from '../../lib/graph/network';
import { numel } from '../../lib/graph/network';
import { addon } from '../../lib/native';
import type { BareNode } from './dense.nodes';
import { floats, input, integers, nodes, plan, random, run, shape, window } from './dense.nodes';
import { reference } from './dense.reference';

const s = shape(4, 9, 11);
const conv = (from: number, seed: number, groups = 1): BareNode => ({
  op: 'conv',
  shape: s,
  inputs: [from],
  weight: floats((4 * 4 * 9) / groups, seed),
  bias: floats(4, seed + 1),
  window: window(3, 1, 1),
  groups,
});
const relu = (from: number): BareNode => ({ op: 'relu', shape: s, inputs: [from], max: Infinity });
const residual = nodes(
  input(s),
  conv(0, 1),
  relu(1),
  conv(2, 2, 4),
  relu(3),
  conv(4, 3),
  { op: 'add', shape: s, inputs: [5, 2] },
  relu(6),
);
/** Long enough to be still running when the test goes on. */
const long = nodes(input(s), ...Array.from({ length: 40 }, (_, i) => conv(i, i)));

/** A random network of operators that are exact on whole numbers. */
function exactNetwork(seed: number): NetworkNode[] {
  const next = random(seed);
  const below = (n: number) => Math.floor(next() * n);
  const list: BareNode[] = [input(s), input(s)];
  for (let i = 2; i < 14; i++) {
    const from = below(i);
    const choices: BareNode[] = [
      { op: 'relu', shape: s, inputs: [from], max: 9 },
      { op: 'scale', shape: s, inputs: [from], factor: Float32Array.of(1, -1, 1, 0), shift: integers(4, seed + i) },
      { op: 'add', shape: s, inputs: [from, below(i), ...(next() < 0.4 ? [below(i), from] : [])] },
      {
        op: 'route',
        shape: s,
        inputs: [from, below(i)],
        index: Int32Array.from({ length: numel(s) }, () => below(700) - 1),
      },
      { op: 'maxpool', shape: s, inputs: [from], window: window(3, 1, 1) },
      {
        op: 'conv',
        shape: s,
        inputs: [from],
        weight: integers(16, seed + i, 1),
        bias: null,
        window: window(1),
        groups: 1,
      },
    ];
    list.push(choices[below(choices.length)]!);
  }
  return nodes(...list);
}

test('values live as long as they are read, whatever the graph', () =>
  fc.assert(
    fc.asyncProperty(fc.nat(), async (seed) => {
      const list = exactNetwork(seed);
      const x = [integers(numel(s), seed), integers(numel(s), seed + 1)];
      const outputs = [list.length - 1, 5, 5, 0];
      const result = await plan(list, outputs).run(x, 1, { threads: 1 });
      const expected = reference(list, x);
      outputs.forEach((node, i) => {
        expect(Array.from(result.outputs[i]!, (v) => v + 0)).toEqual(Array.from(expected[node]!, (v) => v + 0));
      });
    }),
    { numRuns: 150 },
  ));

test('the result does not depend on threads or batch size', async () => {
  const images = 13;
  const x = floats(images * numel(s), 7);
  const expected = await run(residual, [x], images);
  for (const threads of [2, 3, 16, 256]) {
    expect(Buffer.from((await run(residual, [x], images, { threads })).buffer)).toEqual(Buffer.from(expected.buffer));
  }
  for (let image = 0; image < images; image++) {
    const one = x.slice(image * numel(s), (image + 1) * numel(s));
    expect(await run(residual, [one])).toEqual(expected.slice(image * numel(s), (image + 1) * numel(s)));
  }
});

test('several runs of one plan at a time', async () => {
  const dense = plan(residual);
  const inputs = [1, 2, 3, 4].map((seed) => floats(numel(s) * seed, seed));
  const together = await Promise.all(inputs.map((x, i) => dense.run([x], i + 1, { threads: 2 })));
  for (const [i, x] of inputs.entries()) expect(together[i]!.outputs[0]).toEqual(await run(residual, [x], i + 1));
});

test('no images', async () => {
  const result = await plan(residual).run([new Float32Array(0)], 0, { threads: 4, observe: [1] });
  expect(result.outputs[0]).toHaveLength(0);
  expect(result.histograms[0]).toMatchObject({ nonPositive: 0, nonFinite: 0, max: -Infinity, min: Infinity });
});

test('histograms count every value of every image', async () => {
  const images = 9;
  const x = floats(images * numel(s), 11);
  x.set([Number.NaN, Infinity, -Infinity, -0, 0, 1e-44, 3e38]);
  const list = nodes(input(s), relu(0), conv(1, 5), { ...relu(2), max: 0.5 } as BareNode);
  const observe = [3, 0, 1];
  const values = observe.map((node) => {
    const all: number[] = [];
    for (let i = 0; i < images; i++) {
      const image = x.slice(i * numel(s), (i + 1) * numel(s));
      // The convolution's sums are the engine's own; the histogram must count exactly those.
      all.push(...(node === 3 ? [] : Array.from(reference(list, [image])[node]!)));
    }
    return all;
  });
  values[0] = Array.from((await plan(list, [3]).run([x], images, { threads: 1 })).outputs[0]!);
  for (const threads of [1, 3]) {
    const { histograms, outputs } = await plan(list, []).run([x], images, { threads, observe });
    expect(outputs).toEqual([]);
    histograms.forEach((histogram, i) => {
      const positive = new Float64Array(32768);
      const finite = values[i]!.filter(Number.isFinite);
      const bits = new Uint32Array(Float32Array.from(finite).buffer);
      finite.forEach((v, j) => {
        if (v > 0) positive[bits[j]! >>> 16]!++;
      });
      expect(Buffer.from(histogram.positive.buffer)).toEqual(Buffer.from(positive.buffer));
      expect(histogram).toMatchObject({
        nonPositive: finite.filter((v) => v <= 0).length,
        nonFinite: values[i]!.length - finite.length,
        max: Math.fround(Math.max(...finite)),
        min: Math.fround(Math.min(...finite)) + 0,
      });
    });
  }
});

test('channels are counted by themselves, in the eight octaves below their largest value', async () => {
  const images = 7;
  const x = floats(images * numel(s), 12);
  // Nine octaves and more between the values of a channel; one channel without any above zero; a NaN.
  x.forEach((v, i) => {
    x[i] = v * 2 ** -(i % 14);
  });
  const plane = s.h * s.w;
  for (let i = 0; i < images; i++) x.fill(-1, i * numel(s) + plane, i * numel(s) + 2 * plane);
  x[0] = Number.NaN;
  const list = nodes(input(s), relu(0));
  for (const threads of [1, 3]) {
    const { channels } = await plan(list, []).run([x], images, { threads, observe: [0], channels: true });
    const { counts, first } = channels[0]!;
    for (let c = 0; c < s.c; c++) {
      const seen = Array.from({ length: images }, (_, i) =>
        Array.from(x.subarray(i * numel(s) + c * plane, i * numel(s) + (c + 1) * plane)),
      ).flat();
      const bins = seen.filter((v) => v > 0).map((v) => new Uint32Array(Float32Array.of(v).buffer)[0]! >>> 16);
      const start = bins.length > 0 ? (Math.floor(Math.max(...bins) / 128) - 7) * 128 : 0;
      const want = new Array<number>(1024).fill(0);
      for (const bin of bins) if (bin >= start) want[bin - start]!++;
      expect(first[c]).toBe(start);
      expect(Array.from(counts.subarray(c * 1024, (c + 1) * 1024))).toEqual(want);
    }
  }
  const { channels } = await plan(list, []).run([x], images, { threads: 1, observe: [0] });
  expect(channels).toEqual([]);
});

test('only what is asked for is computed', async () => {
  const cheap = plan([...long, ...nodes(relu(0))], [long.length]);
  const images = 400;
  const x = floats(images * numel(s), 1);
  const time = async (dense: ReturnType<typeof plan>) => {
    const start = process.hrtime.bigint();
    await dense.run([x], images, { threads: 1 });
    return Number(process.hrtime.bigint() - start);
  };
  expect(await time(cheap)).toBeLessThan((await time(plan(long))) / 2);
});

test('an aborted run is rejected, soon', async () => {
  const images = 20_000;
  const x = new Float32Array(images * numel(s));
  const flag = new (addon().AbortFlag)();
  const running = plan(long).run([x], images, { threads: 2, abort: flag });
  const start = Date.now();
  setTimeout(() => flag.abort(), 20);
  await expect(running).rejects.toMatchObject({ code: 'ERR_CASC_ABORTED' });
  expect(Date.now() - start).toBeLessThan(1000);
  await expect(plan(long).run([x], images, { threads: 1, abort: flag })).rejects.toMatchObject({
    code: 'ERR_CASC_ABORTED',
  });
});

test('dispose lets running work finish and refuses more', async () => {
  const images = 200;
  const x = floats(images * numel(s), 2);
  const dense = plan(long);
  const running = dense.run([x], images, { threads: 2 });
  dense.dispose();
  dense.dispose();
  expect(() => dense.run([x], images, { threads: 1 })).toThrow(expect.objectContaining({ code: 'ERR_CASC_DISPOSED' }));
  expect((await running).outputs[0]).toEqual(await run(long, [x], images));
});

test('works in worker threads, also when they are terminated at work', async () => {
  const code = `
    const { parentPort, workerData } = require('node:worker_threads');
    const { DensePlan } = require(workerData.addon);
    const plan = new DensePlan({ nodes: workerData.nodes, outputs: [workerData.nodes.length - 1] });
    plan.run([workerData.x], workerData.images, { threads: 2 }).then(({ outputs }) => parentPort.postMessage(outputs[0]));
    parentPort.postMessage('started');
  `;
  const images = 5;
  const x = floats(images * numel(s), 3);
  const file = resolve(__dirname, '../../build/Release/casc_snn.node');
  const start = (count: number, values: Float32Array) =>
    new Worker(code, { eval: true, workerData: { addon: file, nodes: residual, x: values, images: count } });
  const results = await Promise.all(
    [1, 2].map(
      () =>
        new Promise((done, failed) => {
          const worker = start(images, x);
          worker.on('message', (message) => message !== 'started' && done(message));
          worker.on('error', failed);
        }),
    ),
  );
  const expected = Array.from(await run(residual, [x], images));
  for (const result of results) expect(Array.from(result as Float32Array)).toEqual(expected);

  const endless = start(100_000, new Float32Array(100_000 * numel(s)));
  await new Promise((done) => endless.once('message', done));
  await endless.terminate();
});
