import * as fc from 'fast-check';
import type { NativeSchedule, PlanDescription, PlanFormat, SpikingResult, SpikingRunOptions } from '../../lib/native';
import { addon } from '../../lib/native';
import { cif, randomImages, randomPlan, randomSchedule, widePlan } from './plans';
import { numel, quantized, type ReferenceResult, simulate } from './reference';

const formats: PlanFormat[] = ['int8', 'int16', 'float32'];
const isas = addon().info().found;
const all = { everyStep: true, counts: true, profile: false, oracle: true, certify: 1_000_000 };

function run(plan: PlanDescription, images: Float32Array, options: SpikingRunOptions): Promise<SpikingResult> {
  const count = images.length / numel(plan.layers[0]!);
  const native = new (addon().SpikingPlan)(plan);
  return native.run(images, count, options).finally(() => native.dispose());
}

/** The reference's readouts, aligned as the contract says. */
function aligned(results: ReferenceResult[], phaseSteps: Int32Array, schedule: NativeSchedule): number[] {
  return results.flatMap((result) =>
    result.readout.flatMap((steps, phase) => {
      const group = Math.min(schedule.margin, schedule.wake - phase * schedule.margin);
      return Array.from({ length: group + phaseSteps[phase]! }, (_, i) => steps[Math.min(i, steps.length - 1)]!).flat();
    }),
  );
}

describe('the engine against the brute-force simulator', () => {
  for (const format of formats) {
    for (const isa of isas) {
      test(`${format} on ${isa}: readout at every step, counts, spikes, sleep steps, hash, operations`, async () => {
        await fc.assert(
          fc.asyncProperty(fc.integer({ min: 0, max: 2 ** 31 - 1 }), async (seed) => {
            const plan = { ...randomPlan(seed, format), isa };
            const schedule = randomSchedule(seed);
            const count = 1 + (seed % 3);
            const images = randomImages(seed, plan, count);
            const size = images.length / count;
            const results = Array.from({ length: count }, (_, i) =>
              simulate(plan, images.subarray(i * size, (i + 1) * size), schedule),
            );
            const native = await run(plan, images, { threads: 1 + (seed % 2), schedule, ...all });
            expect([...native.sleepSteps]).toEqual(results.flatMap((r) => r.sleepSteps));
            expect([...native.positive]).toEqual(results.flatMap((r) => r.positive));
            expect([...native.negative]).toEqual(results.flatMap((r) => r.negative));
            expect(native.counts!.map((c) => [...c])).toEqual(
              results[0]!.counts.map((_, l) => results.flatMap((r) => r.counts[l]!)),
            );
            expect([...native.hash]).toEqual(results.map((r) => r.hash));
            expect([...native.atRest]).toEqual(results.flatMap((r) => r.atRest));
            expect([...native.synapticOperations]).toEqual(results.map((r) => r.operations));
            expect([...native.operationsAsleep]).toEqual(results.map((r) => r.operationsAsleep));
            expect([...native.readout]).toEqual(aligned(results, native.phaseSteps, schedule));

            // The oracle and the certificate, from what the two references say.
            const anns = results.map((_, i) => quantized(plan, images.subarray(i * size, (i + 1) * size), schedule));
            expect([...native.oracle!]).toEqual(anns.flatMap((ann) => ann.readout));
            const snnEnds = results.map((r) => r.readout.at(-1)!.at(-1)!);
            const differing = results.map((r, i) => {
              const counts = r.counts.flat().filter((n, e) => n !== anns[i]!.counts.flat()[e]).length;
              return counts + snnEnds[i]!.filter((sum, e) => sum !== anns[i]!.readout[e]).length;
            });
            if (format !== 'float32') expect([...native.mismatches]).toEqual(differing);
            expect([...native.checked]).toEqual(anns.map((ann) => ann.counts.flat().length + ann.readout.length));
          }),
          { numRuns: 60 },
        );
      });
    }
  }
});

describe('one result on every instruction set, thread count and batch split', () => {
  for (const format of formats) {
    test(format, async () => {
      await fc.assert(
        fc.asyncProperty(fc.integer({ min: 0, max: 2 ** 31 - 1 }), async (seed) => {
          const plan = randomPlan(seed, format);
          const schedule = randomSchedule(seed);
          const images = randomImages(seed, plan, 5);
          const size = images.length / 5;
          const options = { threads: 1, schedule, ...all, everyStep: false };
          const expected = await run({ ...plan, isa: 'scalar' }, images, options);
          for (const isa of isas) {
            const threaded = await run({ ...plan, isa }, images, { ...options, threads: 2 });
            expect(threaded).toEqual(expected);
          }
          const parts = await Promise.all(
            [0, 1, 2, 3, 4].map((i) => run(plan, images.subarray(i * size, (i + 1) * size), options)),
          );
          expect(parts.flatMap((part) => [...part.hash])).toEqual([...expected.hash]);
          expect(parts.flatMap((part) => [...part.readout])).toEqual([...expected.readout]);
        }),
        { numRuns: 40 },
      );
    });

    test(`${format}, layers of many channels`, async () => {
      let spikes = 0;
      await fc.assert(
        fc.asyncProperty(
          fc.integer({ min: 0, max: 2 ** 31 - 1 }),
          fc.constantFrom(1, 5),
          fc.boolean(),
          async (seed, gamma, negative) => {
            const plan = widePlan(seed, format);
            const schedule = { ...cif, wake: 5, margin: 3, gamma, negative, sleep: gamma > 1 ? 4 : -1 };
            const images = randomImages(seed, plan, 2);
            const options = { threads: 1, schedule, ...all };
            const expected = await run({ ...plan, isa: 'scalar' }, images, options);
            for (const isa of isas) expect(await run({ ...plan, isa }, images, options)).toEqual(expected);
            spikes += expected.positive.reduce((sum, n) => sum + n, 0);
            if (gamma === 1 && negative) expect([...expected.mismatches]).toEqual([0, 0]);
          },
        ),
        { numRuns: 60 },
      );
      expect(spikes).toBeGreaterThan(10_000);
    });
  }
});

describe('the loss-free theorem', () => {
  for (const format of ['int8', 'int16', 'float32'] as const) {
    test(`${format}: asleep until silent, every neuron equals the quantised network`, async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.integer({ min: 0, max: 2 ** 31 - 1 }),
          fc.integer({ min: 1, max: 9 }),
          fc.integer({ min: 1, max: 9 }),
          async (seed, wake, margin) => {
            const plan = randomPlan(seed, format);
            const images = randomImages(seed, plan, 2);
            const schedule = { ...cif, wake, margin: Math.min(margin, wake) };
            const result = await run(plan, images, { threads: 1, schedule, ...all });
            expect([...result.mismatches]).toEqual([0, 0]);
            expect(result.firsts).toEqual([null, null]);
            expect([...result.atRest]).toEqual(new Array(2 * result.phases).fill(1));
          },
        ),
        { numRuns: 300 },
      );
    });
  }

  test('without sleep the certificate names the first divergence of each image', async () => {
    let found = 0;
    for (let seed = 1; seed <= 200; seed++) {
      const plan = randomPlan(seed, 'int8');
      const images = randomImages(seed, plan, 4);
      const size = images.length / 4;
      const schedule = { ...cif, wake: 4, margin: 4, sleep: 0 };
      const result = await run(plan, images, { threads: 2, schedule, ...all });
      const neurons = plan.layers.flatMap((layer, i) => (layer.kind === 'neuron' ? [i] : []));
      for (let image = 0; image < 4; image++) {
        const part = images.subarray(image * size, (image + 1) * size);
        const snn = simulate(plan, part, schedule);
        const ann = quantized(plan, part, schedule);
        const expected = (() => {
          for (const [ordinal, layer] of neurons.entries()) {
            const neuron = snn.counts[ordinal]!.findIndex((n, i) => n !== ann.counts[ordinal]![i]);
            if (neuron < 0) continue;
            return { layer, neuron, snn: snn.counts[ordinal]![neuron], ann: ann.counts[ordinal]![neuron] };
          }
          return null;
        })();
        // A plan whose neurons agree may still differ in a readout; that is not what this test is after.
        if (expected === null) continue;
        found++;
        const first = result.firsts[image]!;
        expect(first).toMatchObject(expected);
        if (first.lastSpike !== null) expect(first.lastSpike.sleep).toBe(0);
        expect(first.snn === 0 || first.lastSpike !== null).toBe(true);
      }
    }
    expect(found).toBeGreaterThan(20);
  });

  test('the last spike is found again, asleep too', async () => {
    // One neuron, bias 3 of 2: fires in both awake steps, then takes nothing back; a second layer is inhibited late.
    const one = { kernel: [1, 1], strides: [1, 1], pads: [0, 0, 0, 0], dilations: [1, 1] } as const;
    const shape = { c: 1, h: 1, w: 1 };
    const plan: PlanDescription = {
      format: 'int8',
      layers: [
        { kind: 'input', name: 'x', ...shape, grid: { step: 1, lo: 0, hi: 9, scale: 1 } },
        {
          kind: 'neuron',
          name: 'a',
          ...shape,
          terms: [{ op: 'conv', source: 0, weight: Int8Array.of(1), window: one, groups: 1 }],
          bias: Int32Array.of(0),
          threshold: Int32Array.of(2),
          start: Int32Array.of(0),
        },
        {
          kind: 'neuron',
          name: 'b',
          ...shape,
          terms: [{ op: 'scale', source: 1, factor: Int32Array.of(9) }],
          bias: Int32Array.of(0),
          threshold: Int32Array.of(3),
          start: Int32Array.of(0),
        },
      ],
    };
    // x = 1: a fires at awake step 2 of 3 once (sum 3 → 1 spike). b receives 9 = 3 thresholds: spikes at 2, 3 and one asleep.
    // With one sleep step only the upper bound of 3 lets it fire all three; sleep 0 stops it at 2.
    const schedule = { ...cif, wake: 3, margin: 3, sleep: 0 };
    const cut = await run(plan, Float32Array.of(1), { threads: 1, schedule, ...all });
    expect(cut.firsts[0]).toEqual({
      layer: 2,
      neuron: 0,
      snn: 2,
      ann: 3,
      lastSpike: { wake: 3, sleep: 0 },
    });
    const whole = await run(plan, Float32Array.of(1), { threads: 1, schedule: { ...schedule, sleep: -1 }, ...all });
    expect(whole.firsts).toEqual([null]);
    expect([...whole.sleepSteps]).toEqual([2]);
    expect(whole.readout.length).toBe(0);
    // Burst without an upper bound leaves the last spike in a sleep step.
    const burst = { ...schedule, upper: false, wake: 2, margin: 2, sleep: 3 };
    const over = await run(plan, Float32Array.of(1), { threads: 1, schedule: burst, ...all });
    expect(over.firsts[0]).toMatchObject({ layer: 2, snn: 3, ann: 2, lastSpike: { wake: 2, sleep: 2 } });
    expect([...over.atRest]).toEqual([1]);
  });
});
