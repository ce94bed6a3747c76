/** Mode 'rest': what the oracle says alone is what the simulation comes to rest at, and nothing else is claimed. */
import fc from 'fast-check';
import { importModel } from '../../lib/graph';
import type { NativeSpikingPlan } from '../../lib/native';
import { type RestOptions, type SimulateOptions, SpikingNetwork } from '../../lib/simulate';
import { verifiedImages } from '../../lib/simulate/rest';
import { randomNet } from '../support/random-net';

const RUNS = 60;
const inputRange = { min: -3, max: 3 };

async function load(seed: number, format: 'float32' | 'int8' | 'int16') {
  const { model, images, count } = randomNet(seed, 3);
  return { snn: SpikingNetwork.from(await importModel(model), { format, inputRange }), images, count };
}

test(`outputs and counts are the simulation's, on ${RUNS} random nets and schedules`, async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: 2 ** 31 }),
      fc.constantFrom('int8' as const, 'int16' as const),
      fc.record(
        {
          wake: fc.integer({ min: 1, max: 9 }),
          stagger: fc.constantFrom(0.5, 2),
          shift: fc.constantFrom(0, 0.25, 0.5),
          sleep: fc.constant('auto' as const),
        },
        { requiredKeys: [] },
      ),
      async (seed, format, schedule) => {
        const { snn, images, count } = await load(seed, format);
        const full = await snn.simulate(images, count, { ...schedule, counts: true });
        const rest = await snn.simulate(images, count, { ...schedule, mode: 'rest', counts: true, verify: 1 });
        snn.dispose();
        expect(rest.outputs).toEqual(full.outputs);
        expect(rest.accumulated).toEqual(full.accumulated);
        expect(rest.counts).toEqual(full.counts);
        expect(rest.certificate).toMatchObject({ images: count, mismatches: 0, failedImages: 0, first: null });
      },
    ),
    { numRuns: RUNS, seed: 20241123 },
  );
});

test('what only a simulation has is null, not zero', async () => {
  const { snn, images, count } = await load(3, 'int8');
  const rest = await snn.simulate(images, count, { mode: 'rest', threads: 2 });
  expect(rest).toEqual({
    mode: 'rest',
    images: count,
    schedule: snn.schedule(),
    accumulated: expect.anything(),
    outputs: [expect.anything()],
    counts: null,
    certificate: null,
    steps: null,
    sleepSteps: null,
    quietSteps: null,
    atRest: null,
    phases: null,
    spikes: null,
    layerSpikes: null,
    synapticOperations: null,
    imageOperations: null,
    hash: null,
    profile: null,
    raster: null,
  });
  snn.dispose();
});

test.each<[SimulateOptions, RegExp]>([
  [{ neuron: 'if' }, /neuron if .*use neuron cif/],
  [{ neuron: 'signed' }, /neuron signed/],
  [{ neuron: 'burst' }, /neuron burst with gamma 5/],
  [{ gamma: 2 }, /gamma 2/],
  [{ upperBound: false }, /no upper bound/],
  [{ sleep: 0 }, /without sleep: use sleep "auto"/],
  [{ sleep: 100 }, /a sleep of 100 steps/],
])('refused where the theorem does not hold: %j', async (options, message) => {
  const { snn, images, count } = await load(3, 'int8');
  await expect(snn.simulate(images, count, { ...options, mode: 'rest' })).rejects.toMatchObject({
    code: 'ERR_CASC_ARGUMENT',
    where: { option: 'mode' },
    message: expect.stringMatching(message),
  });
  snn.dispose();
});

test('refused in float32', async () => {
  const { snn, images, count } = await load(3, 'float32');
  await expect(snn.simulate(images, count, { mode: 'rest' })).rejects.toMatchObject({
    code: 'ERR_CASC_ARGUMENT',
    message: expect.stringMatching(/float32.*use format int8 or int16/),
  });
  snn.dispose();
});

test.each([
  [{ mode: 'rest', everyStep: true }, 'everyStep'],
  [{ mode: 'rest', profile: true }, 'profile'],
  [{ mode: 'rest', oracle: true }, 'oracle'],
  [{ mode: 'rest', certify: 3 }, 'certify'],
  [{ mode: 'rest', verify: 0 }, 'verify'],
  [{ mode: 'rest', verify: 1.5 }, 'verify'],
  [{ mode: 'rest', verify: Number.NaN }, 'verify'],
  [{ mode: 'rest', verify: '1' }, 'verify'],
  [{ verify: 0.5 }, 'verify'],
  [{ mode: 'fast' }, 'mode'],
  [{ mode: 'rest', threads: 0 }, 'threads'],
])('options that do not go together: %j', async (options, option) => {
  const { snn, images, count } = await load(3, 'int8');
  await expect(snn.simulate(images, count, options as unknown as RestOptions)).rejects.toMatchObject({
    code: 'ERR_CASC_ARGUMENT',
    where: { option },
  });
  snn.dispose();
});

test('a sample is spread evenly, the same every time, and its size is rounded up', async () => {
  const { snn, images } = await load(5, 'int8');
  const many = new Float32Array(20 * snn.inputSize).map((_, i) => images[i % images.length]!);
  for (const [verify, expected] of [
    [0.01, 1],
    [0.11, 3],
    [0.5, 10],
    [1, 20],
  ] as const) {
    const { certificate } = await snn.simulate(many, 20, { mode: 'rest', verify });
    expect(certificate).toMatchObject({ images: expected, mismatches: 0 });
  }
  snn.dispose();
});

/** Changes what the engine's simulation is given and gives, behind the back of every check. */
function tamper(snn: SpikingNetwork, change: (run: NativeSpikingPlan['run']) => NativeSpikingPlan['run']): void {
  const held = snn as unknown as { plan: NativeSpikingPlan };
  const { plan } = held;
  const run = change(plan.run.bind(plan));
  held.plan = { run, rest: plan.rest.bind(plan), dispose: () => plan.dispose() } as NativeSpikingPlan;
}

test('a simulation that differs is found', async () => {
  const { snn, images, count } = await load(5, 'int8');
  tamper(snn, (run) => (values, n, options) => {
    return run(values, n, { ...options, schedule: { ...options.schedule, sleep: 0 } });
  });
  const { certificate } = await snn.simulate(images, count, { mode: 'rest', verify: 1 });
  expect(certificate!.mismatches).toBeGreaterThan(0);
  expect(certificate!.failedImages).toBeGreaterThan(0);
  expect(certificate!.first!.snnCount).not.toBe(certificate!.first!.annCount);
  snn.dispose();
});

test('a divergence in the sample has its place in the batch', async () => {
  const { snn, images } = await load(5, 'int8');
  const many = new Float32Array(20 * snn.inputSize).map((_, i) => images[i % images.length]!);
  tamper(snn, (run) => async (values, n, options) => ({
    ...(await run(values, n, options)),
    firsts: [null, null, { layer: 1, neuron: 0, snn: 1, ann: 2, lastSpike: null }],
  }));
  const { certificate } = await snn.simulate(many, 20, { mode: 'rest', verify: 0.11 });
  expect(certificate!.first!.image).toBe(verifiedImages(20, 0.11)[2]);
  expect(certificate!.first!.image).toBeGreaterThan(12);
  snn.dispose();
});

test('an abort ends a rest, and the images may change while it runs', async () => {
  const { snn, images, count } = await load(5, 'int8');
  const expected = await snn.simulate(images, count, { mode: 'rest' });
  const mine = images.slice();
  const running = snn.simulate(mine, count, { mode: 'rest', verify: 1 });
  mine.fill(0);
  expect(await running).toMatchObject({ outputs: expected.outputs, certificate: { mismatches: 0 } });
  const signal = AbortSignal.abort(new Error('enough'));
  await expect(snn.simulate(images, count, { mode: 'rest', signal })).rejects.toThrow('enough');
  snn.dispose();
  await expect(snn.simulate(images, count, { mode: 'rest' })).rejects.toMatchObject({ code: 'ERR_CASC_DISPOSED' });
});
