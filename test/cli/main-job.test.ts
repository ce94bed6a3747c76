/** The commands on the net in the box. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Evaluation, LevelsCalibration } from '../../lib';
import { writeNpy } from '../../lib/datasets';
import { box, casc, temporaryFolder } from '../support/casc';

const folder = temporaryFolder();
const q8 = join(box, 'fashion-mnist-q8.onnx');
const relu = join(box, 'fashion-mnist-relu.onnx');
const scaling = ['--mean', '0.2860', '--std', '0.3530'];
const json = <T>(path: string) => JSON.parse(readFileSync(path, 'utf8')) as T;

test('quantize an fp32 net, evaluate it beside the original, certified', () => {
  const quantised = join(folder, 'int8.onnx');
  const made = casc([
    'quantize',
    relu,
    '-o',
    quantised,
    '--levels',
    '16',
    '--format',
    'int8',
    '--calibration',
    `mnist:${box}`,
    '--samples',
    '200',
    ...scaling,
  ]);
  expect(made.stderr).toBe('');
  expect(made.status).toBe(0);

  const report = join(folder, 'report.json');
  const result = casc([
    'evaluate',
    quantised,
    '--data',
    `mnist:${box}`,
    '--ann',
    relu,
    '--limit',
    '300',
    '--json',
    report,
  ]);
  expect(result.stderr).toBe('');
  expect(result.status).toBe(0);
  expect(result.stdout).toMatch(/certified: .*int8\.onnx in int8/);
  const figures = json<Evaluation>(report);
  expect(figures.exact).toMatchObject({ certified: true, mismatches: 0, images: 300 });
  expect(figures.snn.top1).toBe(figures.quantized.top1);
  expect(figures.snn.top1PerStep.at(-1)!.top1).toBe(figures.snn.top1);
  expect(figures.ann!.top1).toBeGreaterThan(0.9);
  expect(figures.snn.top1).toBeGreaterThan(0.85);
  expect(figures.steps.notAtRest).toBe(0);
});

test('split channels: more neurons, the report says of which layer, and certified still', () => {
  const split = join(folder, 'split.onnx');
  const common = ['--levels', '4', '--format', 'int8', '--calibration', `mnist:${box}`, '--samples', '64', ...scaling];
  const made = casc(['quantize', relu, '-o', split, ...common, '--method', 'refit', '--split', '0.5']);
  expect(made.stderr).toBe('');
  expect(made.status).toBe(0);
  expect(made.stdout).toMatch(/^activation +clip value +neurons +largest seen/);
  const factors = [...made.stdout.matchAll(/× (\d+\.\d\d)/g)].map(([, factor]) => Number(factor));
  expect(factors.length).toBeGreaterThan(0);
  expect(Math.max(...factors)).toBeGreaterThan(1);
  const result = casc(['evaluate', split, '--data', `mnist:${box}`, '--ann', relu, '--limit', '100']);
  expect(result.stderr).toBe('');
  expect(result.status).toBe(0);
  expect(result.stdout).toMatch(/certified: .*split\.onnx in int8/);

  const report = join(folder, 'levels.json');
  const swept = casc([
    ...['calibrate', relu, '--data', `mnist:${box}`, '--limit', '32', ...common],
    ...['--method', 'refit', '--split', '0.5', '--json', report],
  ]);
  expect(swept.stderr).toBe('');
  expect(swept.status).toBe(0);
  expect(json<LevelsCalibration>(report)).toMatchObject({ images: 32, points: [{ levels: 4 }] });
});

test('the same command gives the same bytes', () => {
  const paths = [1, 2].map((threads) => {
    const path = join(folder, `twice${threads}.onnx`);
    const args = [
      'quantize',
      relu,
      '-o',
      path,
      '--levels',
      '8',
      '--calibration',
      `mnist:${box}`,
      '--samples',
      '64',
      ...scaling,
      '--threads',
      String(threads),
    ];
    expect(casc(args).status).toBe(0);
    return readFileSync(path);
  });
  expect(paths[0]!.equals(paths[1]!)).toBe(true);
});

test('calibrate: the table, and the same figures as JSON', () => {
  const args = ['calibrate', relu, '--calibration', `mnist:${box}`, '--data', `mnist:${box}`, '--samples', '64'];
  const more = [...args, '--limit', '40', '--levels', '2,16', '--loss', '2.5', ...scaling];
  const path = join(folder, 'levels.json');
  const shown = casc([...more, '--json', path]);
  expect(shown.stderr).toBe('');
  expect(shown.status).toBe(0);
  expect(shown.stdout).toMatch(/^smallest T within 2\.50 points of top-1 of fp32: 16$/m);
  const figures = json<LevelsCalibration>(path);
  expect(figures).toMatchObject({ images: 40, judgedBy: 'top-1', allowedLoss: 0.025, smallest: 16 });
  expect(JSON.parse(casc([...more, '--json', '-']).stdout)).toEqual(figures);
  expect(casc([...more, '--agreement']).stdout).toMatch(/points of agreement of fp32/);

  expect(casc([...more, '--levels', '0'])).toMatchObject({ status: 2 });
  expect(casc([...more, '--loss', '101'])).toMatchObject({ status: 2 });
  expect(casc(['calibrate', q8, ...more.slice(2)])).toMatchObject({
    status: 2,
    stderr: expect.stringContaining('is quantised already'),
  });
});

test('exit code 3 where the certificate fails', () => {
  const result = casc([
    'evaluate',
    q8,
    '--format',
    'int16',
    '--data',
    `mnist:${box}`,
    '--limit',
    '20',
    ...scaling,
    '--sleep',
    '0',
    '--certify',
    'all',
  ]);
  expect(result.status).toBe(3);
  expect(result.stdout).toMatch(/NOT CERTIFIED: .*layer .*neuron \d+, image .*: SNN -?\d+, ANN \d+/);
});

test('a baseline is not certified and is no failure', () => {
  const result = casc([
    'evaluate',
    q8,
    '--format',
    'int16',
    '--data',
    `mnist:${box}`,
    '--limit',
    '20',
    ...scaling,
    '--neuron',
    'if',
    '--sleep',
    '0',
  ]);
  expect(result.status).toBe(0);
  expect(result.stdout).toContain('not certified');
  expect(result.stdout).toContain('not loss-free');
});

test('stagger is certified too, with fewer spikes in more steps', () => {
  const figures = ['0', '2'].map((stagger) => {
    const report = join(folder, `stagger${stagger}.json`);
    const result = casc([
      'evaluate',
      q8,
      '--format',
      'int8',
      '--data',
      `mnist:${box}`,
      '--limit',
      '50',
      ...scaling,
      '--stagger',
      stagger,
      '--json',
      report,
    ]);
    expect(result.status).toBe(0);
    return json<Evaluation>(report);
  });
  const [plain, staggered] = figures as [Evaluation, Evaluation];
  expect(staggered.exact).toMatchObject({ certified: true, mismatches: 0 });
  expect(staggered.snn.top1).toBe(plain.snn.top1);
  expect(staggered.spikes.negative).toBeLessThan(plain.spikes.negative);
  expect(staggered.steps.sleep.mean).toBeGreaterThan(plain.steps.sleep.mean);
});

test('simulate writes a trace', async () => {
  const input = join(folder, 'x.npy');
  const trace = join(folder, 'trace.json');
  await writeNpy(input, { shape: [2, 1, 28, 28], data: Float32Array.from({ length: 1568 }, (_, i) => Math.sin(i)) });
  const result = casc(['simulate', q8, '--input', input, '--trace', trace]);
  expect(result.status).toBe(0);
  const { steps, accumulatedOutput, spikeCounts, quiescentAt } = json<{
    steps: number;
    accumulatedOutput: number[][];
    spikeCounts: Record<string, number[]>;
    quiescentAt: number;
  }>(trace);
  expect(accumulatedOutput).toHaveLength(steps);
  expect(accumulatedOutput[0]).toHaveLength(20);
  expect(Object.keys(spikeCounts)).toHaveLength(5);
  expect(quiescentAt).toBe(steps);
});

test('inspect gives every node a verdict, as a table and as JSON', () => {
  const table = casc(['inspect', q8]);
  expect(table.status).toBe(0);
  expect(table.stdout).toMatch(/Conv +linear/);
  expect(table.stdout).toMatch(/MaxPool +pool/);
  expect(table.stdout).toMatch(/5 neuron/);
  const { convertible, nodes } = JSON.parse(casc(['inspect', q8, '--json']).stdout) as {
    convertible: boolean;
    nodes: unknown[];
  };
  expect(convertible).toBe(true);
  expect(nodes.length).toBeGreaterThan(20);
});

test('info names the instruction sets, and CASC_ISA forces one', () => {
  expect(casc(['info']).stdout).toMatch(/instruction sets +built .*scalar/);
  expect(casc(['info'], { CASC_ISA: 'scalar' }).stdout).toContain('in use scalar');
  const wrong = casc(['info'], { CASC_ISA: 'mmx' });
  expect(wrong.status).toBe(1);
  expect(wrong.stderr).toMatch(/"mmx" is not available.*ERR_CASC_ISA/s);
});
