/** The benchmarks in little: no speed is asserted, only that they run and what they print. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { runNode } from './support/casc';

const root = join(__dirname, '..');
const run = (script: string, args: string[], env: Record<string, string>) =>
  runNode(join(root, 'build-bench', script), args, { CASC_ISA: '', ...env });
const peers = (args: string[], env: Record<string, string> = {}) => run('peers.js', args, env);
const kernels = (args: string[], env: Record<string, string> = {}) =>
  run('kernels.js', ['--seconds', '0.005', ...args], env);

beforeAll(() => {
  const tsc = join(root, 'node_modules', '.bin', 'tsc');
  // The compiler does without a sanitiser's run-time library.
  const { LD_PRELOAD: _, ...env } = process.env;
  const { status, stdout } = spawnSync(tsc, ['-p', 'tsconfig.bench.json'], { cwd: root, env, encoding: 'utf8' });
  expect({ status, stdout }).toEqual({ status: 0, stdout: '' });
});

test('--json: where it ran, every round of all sides, the certificate, and the other tables', () => {
  const { status, stdout } = peers(['box', '--rounds', '2', '--json'], { CASC_ISA: 'scalar' });
  expect(status).toBe(0);
  const { throughput, latency, scaling, memory, int8Kernels, ...where } = JSON.parse(stdout);
  expect(where).toEqual({
    machine: { cpu: expect.any(String), cores: expect.any(Number), load: expect.any(Number) },
    node: process.version,
    platform: `${process.platform}-${process.arch}`,
    version: expect.stringMatching(/^\d+\.\d+\.\d+/),
    isas: { built: expect.arrayContaining(['scalar']), found: expect.arrayContaining(['scalar']) },
    compiler: expect.stringMatching(/\d+\.\d+/),
    flags: expect.any(String),
    // Null outside a git checkout.
    commit: where.commit && expect.stringMatching(/^[0-9a-f]{7,}(-dirty)?$/),
    date: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
    onnxruntime: expect.stringMatching(/^\d+\./),
    rounds: 2,
    notMeasured: expect.any(Array),
  });

  const seconds = [expect.any(Number), expect.any(Number)];
  const rates = { snn: expect.any(Number), fp32: expect.any(Number), int8: expect.any(Number) };
  const [plain, staggered, ...rest] = throughput;
  for (const [row, mode] of [
    [plain, 'stagger 0'],
    [staggered, 'stagger 2'],
  ]) {
    expect(row).toMatchObject({
      ...{ name: 'box', isa: 'scalar', threads: 2, mode, batch: 8, levels: 8, format: 'int8' },
      certificate: { certified: true, checked: 8 * 33_722, mismatches: 0 },
      secondsPerBatch: { snn: seconds, fp32: seconds, int8: seconds },
      imagesPerSecond: rates,
      sameTop1: { snn: expect.any(Number), int8: expect.any(Number) },
      additionsPerSecond: expect.any(Number),
      otherLoad: expect.any(Number),
    });
    for (const peer of ['fp32', 'int8']) {
      const ratios = [0, 1].map((i) => row.secondsPerBatch[peer][i] / row.secondsPerBatch.snn[i]);
      expect(row.ratio[peer].min).toBeCloseTo(Math.min(...ratios));
      expect(row.ratio[peer].max).toBeCloseTo(Math.max(...ratios));
      expect(row.ratio[peer].median).toBeCloseTo((ratios[0]! + ratios[1]!) / 2);
    }
  }
  expect(staggered.simulation.spikes.positive).toBeLessThan(plain.simulation.spikes.positive);
  expect(staggered.simulation.steps.sleep.mean).toBeGreaterThan(plain.simulation.steps.sleep.mean);
  const restRows = rest.map(({ mode, certificate }: { mode: string; certificate: object }) => ({ mode, certificate }));
  expect(restRows).toEqual([{ mode: 'rest', certificate: { certified: true, checked: 80, mismatches: 0 } }]);

  const sides = latency.map(({ side, threads }: { side: string; threads: number }) => `${side} ${threads}`);
  expect(sides).toEqual(expect.arrayContaining(['SNN stagger 0 1', 'SNN stagger 0 2', 'fp32 1', 'fp32 2', 'int8 1']));
  for (const { calls, milliseconds } of latency) {
    expect(calls).toBeGreaterThanOrEqual(2);
    expect(milliseconds.p95).toBeGreaterThanOrEqual(milliseconds.median);
  }
  expect(scaling).toContainEqual({
    ...{ name: 'box', isa: 'scalar', side: 'SNN stagger 0', batch: 8 },
    secondsPerBatch: { one: seconds, two: seconds },
    imagesPerSecond: { one: expect.any(Number), two: expect.any(Number) },
    ratio: { median: expect.any(Number), min: expect.any(Number), max: expect.any(Number) },
    otherLoad: expect.any(Number),
  });
  expect(memory).toEqual([{ name: 'box', batch: 8, threads: 2, isa: 'scalar', peakBytes: expect.any(Object) }]);
  const { node, library, loaded, run } = memory[0].peakBytes;
  expect(node).toBeGreaterThan(1e7);
  expect([node, library, loaded, run]).toEqual([node, library, loaded, run].sort((a, b) => a - b));
  expect(int8Kernels.box).toMatchObject({ QLinearConv: 5, QLinearAdd: 1, QGemm: 1 });
});

test('the tables are aligned, a row per setting', () => {
  const { status, stdout } = peers(['box', '--rounds', '1'], { CASC_ISA: 'scalar' });
  expect(status).toBe(0);
  expect(stdout).toMatch(/^net +batch +threads +isa +mode +SNN +fp32 +int8 +\/ fp32 +min\.\.max +\/ int8 /m);
  expect(stdout).toMatch(/^box +8 +2 +scalar +stagger 2 .* 269,776 neurons +\d\/8 +\d\/8$/m);
  expect(stdout).toMatch(/^net +isa +side +threads +median ms +p95 ms +calls +other load$/m);
  expect(stdout).toMatch(/^net +batch +isa +side +1 thread +2 threads +ratio +min\.\.max +other load$/m);
  expect(stdout).toMatch(/^box +8 +2 +scalar( +\d+\.\d){4}$/m);
});

test('missing data: one line a net, exit code 0, or 1 where the data are required', () => {
  const empty = { CASC_DATA: join(root, 'no', 'such', 'folder'), CASC_REQUIRE_DATA: '' };
  const missing = peers([], empty);
  expect(missing.status).toBe(0);
  expect(missing.stdout.match(/ not measured: no .*CASC_DATA/g)).toHaveLength(3);
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

describe('bench:kernels', () => {
  test('--json: where it ran, the roofs, and every row that has all filters in its name', () => {
    const { status, stdout } = kernels(['synapses', '3x3 16 to 16', '10 %', '--json'], { CASC_ISA: 'scalar' });
    expect(status).toBe(0);
    const { roofs, neurons, synapses, impossible, ...where } = JSON.parse(stdout);
    expect(where).toMatchObject({
      machine: { cpu: expect.any(String) },
      compiler: expect.stringMatching(/\d+\.\d+/),
      flags: expect.any(String),
      seconds: 0.005,
      otherLoad: expect.any(Number),
    });
    expect({ neurons, impossible }).toEqual({ neurons: [], impossible: [] });
    expect(roofs).toEqual({ scalar: { additions: expect.any(Number), macs: expect.any(Number) } });
    expect(synapses.map(({ path }: { path: string }) => path)).toEqual(['scatter', 'rows', 'dense']);
    const additions = new Set();
    for (const row of synapses) {
      const { path, seconds, additionsPerSecond, macsPerSecond, roofShare } = row;
      expect(row).toMatchObject({ isa: 'scalar', load: { phase: 'wake', steps: 8, density: 0.1 } });
      expect(macsPerSecond * seconds).toBeCloseTo(8 * 32 * 32 * 16 * 16 * 9, 0);
      additions.add(Math.round(additionsPerSecond * seconds));
      const share = path === 'dense' ? macsPerSecond / roofs.scalar.macs : additionsPerSecond / roofs.scalar.additions;
      expect(roofShare).toBeCloseTo(share);
    }
    // Whichever way they are computed.
    expect(additions.size).toBe(1);
  });

  test('tables are aligned, and say what cannot be computed', () => {
    const synapses = kernels(['stride 2', 'sleep', '128'], { CASC_ISA: 'scalar' });
    expect(synapses.status).toBe(0);
    expect(synapses.stdout).toMatch(/^isa +additions +multiply-adds\nscalar +\d+\.\d+ +\d+\.\d+$/m);
    expect(synapses.stdout).toMatch(/^convolution +phase +density +isa +path +us +Gadd\/s +GMAC\/s +roof$/m);
    expect(synapses.stdout).toMatch(/^3x3 128 to 256, 8x8 stride 2 +sleep +1 % +scalar +dense( +\d+\.\d+){3} +\d+ %$/m);
    expect(synapses.stdout).toContain('not measured, the path cannot compute these: 1 rows, such as synapses 3x3 128');
    const neurons = kernels(['neurons', 'int32 1000', '2 %'], { CASC_ISA: 'scalar' });
    expect(neurons.status).toBe(0);
    expect(neurons.stdout).toMatch(/^step +int32 +1000 +wake +1 +2 % +scalar +\d+\.\d\d +\d+\.\d$/m);
    expect(neurons.stdout).toMatch(/^train +int32 +1000 +wake +32 +2 % +scalar +\d+\.\d\d +\d+\.\d$/m);
  });

  test.each([['--seconds', '0'], ['--seconds', 'long'], ['--fast'], ['no such kernel']])(
    'wrong usage: %s %s',
    (...args) => {
      const { status, stdout, stderr } = kernels(args);
      expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
      expect(stderr).not.toBe('');
    },
  );
});
