/** The raster of an evaluation: of which image it is, and that nothing but the images decides on it. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { evaluate, mergeJournals } from '../../lib/evaluate';
import { rasterOptions } from '../../lib/evaluate/raster';
import { type ImageRecord, isFailed } from '../../lib/evaluate/record';
import { addon } from '../../lib/native';
import { type ScheduleOptions, SpikingNetwork } from '../../lib/simulate';
import { temporaryFolder } from '../support/casc';
import { classifier, dataset, SIZE } from './small';
import { annotated, decoder, detector } from './small-detector';

const folder = temporaryFolder();
let snn: SpikingNetwork;
beforeAll(() => {
  snn = classifier();
});
afterAll(() => snn.dispose());

const recordsOf = (journal: string): ImageRecord[] =>
  readFileSync(journal, 'utf8')
    .trimEnd()
    .split('\n')
    .slice(1)
    .map((line) => JSON.parse(line) as ImageRecord);
/** Positions of the images whose records have a raster. */
const having = (journal: string) =>
  recordsOf(journal).flatMap((record) => (!isFailed(record) && record.run?.raster ? [record.at] : []));

test.each<ScheduleOptions>([{ margin: 2 }, { neuron: 'burst', sleep: 4 }, { stagger: 2 }])(
  'of the first image, as its own simulation has it, whatever the batch, the threads and the instruction set: %j',
  async (options) => {
    let image = new Float32Array(0);
    for await (const { images } of dataset(7).batches(1)) {
      image = images.slice(0, SIZE);
      break;
    }
    const alone = await snn.simulate(image, 1, { ...options, raster: { neurons: 8, steps: 500 } });
    const sleep = [...alone.phases.sleepSteps];
    const layers = alone.raster!.map(({ layer: _, ...raster }) => raster);
    const expected = { image: 'image 0', sleep, steps: alone.steps.length, layers };
    expect(layers).toHaveLength(4);
    expect(Math.min(...layers.map(({ neurons }) => neurons.length))).toBeGreaterThan(0);
    for (const [batchSize, threads] of [
      [1, 1],
      [1, 2],
      [3, 2],
      [7, 1],
    ] as const) {
      expect((await evaluate(snn, dataset(7), { ...options, batchSize, threads })).raster).toEqual(expected);
    }
    for (const isa of addon().info().found) {
      const other = SpikingNetwork.from(snn.converted.network, {
        format: 'int8',
        inputRange: { min: -3, max: 3 },
        isa,
      });
      expect((await evaluate(other, dataset(3), options)).raster).toEqual(expected);
      other.dispose();
    }
  },
);

test('one record of a journal has it, also where lines were taken out and images evaluated anew', async () => {
  const journal = join(folder, 'run.jsonl');
  const again = () => evaluate(snn, dataset(9), { journal, batchSize: 2 });
  const whole = await again();
  expect(whole.raster).toMatchObject({ image: 'image 0' });
  expect(having(journal)).toEqual([0]);
  const lines = readFileSync(journal, 'utf8').split('\n');
  for (const gone of [0, 1, 5]) {
    writeFileSync(journal, lines.filter((_, i) => i !== gone + 1).join('\n'));
    expect((await again()).raster).toEqual(whole.raster);
    expect(having(journal)).toEqual([0]);
  }
});

test('where the first images cannot be read, of the first one that can; shards merged have the same one', async () => {
  const net = detector();
  const data = await annotated(net, 8, { unreadable: [0, 1, 4] });
  const options = { detection: { decoder } };
  const { raster } = await evaluate(net, data, options);
  expect(raster).toMatchObject({ image: 'image 2' });
  const journals = [1, 2, 3].map((index) => join(folder, `shard-${index}.jsonl`));
  for (const [i, journal] of journals.entries()) {
    await evaluate(net, data, { ...options, journal, shard: { index: i + 1, of: 3 }, batchSize: 1 });
  }
  expect(journals.map(having)).toEqual([[3], [7], [2]]);
  for (const order of [journals, [...journals].reverse()]) {
    expect((await mergeJournals(order)).raster).toEqual(raster);
  }
  net.dispose();
});

test('of a long run the beginning; of many layers fewer neurons; in mode rest none', async () => {
  const { raster, steps } = await evaluate(snn, dataset(2), { wake: 127, margin: 1 });
  const total = 127 + raster!.sleep.reduce((sum, n) => sum + n, 0);
  expect(total).toBeGreaterThan(500);
  expect(steps.wake).toBe(127);
  const spikes = raster!.layers.flatMap(({ trains }) => trains.flat());
  expect(Math.max(...spikes.map(([step]) => step))).toBeLessThanOrEqual(500);
  expect(raster!.steps).toBe(500);

  expect([1, 12, 13, 96, 200].map((layers) => rasterOptions(layers).neurons)).toEqual([8, 8, 7, 1, 1]);
  expect((await evaluate(snn, dataset(2), { mode: 'rest' })).raster).toBeNull();
});

test.each([
  [{ neurons: 0, steps: 1 }, 'raster.neurons'],
  [{ neurons: 1, steps: 1.5 }, 'raster.steps'],
])('a wrong raster is named: %j', async (raster, option) => {
  await expect(snn.simulate(new Float32Array(SIZE), 1, { raster })).rejects.toMatchObject({
    code: 'ERR_CASC_ARGUMENT',
    where: { option },
  });
  await expect(snn.simulate(new Float32Array(SIZE), 1, { mode: 'rest', raster } as never)).rejects.toMatchObject({
    where: { option: 'raster' },
  });
});
