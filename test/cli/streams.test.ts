/** What goes where, and what Ctrl-C leaves. */
import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import type { Evaluation } from '../../lib';
import { importModel } from '../../lib';
import { makeModel, makeNode, makeTensor, valueInfo, writeModel } from '../../lib/onnx';
import { box, casc, main, temporaryFolder } from '../support/casc';

const folder = temporaryFolder();
const q8 = join(box, 'fashion-mnist-q8.onnx');
const data = `mnist:${box}`;
const scaling = ['--mean', '0.2860', '--std', '0.3530'];

test('--json - gives stdout to programs', () => {
  const result = casc(['evaluate', q8, '--data', data, ...scaling, '--format', 'int8', '--limit', '5', '--json', '-']);
  expect(result.stderr).toBe('');
  expect((JSON.parse(result.stdout) as Evaluation).exact).toMatchObject({ certified: true, images: 5 });
});

test('a net without recorded input scaling gets a note on stderr', () => {
  const result = casc(['evaluate', q8, '--data', data, '--limit', '1']);
  expect(result.status).toBe(0);
  expect(result.stderr).toMatch(/^note: .*records no input scaling.*--mean and --std/);
});

test('a detector is calibrated on images without labels, and is no classifier', async () => {
  const images = join(folder, 'images');
  mkdirSync(images);
  for (let i = 0; i < 3; i++) {
    const image = sharp({ create: { width: 4, height: 4, channels: 3, background: { r: 80 * i, g: 9, b: 99 } } });
    await image.png().toFile(join(images, `${i}.png`));
  }
  const weight = makeTensor('w', [3, 3, 1, 1], new Float32Array(9).fill(0.5));
  const net = join(folder, 'detector.onnx');
  const model = makeModel({
    nodes: [makeNode('Relu', ['x'], ['a'], {}, '/act'), makeNode('Conv', ['a', 'w'], ['y'], {}, '/conv')],
    initializers: [weight],
    inputs: [valueInfo('x', ['N', 3, 4, 4])],
    outputs: [valueInfo('y', ['N', 3, 4, 4])],
  });
  writeFileSync(net, writeModel(model));
  const output = join(folder, 'detector-q4.onnx');
  const result = casc([
    'quantize',
    net,
    '-o',
    output,
    '--levels',
    '4',
    '--calibration',
    `imagenet:${images}`,
    '--mean',
    '0',
  ]);
  expect(result.stderr).toBe('');
  expect(result.stdout).toContain('mse on 3 images of imagenet images');
  const { metadata } = await importModel(output);
  expect(metadata['casc.levels']).toBe('4');
  expect(metadata['casc.task']).toBeUndefined();
});

test('Ctrl-C: exit code 130, one line, and no file', async () => {
  const report = join(folder, 'interrupted.json');
  const args = ['calibrate', join(box, 'fashion-mnist-relu.onnx'), '--calibration', data, '--data', data, ...scaling];
  const child = spawn(process.execPath, [main, ...args, '--threads', '1', '--json', report], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const texts = { out: '', err: '' };
  child.stdout.on('data', (text) => (texts.out += text));
  child.stderr.on('data', (text) => (texts.err += text));
  // Late enough that it listens, long before it is done.
  setTimeout(() => child.kill('SIGINT'), 2500);
  const code = await new Promise((done) => child.on('close', done));
  expect({ code, ...texts }).toEqual({ code: 130, out: '', err: 'casc: interrupted\n' });
  expect(readdirSync(folder).filter((name) => name.startsWith('interrupted'))).toEqual([]);
});
