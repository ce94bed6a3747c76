/** Several threads share the work inside one image: the same result, and an end in every case. */
import { addon, type PlanDescription, type SpikingRunOptions } from '../../lib/native';
import { cif, randomImages, randomPlan, widePlan } from './plans';
import { numel } from './reference';

const options = (threads: number): SpikingRunOptions => ({
  threads,
  schedule: { ...cif, wake: 4, margin: 4, cap: 100 },
  ...{ everyStep: true, counts: true, profile: false, oracle: true, certify: 1 },
});

const planOf = (plan: PlanDescription) => new (addon().SpikingPlan)(plan);

test('any number of threads gives what one gives', async () => {
  for (let seed = 1; seed <= 60; seed++) {
    const plan = seed % 3 === 0 ? widePlan(seed, 'int8') : randomPlan(seed, seed % 2 === 0 ? 'int8' : 'int16');
    const image = randomImages(seed, plan, 1);
    const native = planOf(plan);
    const alone = await native.run(image, 1, options(1));
    for (const threads of [2, 3, 7]) expect(await native.run(image, 1, options(threads))).toEqual(alone);
    native.dispose();
  }
});

test('many calls after each other and at once', async () => {
  const plan = widePlan(5, 'int8');
  const image = randomImages(5, plan, 1);
  const native = planOf(plan);
  const [hash] = (await native.run(image, 1, options(1))).hash;
  for (let i = 0; i < 300; i++) expect((await native.run(image, 1, options(4))).hash[0]).toBe(hash);
  const together = await Promise.all(Array.from({ length: 20 }, () => native.run(image, 1, options(4))));
  expect(together.map((result) => result.hash[0])).toEqual(new Array(20).fill(hash));
  native.dispose();
});

test('an error and an abort end it, and the next call works', async () => {
  const plan = widePlan(6, 'int8');
  const native = planOf(plan);
  const image = randomImages(6, plan, 1);
  const bad = new Float32Array(numel(plan.layers[0]!)).fill(Number.NaN);
  await expect(native.run(bad, 1, options(3))).rejects.toMatchObject({ code: 'ERR_CASC_DATA' });
  const abort = new (addon().AbortFlag)();
  abort.abort();
  await expect(native.run(image, 1, { ...options(3), abort })).rejects.toMatchObject({ code: 'ERR_CASC_ABORTED' });
  const late = new (addon().AbortFlag)();
  const long = native.run(image, 1, {
    ...options(3),
    abort: late,
    schedule: { ...cif, wake: 120, margin: 1, sleep: 90 },
  });
  setTimeout(() => late.abort(), 1);
  await long.catch((error) => expect(error).toMatchObject({ code: 'ERR_CASC_ABORTED' }));
  expect([...(await native.run(image, 1, options(3))).mismatches]).toEqual([0]);
  native.dispose();
});
