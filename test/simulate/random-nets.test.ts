/** The loss-free theorem on random nets: SNN = quantised ANN exactly, whatever the threads, batches and instruction set. */
import fc from 'fast-check';
import { importModel } from '../../lib/graph';
import { addon } from '../../lib/native';
import { SpikingNetwork } from '../../lib/simulate';
import { randomNet } from '../support/random-net';

const RUNS = 200;

test(`SNN = quantised ANN in fixed point, on ${RUNS} random nets`, async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: 2 ** 31 }),
      fc.constantFrom('int8' as const, 'int16' as const),
      fc.integer({ min: 1, max: 4 }),
      async (seed, format, parts) => {
        const { model, images, count, levels, inputSize } = randomNet(seed, 3);
        const network = await importModel(model);
        const snn = SpikingNetwork.from(network, { format, inputRange: { min: -3, max: 3 } });
        const margin = Math.max(1, Math.floor(levels / parts));
        const options = { margin, certify: true, everyStep: true } as const;
        const result = await snn.simulate(images, count, { ...options, threads: 1 });
        expect(result.certificate).toMatchObject({ images: count, mismatches: 0, first: null });
        expect(result.atRest).toEqual(new Array(count).fill(true));
        expect([...result.outputs[0]!]).toEqual([...(await snn.simulate(images, count, { oracle: true })).oracle![0]!]);

        const two = await snn.simulate(images, count, { ...options, threads: 2 });
        expect([...two.hash]).toEqual([...result.hash]);
        expect([...two.accumulated]).toEqual([...result.accumulated]);

        const single = await snn.simulate(images.subarray(inputSize, 2 * inputSize), 1, options);
        expect(single.hash[0]).toBe(result.hash[1]);

        for (const isa of addon().info().found) {
          const other = SpikingNetwork.from(network, { format, inputRange: { min: -3, max: 3 }, isa });
          const { hash, accumulated } = await other.simulate(images, count, options);
          expect([...hash]).toEqual([...result.hash]);
          expect([...accumulated]).toEqual([...result.accumulated]);
          other.dispose();
        }
        snn.dispose();
      },
    ),
    { numRuns: RUNS, seed: 20241122 },
  );
});

test('a run without sleep is not loss-free, and the certificate says where', async () => {
  let failed = 0;
  for (let seed = 1; seed <= 10; seed++) {
    const { model, images, count } = randomNet(seed);
    const snn = SpikingNetwork.from(await importModel(model), { format: 'int16', inputRange: { min: -3, max: 3 } });
    const { certificate } = await snn.simulate(images, count, { sleep: 0, certify: true });
    if (certificate!.mismatches > 0) {
      failed++;
      const { first } = certificate!;
      expect(first).toMatchObject({ layer: expect.any(String), neuron: expect.any(Number), image: expect.any(Number) });
      expect(first!.snnCount).not.toBe(first!.annCount);
    }
    snn.dispose();
  }
  expect(failed).toBeGreaterThan(0);
});

test('stagger stays loss-free and takes fewer spikes', async () => {
  const total = { none: 0, some: 0 };
  for (const seed of [3, 14, 15, 92, 65, 35]) {
    const { model, images, count } = randomNet(seed);
    const snn = SpikingNetwork.from(await importModel(model), { format: 'int8', inputRange: { min: -3, max: 3 } });
    for (const stagger of [0, 0.5, 1, 2.5, 8]) {
      const { certificate, atRest, outputs, spikes } = await snn.simulate(images, count, { stagger, certify: true });
      expect(certificate!.mismatches).toBe(0);
      expect(atRest.every(Boolean)).toBe(true);
      expect([...outputs[0]!]).toEqual([...(await snn.simulate(images, count)).outputs[0]!]);
      if (stagger === 0) total.none += spikes.positive + spikes.negative;
      if (stagger === 2.5) total.some += spikes.positive + spikes.negative;
    }
    snn.dispose();
  }
  expect(total.some).toBeLessThan(total.none);
});

test('every sleep after t awake steps gives the net quantised at t levels', async () => {
  for (const seed of [3, 14, 15, 92]) {
    const { model, images, count } = randomNet(seed);
    const snn = SpikingNetwork.from(await importModel(model), { format: 'int8', inputRange: { min: -3, max: 3 } });
    for (let wake = 1; wake <= 6; wake++) {
      const { certificate, atRest } = await snn.simulate(images, count, { wake, margin: 1, certify: true });
      expect(certificate!.mismatches).toBe(0);
      expect(atRest.every(Boolean)).toBe(true);
    }
    snn.dispose();
  }
});

test('the vector kernels are in use where the CPU has them', () => {
  expect(addon().info().found).toContain(addon().info().isa);
});
