/** The bound on a worker's memory holds for what runs hold, and is not far above it where the loss-free theorem gives it. */
import * as fc from 'fast-check';
import { addon, type PlanFormat } from '../../lib/native';
import { cif, randomImages, randomPlan, randomSchedule, widePlan } from './plans';

const IMAGES = 4;

/** Bound and what was held, of simulation and oracle. */
async function measure(seed: number, plan: ReturnType<typeof randomPlan>, schedule: typeof cif) {
  const native = new (addon().SpikingPlan)(plan);
  const images = randomImages(seed, plan, IMAGES);
  // The planes of a layer that nobody reads are kept for it.
  const raster = { neurons: 4, steps: 20 };
  const options = { threads: 2, schedule, everyStep: false, counts: false, oracle: true, certify: IMAGES, raster };
  const { profile } = await native.run(images, IMAGES, { ...options, profile: true });
  const bound = native.workingBytes(schedule);
  native.dispose();
  return { bound, held: profile!.workingBytes };
}

test.each<PlanFormat>(['int8', 'int16', 'float32'])('%s: a bound, with any schedule', async (format) => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: 2 ** 31 - 1 }), async (seed) => {
      const { bound, held } = await measure(seed, randomPlan(seed, format), randomSchedule(seed));
      expect(held.simulation).toBeLessThanOrEqual(bound.simulation);
      expect(held.oracle).toBeLessThanOrEqual(bound.oracle);
      expect(held.simulation).toBeGreaterThan(0);
      expect(held.oracle).toBeGreaterThan(0);
    }),
    { numRuns: 200 },
  );
});

test('within a factor of ten, where neurons come to rest', async () => {
  for (let seed = 1; seed <= 40; seed++) {
    const { bound, held } = await measure(seed, widePlan(seed, 'int8'), { ...cif, wake: 8, margin: 8 });
    expect(bound.simulation).toBeLessThan(10 * held.simulation);
    expect(bound.oracle).toBeLessThan(10 * held.oracle);
  }
});

test('a schedule that is none is refused, a disposed plan too', () => {
  const native = new (addon().SpikingPlan)(randomPlan(1, 'int8'));
  expect(() => native.workingBytes({ ...cif, wake: 0 })).toThrow(
    expect.objectContaining({ code: 'ERR_CASC_ARGUMENT', message: expect.stringContaining('schedule.wake') }),
  );
  expect(() => native.workingBytes(undefined as never)).toThrow(expect.objectContaining({ code: 'ERR_CASC_ARGUMENT' }));
  native.dispose();
  expect(() => native.workingBytes(cif)).toThrow(expect.objectContaining({ code: 'ERR_CASC_DISPOSED' }));
});
