/** The evaluation of a detector, killed at random moments and shared by two processes, as a classifier's (journal.test.ts). */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DetectionEvaluation } from '../../lib';
import { smallCoco } from '../evaluate/small-coco';
import { casc, temporaryFolder } from '../support/casc';
import { killAtRandom, records, seeded } from '../support/killed';

const IMAGES = 80;
const folder = temporaryFolder();
const at = (name: string) => join(folder, name);
const untimed = (name: string) => ({
  ...(JSON.parse(readFileSync(at(name), 'utf8')) as DetectionEvaluation),
  throughput: null,
});

test(`kill -9 at five random moments, then resumed; and two shards merged: the same JSON as of one run (${seeded})`, async () => {
  const { evaluate, decoder } = await smallCoco(folder, IMAGES, 16);
  const detection = ['--decoder', decoder, '--score', '0.1', '--at', '5,200,500'];
  // Some seconds of one thread.
  const run = [...evaluate, ...detection, '--wake', '200', '--margin', '1', '--threads', '1'];
  const whole = casc([...run, '--json', at('whole.json')]);
  expect(whole).toMatchObject({ status: 0, stderr: '' });
  const expected = untimed('whole.json');
  expect(expected).toMatchObject({ images: IMAGES, objects: 3 * IMAGES, exact: { certified: true, images: IMAGES } });
  expect(expected.snn.perStep!.map(({ step }) => step)).toEqual([5, 200, 500]);
  expect(expected.snn.perStep![0]!.figures).not.toEqual(expected.snn.figures);

  const journal = at('killed.jsonl');
  const resumable = [...run, '--journal', journal];
  const left = await killAtRandom(resumable, journal, IMAGES, 5);
  expect(left).toHaveLength(5);
  expect(casc([...resumable, '--json', at('killed.json')])).toMatchObject({ status: 0, stderr: '' });
  expect(untimed('killed.json')).toEqual(expected);
  expect(records(journal)).toBe(IMAGES);

  const shards = [1, 2].map((i) => at(`${i}.jsonl`));
  for (const [i, shard] of shards.entries()) {
    expect(casc([...run, '--journal', shard, '--shard', `${i + 1}/2`]).status).toBe(0);
  }
  const merged = casc(['merge', ...shards, '--json', at('merged.json')]);
  expect(merged).toMatchObject({ status: 0, stderr: '' });
  expect(merged.stdout.replace(/throughput.*/, '')).toBe(whole.stdout.replace(/throughput.*/, ''));
  expect(untimed('merged.json')).toEqual(expected);
});
