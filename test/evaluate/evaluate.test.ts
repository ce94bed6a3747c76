/** Figures that do not depend on how images are batched, and what must never count as a right answer. */
import { type EvaluateOptions, evaluate, type RestEvaluateOptions } from '../../lib/evaluate';
import { firstClasses } from '../../lib/evaluate/ranking';
import { importGraph } from '../../lib/graph';
import { SpikingNetwork } from '../../lib/simulate';
import { Net, scalar, weights } from '../graph/make';
import { Random } from '../support/random';
import { CLASSES, classifier, dataset, SIZE } from './small';

let snn: SpikingNetwork;
beforeAll(() => {
  snn = classifier();
});
afterAll(() => snn.dispose());

const figures = <T extends { throughput: unknown }>({ throughput: _, ...rest }: T) => rest;

test.each([
  { margin: 2 },
  { margin: 1 },
  { sleep: 3, certify: 'all' as const },
  { neuron: 'burst' as const },
  { sleep: 0 },
])('no figure depends on the batch size: %j', async (schedule) => {
  const whole = figures(await evaluate(snn, dataset(23), { ...schedule, batchSize: 23 }));
  for (const batchSize of [1, 4, 22]) {
    expect(figures(await evaluate(snn, dataset(23), { ...schedule, batchSize }))).toEqual(whole);
  }
  expect(whole.snn.top1PerStep.at(-1)!.top1).toBe(whole.snn.top1);
});

test('at rest after each margin: the accuracy of the net quantised at that many levels', async () => {
  const { snn: curve } = await evaluate(snn, dataset(40), { margin: 1, batchSize: 7 });
  for (let wake = 1; wake <= 6; wake++) {
    const { quantized } = await evaluate(snn, dataset(40), { wake });
    expect(curve.top1PerStep.filter((step) => step.wake === wake).at(-1)!.top1).toBe(quantized.top1);
  }
});

test('certifies the first n images across batches', async () => {
  const { exact } = await evaluate(snn, dataset(10), { certify: 7, batchSize: 4 });
  expect(exact).toMatchObject({ images: 7, certified: true });
  expect((await evaluate(snn, dataset(10), { certify: 0 })).exact).toMatchObject({ images: 0, certified: false });
});

test('a label that the net has no output for is an error, not a right answer', async () => {
  await expect(evaluate(snn, dataset(30, 9))).rejects.toMatchObject({
    code: 'ERR_CASC_DATA',
    message: expect.stringMatching(/image \d+ has label \d, but .* has 4 outputs/),
  });
});

test('a callback that throws and a signal that fires leave the net usable', async () => {
  const thrower = () => {
    throw new Error('mine');
  };
  await expect(evaluate(snn, dataset(9), { batchSize: 2, onProgress: thrower })).rejects.toThrow('mine');
  const controller = new AbortController();
  let batches = 0;
  const stopped = evaluate(snn, dataset(9), {
    batchSize: 2,
    signal: controller.signal,
    onProgress: () => {
      batches++;
      controller.abort(new Error('enough'));
    },
  });
  await expect(stopped).rejects.toThrow('enough');
  expect(batches).toBe(1);
  expect((await evaluate(snn, dataset(9))).exact.certified).toBe(true);
});

test('float32 is measured without a promise, and certified only where that is asked for', async () => {
  const float = SpikingNetwork.from(snn.converted.network, { format: 'float32' });
  const measured = await evaluate(float, dataset(6));
  expect(measured.exact).toMatchObject({ measured: true, certified: false, images: 6 });
  expect(measured.exact.checkedNeurons).toBe(6 * (4 * 100 + CLASSES));
  const asked = await evaluate(float, dataset(6), { certify: 'all' });
  expect(asked.exact).toMatchObject({ measured: false, certified: measured.exact.mismatches === 0 });
  float.dispose();
});

test('a net whose output is no value per class is refused', async () => {
  const net = new Net(['N', 2, 5, 5]);
  const x = net.add('Clip', [net.add('Floor', [net.conv('x', 3, 2)]), scalar(0), scalar(4)]);
  const maps = SpikingNetwork.from(importGraph(net.model([net.conv(x, 3, 3)])));
  await expect(evaluate(maps, dataset(2))).rejects.toMatchObject({
    code: 'ERR_CASC_UNSUPPORTED',
    message: expect.stringMatching(/one output of one value per class.*\[N, 3, 5, 5\]/),
  });
  maps.dispose();
});

test('a net of vectors takes an image as the list of its pixels', async () => {
  const net = new Net(['N', SIZE]);
  const hidden = net.add('Gemm', ['x', weights([8, SIZE])], { transB: 1 });
  const x = net.add('Clip', [net.add('Floor', [hidden]), scalar(0), scalar(4)]);
  const vectors = SpikingNetwork.from(
    importGraph(net.model([net.add('Gemm', [x, weights([CLASSES, 8])], { transB: 1 })])),
    {
      format: 'int8',
      inputRange: { min: -3, max: 3 },
    },
  );
  expect((await evaluate(vectors, dataset(4))).exact).toMatchObject({ certified: true, images: 4 });
  vectors.dispose();
});

test('another shift than the file’s is said', async () => {
  const { notes, exact } = await evaluate(snn, dataset(9), { shift: 0.25 });
  expect(notes.join()).toContain('0.25 of the threshold');
  expect(exact.certified).toBe(true);
});

test('the first classes: of equals the first, NaN above all and never right', () => {
  const first = (values: number[], k = 5) => firstClasses(Float32Array.from(values), k);
  expect(first([3, 3, 1])).toEqual([0, 1, 2]);
  expect(first([1, 3, 3], 2)).toEqual([1, 2]);
  expect(first([Number.NaN, 1])).toEqual([-1, 1]);
  expect(first([2, Number.NaN, 1, Number.NaN], 3)).toEqual([-1, -1, 0]);
  expect(first([Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY])).toEqual([1, 0]);
  const random = new Random(2);
  for (let i = 0; i < 200; i++) {
    const values = Array.from({ length: random.int(1, 12) }, () => random.int(0, 5));
    const sorted = [...values.keys()].sort((a, b) => values[b]! - values[a]! || a - b);
    expect(first(values)).toEqual(sorted.slice(0, 5));
  }
});

test('mode rest: the accuracies of the simulation, whatever the batches, and what only a simulation has is null', async () => {
  const full = await evaluate(snn, dataset(23));
  const rest = await evaluate(snn, dataset(23), { mode: 'rest', verify: 0.3 });
  for (const batchSize of [1, 4, 23]) {
    const other = await evaluate(snn, dataset(23), { mode: 'rest', verify: 0.3, batchSize });
    expect(figures(other)).toEqual(figures(rest));
  }
  const { top1, top5 } = full.snn;
  expect(rest).toMatchObject({
    mode: 'rest',
    images: 23,
    quantized: { top1, top5 },
    snn: { top1, top5, top1PerStep: null },
    // Seven images of 404 neurons and readouts.
    exact: { certified: true, measured: false, images: 7, checkedNeurons: 7 * 404, mismatches: 0 },
    steps: null,
    spikes: null,
    operations: { synaptic: null, denseMacs: full.operations.denseMacs },
  });
  expect(rest).not.toHaveProperty('profile');
  const unverified = await evaluate(snn, dataset(5), { mode: 'rest' });
  expect(unverified.exact).toMatchObject({ certified: false, images: 0, checkedNeurons: 0 });
});

test.each<[Omit<EvaluateOptions, 'mode'> & { mode?: string; verify?: number }, string]>([
  [{ mode: 'rest', certify: 'all' }, 'certify'],
  [{ mode: 'rest', profile: true }, 'profile'],
  [{ mode: 'rest', sleep: 0 }, 'mode'],
  [{ mode: 'rest', verify: 2 }, 'verify'],
  [{ verify: 0.5 }, 'verify'],
])('options that do not go together are refused before any image is read: %j', async (options, option) => {
  const data = dataset(5);
  const batches = jest.spyOn(data, 'batches');
  await expect(evaluate(snn, data, options as RestEvaluateOptions)).rejects.toMatchObject({
    code: 'ERR_CASC_ARGUMENT',
    where: { option },
  });
  expect(batches).not.toHaveBeenCalled();
});

test('a profile adds up over batches', async () => {
  const result = await evaluate(snn, dataset(23), { profile: true, batchSize: 4 });
  const phases = result.profile!.layers.flatMap(({ wake, sleep }) => [wake, sleep]);
  const sum = (of: (phase: (typeof phases)[number]) => number) => phases.reduce((total, phase) => total + of(phase), 0);
  expect(result.profile!.layers.map(({ layer }) => layer)).toEqual(snn.converted.plan.layers.map(({ name }) => name));
  expect(sum(({ spikes }) => spikes.positive)).toBe(result.spikes.positive);
  expect(sum(({ spikes }) => spikes.negative)).toBe(result.spikes.negative);
  expect(sum(({ additions }) => additions)).toBeCloseTo(result.operations.synaptic * 23);
  const steps = Object.values(result.profile!.layers.at(-1)!.sleep.steps);
  expect(steps.reduce((total, n) => total + n, 0)).toBeCloseTo(result.steps.sleep.mean * 23);
});
