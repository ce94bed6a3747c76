/** `casc compare` on the net in the box. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { MethodsComparison } from '../../lib';
import { box, casc, temporaryFolder } from '../support/casc';

const folder = temporaryFolder();
const relu = join(box, 'fashion-mnist-relu.onnx');
const images = ['--calibration', `mnist:${box}`, '--data', `mnist:${box}`, '--mean', '0.2860', '--std', '0.3530'];
const small = ['compare', relu, ...images, '--samples', '32', '--limit', '20', '--levels', '2,4'];

test('the table, and the same figures as JSON', () => {
  const path = join(folder, 'methods.json');
  const shown = casc([...small, '--json', path]);
  expect(shown).toMatchObject({ status: 0, stderr: '' });
  expect(shown.stdout).toMatch(/^CIF with sleep += \d+\.\d\d % +(?:= )\d+\.\d\d %$/m);
  expect(shown.stdout).toMatch(/^= equals the quantised ANN at all 20 images: CIF with sleep at T = 2, 4 \(/m);
  const figures = JSON.parse(readFileSync(path, 'utf8')) as MethodsComparison;
  expect(figures).toMatchObject({ images: 20, format: 'int8', rows: [{ levels: 2 }, { levels: 4 }] });
  for (const { methods } of figures.rows) {
    expect(Object.entries(methods).filter(([, { exact }]) => exact)).toHaveLength(1);
    expect(methods['cif-sleep'].exact).toBe(true);
  }
  expect(JSON.parse(casc([...small, '--json', '-']).stdout)).toEqual(figures);
});

test('--table markdown and csv', () => {
  const markdown = casc([...small, '--table', 'markdown']);
  expect(markdown).toMatchObject({ status: 0, stderr: '' });
  expect(markdown.stdout).toContain('| top-1 | T = 2 | T = 4 |\n| --- | --: | --: |\n| ANN, fp32 |');
  const csv = casc([...small, '--table', 'csv']);
  expect(csv).toMatchObject({ status: 0, stderr: '' });
  const lines = csv.stdout.trimEnd().split('\n');
  expect(lines).toHaveLength(1 + 2 * 8);
  expect(lines[0]).toMatch(/^levels,method,top1,top5,agreement,/);
});

test('wrong usage', () => {
  for (const wrong of [
    ['--levels', '0'],
    ['--levels', '4,,8'],
    ['--table', 'html'],
    ['--format', 'int4'],
    ['--neuron', 'if'],
    ['--loss', '1'],
  ]) {
    const result = casc([...small, ...wrong]);
    expect(result).toMatchObject({ status: 2, stdout: '' });
    expect(result.stderr).toContain(wrong[0]);
  }
  expect(casc(['compare', relu, '--data', `mnist:${box}`])).toMatchObject({
    status: 2,
    stderr: expect.stringContaining('--calibration'),
  });
  expect(casc(['compare', join(box, 'fashion-mnist-q8.onnx'), ...small.slice(2)])).toMatchObject({
    status: 2,
    stdout: '',
    stderr: expect.stringContaining('is quantised already'),
  });
});

test('a net that is missing, and a place that cannot be written, before any work', () => {
  expect(casc(['compare', join(folder, 'none.onnx'), ...images])).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('ERR_CASC_FILE'),
  });
  const nowhere = join(folder, 'none', 'methods.json');
  expect(casc([...small, '--json', nowhere])).toMatchObject({ status: 1, stdout: '' });
  expect(existsSync(nowhere)).toBe(false);
});
