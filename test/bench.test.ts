/** `npm run bench:peers` on the net in the box: no figure is asserted, only that the benchmark runs and what it prints. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { runNode } from './support/casc';

const root = join(__dirname, '..');
const script = join(root, 'build-bench', 'peers.js');
const peers = (args: string[], env: Record<string, string> = {}) => runNode(script, args, { CASC_ISA: '', ...env });

beforeAll(() => {
  const tsc = join(root, 'node_modules', '.bin', 'tsc');
  // The compiler does without a sanitiser's run-time library.
  const { LD_PRELOAD: _, ...env } = process.env;
  const { status, stdout } = spawnSync(tsc, ['-p', 'tsconfig.bench.json'], { cwd: root, env, encoding: 'utf8' });
  expect({ status, stdout }).toEqual({ status: 0, stdout: '' });
});

test('--json: where it ran, every round of both sides, and the certificate', () => {
  const { status, stdout } = peers(['box', '--rounds', '2', '--json'], { CASC_ISA: 'scalar' });
  expect(status).toBe(0);
  const seconds = [expect.any(Number), expect.any(Number)];
  const { results, ...where } = JSON.parse(stdout);
  expect(where).toEqual({
    machine: { cpu: expect.any(String), cores: expect.any(Number), load: expect.any(Number) },
    node: process.version,
    platform: `${process.platform}-${process.arch}`,
    version: expect.stringMatching(/^\d+\.\d+\.\d+/),
    isas: { built: expect.arrayContaining(['scalar']), found: expect.arrayContaining(['scalar']) },
    compiler: null,
    // Null outside a git checkout.
    commit: where.commit && expect.stringMatching(/^[0-9a-f]{7,}(-dirty)?$/),
    date: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
    onnxruntime: expect.stringMatching(/^\d+\./),
    rounds: 2,
    notMeasured: expect.any(Array),
  });
  expect(results).toEqual([
    expect.objectContaining({
      name: 'box',
      isa: 'scalar',
      threads: 2,
      batch: 8,
      levels: 8,
      format: 'int8',
      certificate: { certified: true, checkedNeurons: 8 * 33_722, mismatches: 0 },
      secondsPerBatch: { snn: seconds, onnxruntime: seconds },
      imagesPerSecond: { snn: expect.any(Number), onnxruntime: expect.any(Number) },
      otherLoad: expect.any(Number),
    }),
  ]);
  const [{ ratio, secondsPerBatch }] = results;
  const ratios = [0, 1].map((i) => secondsPerBatch.onnxruntime[i] / secondsPerBatch.snn[i]);
  expect(ratio.min).toBeCloseTo(Math.min(...ratios));
  expect(ratio.max).toBeCloseTo(Math.max(...ratios));
  expect(ratio.median).toBeCloseTo((ratios[0]! + ratios[1]!) / 2);
});

test('the table has a row per instruction set', () => {
  const { status, stdout } = peers(['box', '--rounds', '1'], { CASC_ISA: 'scalar' });
  expect(status).toBe(0);
  expect(stdout).toMatch(
    /^net +batch +threads +isa +SNN img\/s +ort img\/s +ratio +min\.\.max +other load +steps +certified neurons/m,
  );
  expect(stdout).toMatch(/^box +8 +2 +scalar .* 269,776 +\d\/8$/m);
});

test('missing data: one line a net, exit code 0, or 1 where the data are required', () => {
  const empty = { CASC_DATA: join(root, 'no', 'such', 'folder'), CASC_REQUIRE_DATA: '' };
  const missing = peers([], empty);
  expect(missing.status).toBe(0);
  expect(missing.stdout.match(/ not measured: no .*CASC_DATA/g)).toHaveLength(2);
  expect(peers([], { ...empty, CASC_REQUIRE_DATA: '1' }).status).toBe(1);
});

test.each([['--rounds', '0'], ['--rounds', 'two'], ['--fast'], ['one', 'two'], ['no such net']])(
  'wrong usage: %s %s',
  (...args) => {
    const { status, stdout, stderr } = peers(args);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).not.toBe('');
  },
);
