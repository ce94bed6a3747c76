/** The raster against the brute-force simulator, spike by spike, and how its neurons are chosen. */
import * as fc from 'fast-check';
import { addon, type NativeLayerRaster } from '../../lib/native';
import { randomImages, randomPlan, randomSchedule } from './plans';
import { type ReferenceResult, simulate } from './reference';

const plain = { everyStep: false, counts: false, profile: false, oracle: false, certify: 0 };
const isas = addon().info().found;
/** More than any of the random nets have. */
const ALL = { neurons: 1000, steps: 1_000_000 };

/** What the raster of so many neurons and steps must be. */
function expected({ spikes }: ReferenceResult, { neurons, steps }: typeof ALL) {
  return spikes.map((layer) => {
    const fired = [...new Set(layer.map(([neuron]) => neuron))].sort((a, b) => a - b);
    const chosen = Math.min(neurons, fired.length);
    const shown = Array.from({ length: chosen }, (_, i) => fired[Math.floor(((i + 0.5) * fired.length) / chosen)]!);
    const train = (own: number) => layer.filter(([neuron, step]) => neuron === own && step <= steps);
    return {
      fired: fired.length,
      neurons: shown,
      trains: shown.map((own) => train(own).flatMap(([, step, size]) => [step, size])),
    };
  });
}

const arrays = (raster: NativeLayerRaster[] | null) =>
  raster!.map(({ fired, neurons, trains }) => ({ fired, neurons: [...neurons], trains: trains.map((t) => [...t]) }));

test.each(['int8', 'int16', 'float32'] as const)('%s: every spike of every neuron, and of a choice', async (format) => {
  const seen = { positive: 0, negative: 0, bursts: 0, cut: 0 };
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: 2 ** 31 - 1 }), async (seed) => {
      const plan = randomPlan(seed, format);
      const schedule = randomSchedule(seed);
      const images = randomImages(seed, plan, 2);
      const size = images.length / 2;
      const reference = simulate(plan, images.subarray(0, size), schedule);
      const some = { neurons: 1 + (seed % 5), steps: 1 + (seed % 11) };
      let same: unknown;
      for (const isa of isas) {
        const native = new (addon().SpikingPlan)({ ...plan, isa });
        const run = (count: number, threads: number, raster: typeof ALL | null) =>
          native.run(images.subarray(0, count * size), count, { ...plain, schedule, threads, raster });
        const whole = await run(2, 1, ALL);
        expect(arrays(whole.raster)).toEqual(expected(reference, ALL));
        // A batch of one is shared by the threads.
        for (const [count, threads] of [
          [1, 1],
          [1, 2],
          [2, 2],
        ] as const) {
          expect(arrays((await run(count, threads, some)).raster)).toEqual(expected(reference, some));
        }
        // It changes nothing else.
        expect(await run(2, 2, null)).toEqual({ ...whole, raster: null });
        same ??= whole;
        expect(whole).toEqual(same);
        native.dispose();
      }
      for (const [, step, spike] of reference.spikes.flat()) {
        seen[spike > 0 ? 'positive' : 'negative']++;
        if (Math.abs(spike) > 1) seen.bursts++;
        if (step > some.steps) seen.cut++;
      }
    }),
    { numRuns: 60 },
  );
  expect(Math.min(...Object.values(seen))).toBeGreaterThan(0);
});

test('without images it is empty, and a wrong one is named', async () => {
  const plan = randomPlan(5, 'int8');
  const native = new (addon().SpikingPlan)(plan);
  const options = { ...plain, schedule: randomSchedule(5), threads: 1 };
  expect((await native.run(new Float32Array(0), 0, { ...options, raster: ALL })).raster).toEqual([]);
  for (const [wrong, name] of [
    [{ neurons: 0, steps: 1 }, 'raster.neurons'],
    [{ neurons: 1, steps: 0.5 }, 'raster.steps'],
    [{ neurons: 1 } as typeof ALL, 'raster.steps'],
  ] as const) {
    expect(() => native.run(new Float32Array(0), 0, { ...options, raster: wrong })).toThrow(name);
  }
  native.dispose();
});
