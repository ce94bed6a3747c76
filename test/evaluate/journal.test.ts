/** The journal as a file: taken up again, torn, damaged, of something else; and what merging makes of several. */
import { appendFileSync, copyFileSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EvaluateOptions, Evaluation } from '../../lib';
import { evaluate, evaluateImages, mergeJournals, readJournal } from '../../lib/evaluate';
import { SpikingNetwork } from '../../lib/simulate';
import { temporaryFolder } from '../support/casc';
import { classifier, dataset } from './small';

const IMAGES = 23;
const folder = temporaryFolder();
const untimed = ({ throughput: _, ...rest }: Evaluation) => rest;
const lines = (file: string) => readFileSync(file, 'utf8').split('\n').slice(0, -1);

let snn: SpikingNetwork;
let whole: ReturnType<typeof untimed>;
let complete: string;
beforeAll(async () => {
  snn = classifier();
  complete = join(folder, 'complete.jsonl');
  whole = untimed(await evaluate(snn, dataset(IMAGES), { margin: 2, journal: complete, batchSize: 4 }));
});
afterAll(() => snn.dispose());

const again = (journal: string, options: EvaluateOptions = {}) =>
  evaluate(snn, dataset(IMAGES), { margin: 2, journal, batchSize: 5, ...options });

let files = 0;
/** A copy of the complete journal, cut after so many bytes. */
function cut(bytes: number): string {
  const file = join(folder, `cut-${files++}.jsonl`);
  copyFileSync(complete, file);
  truncateSync(file, bytes);
  return file;
}

test('a journal changes no figure, and has a line for the header and for each image', async () => {
  expect(untimed(await evaluate(snn, dataset(IMAGES), { margin: 2 }))).toEqual(whole);
  expect(lines(complete)).toHaveLength(1 + IMAGES);
  expect(whole.raster!.image).toBe('image 0');
  expect(untimed((await mergeJournals([complete])) as Evaluation)).toEqual(whole);
});

test.each<EvaluateOptions>([
  { neuron: 'burst', certify: 'all' },
  { sleep: 0, certify: 'all' },
  { sleep: 3, margin: 4 },
  { neuron: 'if', wake: 9, certify: 5 },
  { gamma: 3, shift: 0.25, upperBound: false, certify: 'all' },
  { stagger: 2.5 },
  { certify: 'none' },
])('what is read from a journal is what was written: %j', async (options) => {
  for (const format of ['int8', 'float32'] as const) {
    const net = SpikingNetwork.from(snn.converted.network, { format, inputRange: { min: -3, max: 3 } });
    const journal = join(folder, `written-${files++}.jsonl`);
    const ann = snn.converted.network;
    const result = untimed(await evaluate(net, dataset(9), { ...options, ann, journal }));
    net.dispose();
    expect(untimed((await mergeJournals([journal])) as Evaluation)).toEqual(result);
    expect(JSON.parse(JSON.stringify(result))).toEqual(result);
  }
});

test('cut anywhere, it is taken up again: the same figures, and the records that were there stay', async () => {
  const bytes = readFileSync(complete);
  const header = bytes.indexOf('\n') + 1;
  for (const at of [0, 1, 40, header - 1, header, header + 1, header + 700, bytes.length - 500, bytes.length - 1]) {
    const file = cut(at);
    expect(untimed(await again(file))).toEqual(whole);
    const kept = bytes.subarray(0, at);
    const end = kept.lastIndexOf('\n') + 1;
    expect(readFileSync(file).subarray(0, end)).toEqual(kept.subarray(0, end));
    expect(lines(file)).toHaveLength(1 + IMAGES);
  }
});

test('a complete journal is evaluated no more', async () => {
  const before = readFileSync(complete);
  const simulate = jest.spyOn(snn, 'simulate');
  expect(untimed(await again(complete))).toEqual(whole);
  expect(simulate).not.toHaveBeenCalled();
  simulate.mockRestore();
  expect(readFileSync(complete)).toEqual(before);
});

test.each<[string, EvaluateOptions, RegExp]>([
  ['another schedule', { margin: 3 }, /margin 2, now 3/],
  ['another number of awake steps', { wake: 5 }, /wake 6, now 5/],
  ['another neuron', { neuron: 'burst' }, /neuron "cif", now "burst"/],
  ['another certificate', { certify: 3 }, /certify "all", now 3/],
  ['a shard', { shard: { index: 1, of: 2 } }, /shard none, now 1\/2/],
])('refused: %s', async (_, options, message) => {
  const before = readFileSync(complete);
  const journal = complete;
  await expect(evaluate(snn, dataset(IMAGES), { margin: 2, ...options, journal })).rejects.toMatchObject({
    code: 'ERR_CASC_JOURNAL',
    message: expect.stringMatching(message),
  });
  expect(readFileSync(complete)).toEqual(before);
});

test('refused: other data, another version, another net, another form', async () => {
  await expect(again(complete, {})).resolves.toBeDefined();
  await expect(evaluate(snn, dataset(22), { margin: 2, journal: complete })).rejects.toMatchObject({
    message: expect.stringMatching(/number of images 23, now 22/),
  });
  const others = { ...dataset(IMAGES), identity: async () => 'f'.repeat(64) };
  await expect(evaluate(snn, others, { margin: 2, journal: complete })).rejects.toMatchObject({
    message: expect.stringMatching(/data \(SHA-256 of ids, labels and record files\) "0+", now "f+"/),
  });
  await expect(again(complete, { ann: snn.converted.network })).rejects.toMatchObject({
    message: expect.stringMatching(/fp32 net \(SHA-256\) null, now /),
  });
  const change = async (from: string, to: string) => {
    const file = join(folder, `changed-${files++}.jsonl`);
    writeFileSync(file, readFileSync(complete, 'utf8').replace(from, to));
    return again(file);
  };
  const code = 'ERR_CASC_JOURNAL';
  await expect(change('"version":"', '"version":"9')).rejects.toMatchObject({
    code,
    message: expect.stringMatching(/version of casc-snn/),
  });
  const hash = snn.converted.network.hash;
  await expect(change(hash, hash.replaceAll(/./g, 'f'))).rejects.toMatchObject({
    code,
    message: expect.stringMatching(/model \(SHA-256\)/),
  });
  await expect(change('"format":1,', '"format":2,')).rejects.toMatchObject({
    message: expect.stringMatching(/form 2/),
  });
});

test('another file is left as it is', async () => {
  for (const text of ['my notes', 'my notes\nof today\n', '{"a":1}\n', '{"jour']) {
    const file = join(folder, 'notes.txt');
    writeFileSync(file, text);
    if (text === '{"jour') {
      await again(file); // a header that was cut off
      continue;
    }
    await expect(again(file)).rejects.toMatchObject({ code: 'ERR_CASC_JOURNAL' });
    expect(readFileSync(file, 'utf8')).toBe(text);
  }
  await expect(again('/dev/full')).rejects.toMatchObject({ code: 'ERR_CASC_FILE' });
  await expect(again(folder)).rejects.toMatchObject({ code: 'ERR_CASC_FILE' });
  await expect(again(join(folder, 'no', 'such.jsonl'))).rejects.toMatchObject({ code: 'ERR_CASC_FILE' });
});

test('a damaged line is named; a damaged last one is written anew', async () => {
  const rows = lines(complete);
  const file = join(folder, 'damaged.jsonl');
  const write = (...changed: string[]) => writeFileSync(file, `${changed.join('\n')}\n`);
  write(...rows.slice(0, 5), rows[5]!.slice(0, 50), ...rows.slice(6));
  await expect(again(file)).rejects.toMatchObject({
    message: expect.stringMatching(/line 6 is damaged: it is no JSON/),
  });
  write(...rows.slice(0, 5), rows[5]!.replace('"sleep":[', '"sleep":[-1,'), ...rows.slice(6));
  await expect(again(file)).rejects.toMatchObject({ message: expect.stringMatching(/line 6 is damaged: .*sleep/) });
  write(...rows, rows[3]!);
  await expect(again(file)).rejects.toMatchObject({ message: expect.stringMatching(/line 25 .*a record already/) });
  write(...rows, rows[3]!.replace(/"at":\d+/, '"at":23'));
  await expect(again(file)).rejects.toMatchObject({ message: expect.stringMatching(/does not belong/) });
  write(...rows.slice(0, 9), '\0\0\0\0');
  expect(untimed(await again(file))).toEqual(whole);
});

test('two evaluations do not share a journal', async () => {
  const file = join(folder, 'shared.jsonl');
  const first = evaluateImages(snn, dataset(IMAGES), { margin: 2, journal: file, batchSize: 2 });
  await first.next();
  appendFileSync(file, 'what someone else writes\n');
  const rest = (async () => {
    for await (const _ of first);
  })();
  await expect(rest).rejects.toMatchObject({
    code: 'ERR_CASC_JOURNAL',
    message: expect.stringMatching(/changed by someone else/),
  });
});

test('leaving the iterator, an abort and a stop keep what is done', async () => {
  const file = join(folder, 'left.jsonl');
  for await (const { at } of evaluateImages(snn, dataset(IMAGES), { margin: 2, journal: file, batchSize: 4 })) {
    if (at === 5) break;
  }
  expect(lines(file)).toHaveLength(1 + 8);
  const controller = new AbortController();
  const aborted = again(file, { batchSize: 3, signal: controller.signal, onProgress: () => controller.abort() });
  await expect(aborted).rejects.toMatchObject({ name: 'AbortError' });
  expect(lines(file)).toHaveLength(1 + 11);
  const stop = new AbortController();
  const stopped = await again(file, { batchSize: 3, stop: stop.signal, onProgress: () => stop.abort() });
  expect(stopped).toMatchObject({ images: 14, selected: IMAGES });
  expect(lines(file)).toHaveLength(1 + 14);
  const seen: number[] = [];
  const last = await again(file, {
    onProgress: ({ done, total, resumed }) => {
      expect([total, resumed]).toEqual([IMAGES, 14]);
      seen.push(done);
    },
  });
  expect(seen).toEqual([19, 23]);
  expect(untimed(last)).toEqual(whole);
  const never = new AbortController();
  never.abort();
  await expect(evaluate(snn, dataset(3), { stop: never.signal })).rejects.toMatchObject({ name: 'AbortError' });
});

describe('shards', () => {
  const shard = async (index: number, of: number, data = dataset(IMAGES)) => {
    const journal = join(folder, `${index}-of-${of}.jsonl`);
    const result = await evaluate(snn, data, { margin: 2, journal, shard: { index, of }, batchSize: 4 });
    return { journal, result };
  };

  test.each([1, 2, 3, 23])('%i of them merged are the one evaluation', async (of) => {
    const shards = [];
    for (let index = of; index >= 1; index--) shards.push(await shard(index, of));
    expect(shards.reduce((sum, { result }) => sum + result.images, 0)).toBe(IMAGES);
    for (const { result } of shards) expect(result).toMatchObject({ selected: result.images });
    expect(untimed((await mergeJournals(shards.map(({ journal }) => journal))) as Evaluation)).toEqual(whole);
  });

  test('gaps, duplicates and strangers are named', async () => {
    const [a, b] = [(await shard(1, 2)).journal, (await shard(2, 2)).journal];
    const code = 'ERR_CASC_JOURNAL';
    await expect(mergeJournals([a])).rejects.toMatchObject({
      code,
      message: expect.stringMatching(/^11 of 23 images have no record.*shard 2\/2 is missing/),
    });
    await expect(mergeJournals([a, b, a])).rejects.toMatchObject({
      code,
      message: expect.stringMatching(/image 0 is in .*1-of-2\.jsonl and in .*1-of-2\.jsonl/),
    });
    const torn = join(folder, 'torn.jsonl');
    copyFileSync(b, torn);
    truncateSync(torn, readFileSync(b).length - 3);
    await expect(mergeJournals([a, torn])).rejects.toMatchObject({
      code,
      message: expect.stringMatching(/^1 of 23 images have no record.*torn\.jsonl is not complete/),
    });
    const other = join(folder, 'other.jsonl');
    await evaluate(snn, dataset(IMAGES), { margin: 3, journal: other, shard: { index: 2, of: 2 } });
    await expect(mergeJournals([a, other])).rejects.toMatchObject({
      code,
      message: expect.stringMatching(/two evaluations: margin 2 and 3/),
    });
    await expect(mergeJournals([join(folder, 'none.jsonl')])).rejects.toMatchObject({ code: 'ERR_CASC_FILE' });
    const gone = AbortSignal.abort();
    await expect(mergeJournals([a, b], { signal: gone })).rejects.toMatchObject({ name: 'AbortError' });
    await expect(mergeJournals([])).rejects.toMatchObject({ code: 'ERR_CASC_ARGUMENT' });
  });

  test.each([
    { index: 0, of: 2 },
    { index: 3, of: 2 },
    { index: 1, of: 24 },
    { index: 1.5, of: 2 },
  ])('no shard: %j', async (wrong) => {
    await expect(evaluate(snn, dataset(IMAGES), { shard: wrong })).rejects.toMatchObject({
      code: 'ERR_CASC_ARGUMENT',
      where: { option: 'shard' },
    });
  });
});

test('mode rest has a journal too; verified images are the same in shards', async () => {
  const options = { mode: 'rest', verify: 0.3 } as const;
  const one = await evaluate(snn, dataset(IMAGES), options);
  const journals = [1, 2, 3].map((index) => join(folder, `rest-${index}.jsonl`));
  for (const [i, journal] of journals.entries()) {
    await evaluate(snn, dataset(IMAGES), { ...options, journal, shard: { index: i + 1, of: 3 } });
  }
  const { throughput: _, ...merged } = await mergeJournals(journals);
  const { throughput: __, ...expected } = one;
  expect(merged).toEqual(expected);
  expect(merged.exact).toMatchObject({ images: 7, certified: true });
});

test('a profile does not go with a journal', async () => {
  await expect(again(join(folder, 'p.jsonl'), { profile: true })).rejects.toMatchObject({
    where: { option: 'profile' },
  });
});

test('readJournal: header and records as they are on disk', async () => {
  const { header, records } = await readJournal(complete);
  expect(header).toEqual(JSON.parse(lines(complete)[0]!));
  const all = [];
  for await (const record of records) all.push(record);
  expect(all).toEqual(
    lines(complete)
      .slice(1)
      .map((line) => JSON.parse(line)),
  );
});
