/** Figures against truth from elsewhere: tables of intervals, a brute force over records, nets quantised at each level. */
import { join } from 'node:path';
import * as fc from 'fast-check';
import type { ClassAnswers, Evaluation } from '../../lib';
import { openDataset } from '../../lib/datasets';
import { evaluate, evaluateImages, figuresOf, wilson } from '../../lib/evaluate';
import { StepCurve } from '../../lib/evaluate/curve';
import { Histogram } from '../../lib/evaluate/distribution';
import type { EvaluatedRecord } from '../../lib/evaluate/record';
import { Session } from '../../lib/evaluate/session';
import { SpikingNetwork } from '../../lib/simulate';
import { box } from '../support/casc';
import { classifier, dataset } from './small';

let snn: SpikingNetwork;
beforeAll(() => {
  snn = classifier();
});
afterAll(() => snn.dispose());

test.each([
  // Newcombe, Statistics in Medicine 17 (1998), table I, method 3, to the four digits printed there.
  [81, 263, 0.2553, 0.3662],
  [15, 148, 0.0624, 0.1605],
  [0, 20, 0, 0.1611],
  [1, 29, 0.0061, 0.1718],
])('Wilson: %i of %i', (right, images, low, high) => {
  const [a, b] = wilson(right, images);
  expect(a).toBeCloseTo(low, 4);
  expect(b).toBeCloseTo(high, 4);
});

test('Wilson: the ends are where the score test just accepts, and within 0 and 1', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 60_000 }), fc.double({ min: 0, max: 1, noNaN: true }), (images, part) => {
      const right = Math.round(part * images);
      const [low, high] = wilson(right, images);
      expect(low).toBeGreaterThanOrEqual(0);
      expect(high).toBeLessThanOrEqual(1);
      for (const p of [low, high]) {
        if (p === 0 || p === 1) continue;
        const score = Math.abs(right / images - p) / Math.sqrt((p * (1 - p)) / images);
        expect(score).toBeCloseTo(1.959963984540054, 5);
      }
      expect(wilson(images - right, images)[0]).toBeCloseTo(1 - high, 12);
    }),
  );
});

test('quantiles by nearest rank', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 20 }), { minLength: 1, maxLength: 60 }), (values) => {
      const histogram = new Histogram();
      for (const value of values) histogram.add(value);
      const sorted = [...values].sort((a, b) => a - b);
      const { mean, p50, p95, max } = histogram.distribution();
      expect(mean).toBeCloseTo(values.reduce((a, b) => a + b, 0) / values.length, 12);
      expect(p50).toBe(sorted[Math.ceil(0.5 * values.length) - 1]);
      expect(p95).toBe(sorted[Math.ceil(0.95 * values.length) - 1]);
      expect(max).toBe(sorted.at(-1));
    }),
  );
});

test('the curve: images that ended a phase earlier carry their answer forward', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 5 }),
      fc.integer({ min: 1, max: 5 }),
      fc.array(fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 5, maxLength: 5 }), {
        minLength: 1,
        maxLength: 8,
      }),
      fc.infiniteStream(fc.boolean()),
      (wake, margin, sleeps, bits) => {
        const phases = Math.ceil(wake / margin);
        const curve = new StepCurve({ wake, margin });
        const expected = new Map<string, number>();
        const longest = Array.from({ length: phases }, (_, p) => Math.max(...sleeps.map((sleep) => sleep[p]!)));
        for (const all of sleeps) {
          const sleep = all.slice(0, phases);
          const right: boolean[] = [];
          for (let p = 0; p < phases; p++) {
            const awake = Math.min(margin, wake - p * margin);
            for (let i = 0; i < awake + sleep[p]!; i++) right.push(bits.next().value as boolean);
            const own = right.slice(right.length - awake - sleep[p]!);
            for (let i = 0; i < awake + longest[p]!; i++) {
              const key = `${p} ${i}`;
              expected.set(key, (expected.get(key) ?? 0) + Number(own[Math.min(i, own.length - 1)]));
            }
          }
          curve.add(sleep, (step) => right[step]!);
        }
        expect(curve.shares().map(({ share }) => share * sleeps.length)).toEqual(
          [...expected.values()].map((n) => expect.closeTo(n, 9)),
        );
      },
    ),
  );
});

test('the anytime curve is that of the nets quantised at each level', async () => {
  const ours = await evaluate(snn, dataset(40), { margin: 1, batchSize: 7 });
  expect(ours.snn.anytime).toHaveLength(6);
  for (const { wake, top1, top5, interval, notAtRest } of ours.snn.anytime!) {
    const { quantized } = await evaluate(snn, dataset(40), { wake, mode: 'rest' });
    expect({ levels: wake, top1, top5, interval }).toEqual(quantized);
    expect(notAtRest).toBe(0);
  }
  const single = await evaluate(snn, dataset(40));
  expect(single.snn.anytime).toMatchObject([
    { wake: 6, top1: single.quantized.top1, steps: single.steps.toRest!.mean },
  ]);
  expect((await evaluate(snn, dataset(5), { sleep: 0 })).snn.anytime).toBeNull();
});

async function recordsOf(options = {}): Promise<EvaluatedRecord<ClassAnswers>[]> {
  const records: EvaluatedRecord<ClassAnswers>[] = [];
  for await (const record of evaluateImages(snn, dataset(23), options)) {
    records.push(record as EvaluatedRecord<ClassAnswers>);
  }
  return records;
}

test('sums by layer, steps and energy against a brute force over the images one by one', async () => {
  const energy = { multiplyAdd: 2, addition: 3 };
  const { layers, spikes, steps, operations, energy: joules } = await evaluate(snn, dataset(23), { energy });
  const sums = { positive: [0, 0, 0, 0], negative: [0, 0, 0, 0], steps: 0, wake: 0, sleep: 0, toRest: [] as number[] };
  for await (const { images, count } of dataset(23).batches(1)) {
    const one = await snn.simulate(images, count, { profile: true, counts: true });
    one.layerSpikes.positive.forEach((n, layer) => {
      sums.positive[layer]! += n;
      sums.negative[layer]! += one.layerSpikes.negative[layer]!;
      const net = [...one.counts![one.layerSpikes.layers[layer]!]!].reduce((a, b) => a + b, 0);
      expect(n - one.layerSpikes.negative[layer]!).toBe(net);
    });
    sums.steps += one.steps.length;
    sums.toRest.push(one.steps.length);
    for (const { wake, sleep } of one.profile!.layers) {
      sums.wake += wake.additions;
      sums.sleep += sleep.additions;
    }
  }
  expect(sums.negative.some((n) => n > 0)).toBe(true);
  expect(layers.map(({ positive }) => positive)).toEqual(sums.positive);
  expect(layers.map(({ negative }) => negative)).toEqual(sums.negative);
  for (const [i, { neurons, firingRate }] of layers.entries()) {
    expect(neurons).toBe(100);
    expect(firingRate).toBeCloseTo((sums.positive[i]! + sums.negative[i]!) / (100 * sums.steps), 12);
  }
  expect(spikes.positive).toBe(sums.positive.reduce((a, b) => a + b, 0));
  expect(operations.wake * 23).toBeCloseTo(sums.wake, 6);
  expect(operations.sleep * 23).toBeCloseTo(sums.sleep, 6);
  expect(joules.snn).toBeCloseTo(3 * operations.synaptic + 2 * operations.firstLayerMacs, 6);
  expect(joules.ann).toBe(2 * operations.denseMacs);
  expect(steps.toRest!.max).toBe(Math.max(...sums.toRest));
  expect(steps.toRest!.histogram).toEqual(
    [...new Set(sums.toRest)]
      .sort((a, b) => a - b)
      .map((n) => ({ steps: n, images: sums.toRest.filter((m) => m === n).length })),
  );
});

test('accuracies, agreement and confusion against the records', async () => {
  const scaling = { mean: [0.286], std: [0.353] };
  const options = { ann: join(box, 'fashion-mnist-relu.onnx'), neuron: 'if', wake: 3, sleep: 0 } as const;
  const net = await SpikingNetwork.load(join(box, 'fashion-mnist-q8.onnx'), { format: 'int8', scaling });
  const images = await openDataset(`mnist:${box}`, { scaling, limit: 80 });
  const records: EvaluatedRecord<ClassAnswers>[] = [];
  for await (const record of evaluateImages(net, images, options)) {
    records.push(record as EvaluatedRecord<ClassAnswers>);
  }
  const result = await evaluate(net, images, options);
  net.dispose();
  const share = (of: (answers: ClassAnswers) => boolean) => records.filter(({ answers }) => of(answers)).length / 80;
  expect(result.snn.top1).toBe(share(({ label, snn: [first] }) => first === label));
  expect(result.snn.top5).toBe(share(({ label, snn: five }) => five.includes(label)));
  expect(result.ann!.top1).toBe(share(({ label, ann }) => ann![0] === label));
  expect(result.snn.top1PerStep.at(-1)).toMatchObject({ wake: 3, top1: result.snn.top1, top5: result.snn.top5 });
  expect(result.agreement).toEqual({
    quantizedSnn: share(({ quantized, snn: own }) => quantized[0] === own[0]),
    annQuantized: share(({ quantized, ann }) => quantized[0] === ann![0]),
    annSnn: share(({ snn: own, ann }) => own[0] === ann![0]),
  });
  expect(result.agreement.quantizedSnn).toBeLessThan(1);
  const differing = records.filter(({ answers: { ann, quantized, snn: own } }) => {
    return new Set([ann![0], quantized[0], own[0]]).size > 1;
  });
  expect(result.disagreeing).toEqual(
    differing.map(({ id, answers }) => ({
      ...{ id, label: answers.label },
      ...{ ann: answers.ann![0], quantized: answers.quantized[0], snn: answers.snn[0] },
    })),
  );
  expect(result.confusion.reduce((sum, { images: n }) => sum + n, 0)).toBe(80);
  const right = result.confusion.filter(({ label, answer }) => label === answer);
  expect(right.reduce((sum, { images: n }) => sum + n, 0) / 80).toBeCloseTo(result.snn.top1, 12);
  // The last of an image's steps is its end.
  for (const { answers } of records) expect(answers.perStep!.first.at(-1)).toBe(answers.snn[0]);
});

test('records do not depend on batch or threads, and figures not on the order of records', async () => {
  const untimed = (records: object[]) => records.map((record) => ({ ...record, seconds: 0 }));
  for (const options of [{ margin: 2 }, { neuron: 'burst' as const, certify: 'all' as const }]) {
    const records = await recordsOf({ ...options, batchSize: 23, threads: 2 });
    const others = await recordsOf({ ...options, batchSize: 3, threads: 1 });
    expect(untimed(others)).toEqual(untimed(records));
    const session = await Session.open(snn, dataset(23), options);
    await session.close();
    const untimedFigures = ({ throughput: _, ...rest }: Evaluation) => rest;
    const whole = untimedFigures(await evaluate(snn, dataset(23), options));
    const shuffled = [...records].sort((a, b) => ((a.at * 7) % 23) - ((b.at * 7) % 23));
    expect(untimedFigures((await figuresOf(session.header, shuffled)) as Evaluation)).toEqual(whole);
  }
});
