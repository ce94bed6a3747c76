/** NativeSpikingPlan.rest: the certificate's oracle, alone. */
import * as fc from 'fast-check';
import { addon, type RestOptions } from '../../lib/native';
import { cif, randomImages, randomPlan, randomSchedule } from './plans';
import { numel, quantized } from './reference';

const argumentError = expect.objectContaining({ code: 'ERR_CASC_ARGUMENT' });

for (const format of ['int8', 'int16', 'float32'] as const) {
  test(`${format}: counts and readout of the reference, on any number of threads`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 2 ** 31 - 1 }), async (seed) => {
        const plan = randomPlan(seed, format);
        const schedule = randomSchedule(seed);
        const images = randomImages(seed, plan, 3);
        const size = images.length / 3;
        const native = new (addon().SpikingPlan)(plan);
        const { readout, counts } = await native.rest(images, 3, { threads: 1 + (seed % 2), schedule, counts: true });
        const anns = [0, 1, 2].map((i) => quantized(plan, images.subarray(i * size, (i + 1) * size), schedule));
        expect([...readout]).toEqual(anns.flatMap((ann) => ann.readout));
        expect(counts!.map((c) => [...c])).toEqual(counts!.map((_, l) => anns.flatMap((ann) => ann.counts[l]!)));
        expect((await native.rest(images, 3, { threads: 2, schedule, counts: false })).counts).toBeNull();
        native.dispose();
      }),
      { numRuns: 60 },
    );
  });
}

test('wrong arguments are refused, an abort stops, dispose ends', async () => {
  const plan = randomPlan(7, 'int8');
  const native = new (addon().SpikingPlan)(plan);
  const images = new Float32Array(numel(plan.layers[0]!));
  const options: RestOptions = { threads: 1, schedule: { ...cif }, counts: false };
  expect(() => native.rest(images, 2, options)).toThrow(argumentError);
  expect(() => native.rest([] as never, 1, options)).toThrow(argumentError);
  expect(() => native.rest(images, 1, undefined as never)).toThrow(argumentError);
  expect(() => native.rest(images, 1, { ...options, threads: 0 })).toThrow(argumentError);
  expect(() => native.rest(images, 1, { ...options, counts: 1 as never })).toThrow(argumentError);
  expect(() => native.rest(images, 1, { ...options, schedule: { ...cif, wake: 0 } })).toThrow(argumentError);
  await expect(native.rest(images.fill(Number.NaN), 1, options)).rejects.toMatchObject({ code: 'ERR_CASC_DATA' });
  const abort = new (addon().AbortFlag)();
  abort.abort();
  await expect(native.rest(images.fill(0), 1, { ...options, abort })).rejects.toMatchObject({
    code: 'ERR_CASC_ABORTED',
  });
  expect((await native.rest(new Float32Array(0), 0, options)).readout.length).toBe(0);
  const running = native.rest(images, 1, options);
  native.dispose();
  await running;
  expect(() => native.rest(images, 1, options)).toThrow(expect.objectContaining({ code: 'ERR_CASC_DISPOSED' }));
});
