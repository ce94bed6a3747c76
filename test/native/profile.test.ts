/** The profile: what it says by layer and phase adds up to what the run says of itself. */
import * as fc from 'fast-check';
import { addon, type NativeLayerProfile, type PhaseProfile } from '../../lib/native';
import { randomImages, randomPlan, randomSchedule } from './plans';

const sum = (values: Iterable<number>) => [...values].reduce((total, value) => total + value, 0);
const phases = (profile: NativeLayerProfile[]) => profile.flatMap(({ wake, sleep }) => [wake, sleep]);
const stepsOf = ({ steps }: PhaseProfile) => sum(Object.values(steps));

test('spikes, additions and steps of all layers and phases', async () => {
  let asleep = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: 2 ** 31 - 1 }),
      fc.constantFrom('int8' as const, 'float32' as const),
      async (seed, format) => {
        const plan = randomPlan(seed, format);
        const schedule = randomSchedule(seed);
        const images = randomImages(seed, plan, 3);
        const native = new (addon().SpikingPlan)(plan);
        const options = { schedule, everyStep: false, counts: false, oracle: false, certify: 3 };
        const result = await native.run(images, 3, { ...options, threads: 2, profile: true });
        const plain = await native.run(images, 3, { ...options, threads: 2, profile: false });
        native.dispose();
        expect({ ...result, profile: null }).toEqual(plain);

        const profile = result.profile!.layers;
        expect(profile).toHaveLength(plan.layers.length);
        expect(sum(phases(profile).map(({ additions }) => additions))).toBe(sum(result.synapticOperations));
        expect(sum(profile.map(({ sleep }) => sleep.additions))).toBe(sum(result.operationsAsleep));
        const ordinals = plan.layers.flatMap((layer, i) => (layer.kind === 'neuron' ? [i] : []));
        ordinals.forEach((layer, ordinal) => {
          const ofLayer = (_: number, i: number) => i % ordinals.length === ordinal;
          const { wake, sleep } = profile[layer]!;
          expect(wake.spikes.positive + sleep.spikes.positive).toBe(sum(result.positive.filter(ofLayer)));
          expect(wake.spikes.negative + sleep.spikes.negative).toBe(sum(result.negative.filter(ofLayer)));
          asleep += sleep.spikes.positive;
        });
        for (const [i, { wake, sleep }] of profile.entries()) {
          expect(stepsOf(wake)).toBe(3 * schedule.wake);
          expect(stepsOf(sleep)).toBe(sum(result.sleepSteps));
          for (const { seconds, additions, spikes, steps } of [wake, sleep]) {
            expect(seconds).toBeGreaterThanOrEqual(0);
            expect(Math.min(...Object.values(steps))).toBeGreaterThanOrEqual(0);
            // The steps of a layer that waits are computed as one, with their sums.
            if (additions > 0 && schedule.stagger === 0)
              expect(steps.skip).toBeLessThan(stepsOf({ steps } as PhaseProfile));
            if (plan.layers[i]!.kind !== 'neuron') expect(spikes).toEqual({ positive: 0, negative: 0 });
          }
        }
        expect(sum(phases(profile).map(({ seconds }) => seconds))).toBeGreaterThan(0);
      },
    ),
    { numRuns: 150 },
  );
  expect(asleep).toBeGreaterThan(0);
});

test('what the first layer does awake is no event: its synapses are skipped', async () => {
  const plan = randomPlan(5, 'int8');
  const first = plan.layers.findIndex(({ kind }) => kind === 'neuron');
  const native = new (addon().SpikingPlan)({ ...plan, layers: plan.layers.slice(0, first + 1) });
  const options = { threads: 1, everyStep: false, counts: false, oracle: false, certify: 0, profile: true };
  const result = await native.run(randomImages(5, plan, 1), 1, { ...options, schedule: randomSchedule(5) });
  native.dispose();
  expect(result.profile!.layers.at(-1)!.wake).toMatchObject({ additions: 0, steps: { scatter: 0 } });
});
