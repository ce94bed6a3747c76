/** `casc evaluate --journal` as its users meet it: killed, interrupted, out of disk, of a file that changed; and `casc merge`. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import sharp from 'sharp';
import type { Evaluation } from '../../lib';
import { box, casc, main, temporaryFolder } from '../support/casc';
import { killAtRandom, records, seeded, started } from '../support/killed';

const folder = temporaryFolder();
const q8 = join(box, 'fashion-mnist-q8.onnx');
const ann = join(box, 'fashion-mnist-relu.onnx');
const scaling = ['--mean', '0.2860', '--std', '0.3530', '--format', 'int8'];
const data = `mnist:${box}`;
/** Some seconds of one thread. */
const slow = [
  'evaluate',
  q8,
  '--data',
  data,
  ...scaling,
  '--ann',
  ann,
  '--wake',
  '48',
  '--margin',
  '1',
  '--threads',
  '1',
];
const quick = ['evaluate', q8, '--data', data, ...scaling, '--limit', '200'];

const untimed = (file: string) => ({ ...(JSON.parse(readFileSync(file, 'utf8')) as Evaluation), throughput: null });
const at = (name: string) => join(folder, name);

test(`kill -9 at ten random moments, then resumed; and two shards merged: the same JSON as of one run (${seeded})`, async () => {
  const whole = casc([...slow, '--json', at('whole.json')]);
  expect(whole.stderr).toBe('');
  expect(whole.status).toBe(0);
  const expected = untimed(at('whole.json'));
  expect(expected.snn.anytime).toHaveLength(48);

  const journal = at('killed.jsonl');
  const resumable = [...slow, '--journal', journal];
  const left = await killAtRandom(resumable, journal, 1000, 10);
  expect(left).toHaveLength(10);
  expect(left.at(-1)).toBeGreaterThan(0);
  expect(casc([...resumable, '--json', at('killed.json')]).status).toBe(0);
  expect(untimed(at('killed.json'))).toEqual(expected);
  expect(records(journal)).toBe(1000);

  const shards = [1, 2].map((i) => at(`${i}.jsonl`));
  for (const [i, shard] of shards.entries()) {
    expect(casc([...slow, '--journal', shard, '--shard', `${i + 1}/2`]).status).toBe(0);
  }
  const merged = casc(['merge', ...shards, '--json', at('merged.json')]);
  expect(merged.stderr).toBe('');
  expect(merged.status).toBe(0);
  expect(merged.stdout.replace(/throughput.*/, '')).toBe(whole.stdout.replace(/throughput.*/, ''));
  expect(untimed(at('merged.json'))).toEqual(expected);
  const half = casc(['merge', shards[1]!]);
  expect(half).toMatchObject({
    status: 1,
    stdout: '',
    stderr: expect.stringMatching(/shard 1\/2 is missing.*ERR_CASC_JOURNAL/),
  });
});

test('Ctrl-C: the images in hand, their table, exit code 130, no file but the journal; a second one ends at once', async () => {
  const journal = at('interrupted.jsonl');
  const report = at('interrupted.json');
  const page = at('interrupted.html');
  const { child, texts, ended } = await started(
    [...slow, '--journal', journal, '--json', report, '--report', page],
    journal,
    32,
  );
  child.kill('SIGINT');
  expect((await ended)[0]).toBe(130);
  const done = records(journal);
  expect(done % 32).toBe(0);
  const ends = 'casc: ends after the images in hand; Ctrl-C again: at once\n';
  expect(texts.err).toBe(`${ends}casc: interrupted after ${done} of 1000 images\n`);
  expect(texts.out).toContain(`${done} of 1,000 images of mnist`);
  expect(texts.out).toMatch(/\nSNN, at the end /);
  expect(texts.out).toContain(`INTERRUPTED: ${1000 - done} images still to be evaluated`);
  expect(existsSync(report)).toBe(false);
  expect(existsSync(page)).toBe(false);
  // A batch that takes a minute.
  const endless = [...quick, '--wake', '3000', '--margin', '1', '--journal', at('endless.jsonl')];
  const again = await started(endless, at('endless.jsonl'), 0);
  await wait(1500); // late enough that the batch is in hand, long before it is done
  again.child.kill('SIGINT');
  while (again.texts.err === '') await wait(10);
  expect(again.texts.err).toBe(ends);
  again.child.kill('SIGINT');
  expect(await again.ended).toEqual([null, 'SIGINT']);
  expect(again.texts.out).toBe('');
});

test('a full disk: what is computed is kept, and the run goes on where there is room', () => {
  const journal = at('full.jsonl');
  const limited = ['-c', 'ulimit -f 80; exec "$@"', 'bash', process.execPath, main, ...quick, '--journal', journal];
  const { status, stderr, stdout } = spawnSync('bash', limited, { encoding: 'utf8' });
  expect(stderr).toMatch(/full\.jsonl cannot be written: .*The records before are safe.*\[ERR_CASC_FILE\]/);
  expect(status).toBe(1);
  expect(stdout).toBe('');
  const kept = records(journal);
  expect(kept).toBeGreaterThanOrEqual(32);
  expect(readFileSync(journal, 'utf8').endsWith('\n')).toBe(true);
  expect(casc([...quick, '--journal', journal, '--json', at('full-1.json')]).status).toBe(0);
  expect(casc([...quick, '--json', at('full-2.json')]).status).toBe(0);
  expect(untimed(at('full-1.json'))).toEqual(untimed(at('full-2.json')));
});

test('a model file that changed, and another setting, are refused; nothing is written', () => {
  const net = at('net.onnx');
  copyFileSync(q8, net);
  const journal = at('changed.jsonl');
  const args = ['evaluate', net, '--data', data, ...scaling, '--limit', '40', '--journal', journal];
  expect(casc(args).status).toBe(0);
  const { size } = statSync(journal);
  const other = casc([...args, '--stagger', '1']);
  expect(other).toMatchObject({
    status: 1,
    stdout: '',
    stderr: expect.stringMatching(/stagger 0, now 1.*ERR_CASC_JOURNAL/),
  });
  // Same net, other bytes: a trailing unknown field of the protobuf.
  writeFileSync(net, Buffer.concat([readFileSync(q8), Buffer.from([0xc2, 0x3e, 0x01, 0x61])]));
  const changed = casc(args);
  expect(changed.stderr).toMatch(/changed\.jsonl is the journal of another evaluation: model \(SHA-256\) .*, now /);
  expect(changed).toMatchObject({ status: 1, stdout: '' });
  expect(statSync(journal).size).toBe(size);
});

describe('images that cannot be read', () => {
  const images = at('images');
  const args = ['evaluate', q8, '--data', `imagenet:${images}`, ...scaling, '--channels', 'gray'];
  beforeAll(async () => {
    mkdirSync(images);
    const labels: string[] = [];
    for (let i = 0; i < 12; i++) {
      const image = sharp({ create: { width: 28, height: 28, channels: 3, background: { r: 20 * i, g: 9, b: 99 } } });
      await image.png().toFile(join(images, `${String(i).padStart(2, '0')}.png`));
      labels.push(`${String(i).padStart(2, '0')}.png ${i % 10}`);
    }
    writeFileSync(join(images, 'labels.txt'), `${labels.join('\n')}\n`);
    // The first is no image, one is cut off, one is missing.
    writeFileSync(join(images, '00.png'), 'no image');
    writeFileSync(join(images, '05.png'), readFileSync(join(images, '04.png')).subarray(0, 60));
    rmSync(join(images, '07.png'));
  });

  test('fail: named before or when it is met', () => {
    const missing = casc(args);
    expect(missing).toMatchObject({
      status: 1,
      stdout: '',
      stderr: expect.stringMatching(/07\.png does not exist.*ERR_CASC_IMAGE/),
    });
    const corrupt = casc(args.map((arg) => (arg === `imagenet:${images}` ? `imagenet:${images}#labels.txt` : arg)));
    expect(corrupt.status).toBe(1);
  });

  test('skip: named, counted, in the journal, and said by the exit code', () => {
    const journal = at('skipped.jsonl');
    const { status, stdout, stderr } = casc([
      ...args,
      '--on-error',
      'skip',
      '--journal',
      journal,
      '--json',
      at('skipped.json'),
    ]);
    expect(stderr).toBe('');
    expect(stdout).toContain('9 of 12 images of imagenet images');
    expect(stdout).toContain('SKIPPED: 3 images could not be read: 00.png, 05.png, 07.png');
    expect(status).toBe(1);
    const result = untimed(at('skipped.json'));
    expect(result).toMatchObject({ images: 9, selected: 12, exact: { images: 9, certified: true } });
    expect(result.skipped.map(({ id, code }) => [id, code])).toEqual([
      ['00.png', 'ERR_CASC_IMAGE'],
      ['05.png', 'ERR_CASC_IMAGE'],
      ['07.png', 'ERR_CASC_IMAGE'],
    ]);
    expect(result.skipped[2]!.message).toMatch(/07\.png.*does not exist/);
    expect(records(journal)).toBe(12);
    const merged = casc(['merge', journal, '--json', '-']);
    expect(merged.status).toBe(1);
    expect({ ...JSON.parse(merged.stdout), throughput: null }).toEqual(result);
  });

  test('an image that has changed since is named; without its line it is evaluated again', async () => {
    const journal = at('repaired.jsonl');
    const again = [...args, '--on-error', 'skip', '--journal', journal];
    casc(again);
    const [header, ...lines] = readFileSync(journal, 'utf8').split('\n');
    copyFileSync(join(images, '04.png'), join(images, '05.png'));
    const repaired = casc(again);
    expect(repaired).toMatchObject({ status: 1, stdout: '' });
    expect(repaired.stderr).toMatch(/image 05\.png has changed since .* 60 bytes, now \d+ bytes.*ERR_CASC_JOURNAL/);
    writeFileSync(journal, [header, ...lines.filter((line) => !line.includes('"05.png"'))].join('\n'));
    expect(casc(again).stdout).toContain('SKIPPED: 2 images could not be read: 00.png, 07.png');
    rmSync(join(images, '04.png'));
    expect(casc(again).stderr).toMatch(/image 04\.png has changed since .*, now missing/);
  });

  test('none that can be read is an error', () => {
    const broken = at('broken');
    mkdirSync(broken);
    writeFileSync(join(broken, 'a.png'), 'no image');
    writeFileSync(join(broken, 'labels.txt'), '0\n');
    const { status, stderr } = casc(['evaluate', q8, '--data', `imagenet:${broken}`, ...scaling, '--on-error', 'skip']);
    expect(status).toBe(1);
    expect(stderr).toMatch(/a\.png cannot be decoded.*ERR_CASC_IMAGE/);
  });
});

test.each([
  [['--shard', '3/2'], /Expected i\/n/],
  [['--shard', '1'], /Expected i\/n/],
  [['--on-error', 'retry'], /fail, skip/],
  [['--energy', '4.6'], /Expected two numbers/],
  [['--profile', '--journal', at('never.jsonl')], /profile does not go with a journal/],
])('wrong usage: %j', (args, message) => {
  const { status, stderr } = casc([...quick, ...args]);
  expect(status).toBe(2);
  expect(stderr).toMatch(message);
  expect(existsSync(at('never.jsonl'))).toBe(false);
});

test('no output replaces the journal, the net, or another output', () => {
  const journal = at('kept.jsonl');
  const refused = (args: string[]) => {
    const { status, stdout, stderr } = casc(args);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toMatch(/would be overwritten.*ERR_CASC_ARGUMENT/);
  };
  refused([...quick, '--journal', journal, '--json', journal]);
  refused([...quick, '--json', at('same'), '--report', at('same')]);
  const net = at('same.onnx');
  copyFileSync(q8, net);
  refused(['evaluate', net, '--data', data, ...scaling, '--report', net]);
  expect(readFileSync(net)).toEqual(readFileSync(q8));
  expect(casc([...quick, '--journal', journal]).status).toBe(0);
  const before = readFileSync(journal);
  refused(['merge', journal, '--json', journal]);
  expect(readFileSync(journal)).toEqual(before);
});

test('--energy: other prices, in evaluate and in merge', () => {
  const journal = at('energy.jsonl');
  const { stdout } = casc([...quick, '--energy', '2,0.5', '--journal', journal, '--json', '-']);
  const { energy, operations } = JSON.parse(stdout) as Evaluation;
  expect(energy.prices).toEqual({ multiplyAdd: 2e-12, addition: 5e-13 });
  expect(energy.snn).toBeCloseTo(operations.synaptic * 5e-13 + operations.firstLayerMacs * 2e-12, 20);
  expect(casc(['merge', journal, '--energy', '2,0.5']).stdout).toMatch(/2 pJ a multiply-add, 0\.5 pJ an addition/);
});
