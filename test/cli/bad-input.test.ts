/** Bad input: a typed error with code, place and advice, exit code 1 (2 for wrong usage), and no file left behind. */
import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { writeNpy } from '../../lib/datasets';
import { makeModel, makeNode, makeTensor, valueInfo, writeModel } from '../../lib/onnx';
import { box, casc, temporaryFolder } from '../support/casc';

const folder = temporaryFolder();
const q8 = join(box, 'fashion-mnist-q8.onnx');
const relu = join(box, 'fashion-mnist-relu.onnx');
const scaling = ['--mean', '0.2860', '--std', '0.3530'];
const data = `mnist:${box}`;

function file(name: string, content: Uint8Array | string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

/** A net input → op → output. */
function net(
  name: string,
  nodes: ReturnType<typeof makeNode>[],
  tensors: ReturnType<typeof makeTensor>[] = [],
): string {
  const model = makeModel({
    nodes,
    initializers: tensors,
    inputs: [valueInfo('x', ['N', 2, 4, 4])],
    outputs: [valueInfo('y', ['N', 2, 4, 4])],
  });
  return file(name, writeModel(model));
}

function expectError(args: string[], code: string, status: number, ...message: (string | RegExp)[]): void {
  const result = casc(args);
  expect(result.stderr).toContain(`[${code}]`);
  for (const part of message) expect(result.stderr).toMatch(part);
  expect(result.stdout).toBe('');
  expect(result.status).toBe(status);
}

describe('models', () => {
  test('a file that is missing', () => {
    expectError(['inspect', join(folder, 'none.onnx')], 'ERR_CASC_FILE', 1, 'none.onnx');
  });

  test('a truncated file', () => {
    const bytes = readFileSync(q8);
    expectError(
      ['inspect', file('cut.onnx', bytes.subarray(0, bytes.length / 2))],
      'ERR_CASC_MODEL',
      1,
      'cut.onnx',
      /truncated|not an ONNX/i,
    );
  });

  test('a file that is not ONNX', () => {
    expectError(['inspect', file('text.onnx', 'This is no model.\n')], 'ERR_CASC_MODEL', 1, 'text.onnx', /ONNX/);
  });

  test('an unsupported operator, by node', () => {
    const path = net('leaky.onnx', [makeNode('LeakyRelu', ['x'], ['y'], {}, '/block/act')]);
    expectError(
      ['quantize', path, '-o', join(folder, 'o.onnx'), '--levels', '8', '--calibration', data],
      'ERR_CASC_UNSUPPORTED',
      1,
      '/block/act',
      'LeakyRelu',
    );
    expect(casc(['inspect', path]).stdout).toMatch(/\/block\/act +LeakyRelu +refused/);
  });

  test('a shape that does not fit', () => {
    const weight = makeTensor('w', [2, 3, 1, 1], new Float32Array(6).fill(1));
    const path = net('shape.onnx', [makeNode('Conv', ['x', 'w'], ['y'], {}, '/conv')], [weight]);
    expectError(['inspect', path], 'ERR_CASC_MODEL', 1, '/conv');
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY])('a weight that is %p', (value) => {
    const weight = makeTensor('w', [2, 2, 1, 1], [1, value, 1, 1]);
    const path = net(`w${value}.onnx`, [makeNode('Conv', ['x', 'w'], ['y'], {}, '/conv')], [weight]);
    expectError(['inspect', path], 'ERR_CASC_MODEL', 1, /"?w"?/, /NaN|Infinity/);
  });

  test('a net that is not quantised', () => {
    expectError(['evaluate', relu, '--data', data, ...scaling], 'ERR_CASC_NOT_QUANTIZED', 1, 'casc quantize');
  });
});

describe('data', () => {
  test('an input of the wrong shape', async () => {
    const path = join(folder, 'x.npy');
    await writeNpy(path, { shape: [1, 1, 20, 28], data: new Float32Array(560) });
    expectError(['simulate', q8, '--input', path], 'ERR_CASC_SHAPE', 1, '[N, 1, 28, 28]', '560');
  });

  test('images that do not fit the net', () => {
    const record = Buffer.alloc(3073);
    expectError(
      ['evaluate', q8, '--data', `cifar10:${file('test_batch.bin', record)}`],
      'ERR_CASC_SHAPE',
      1,
      '1x28x28',
      '3x32x32',
    );
  });

  test('an empty data set', () => {
    expectError(['evaluate', q8, '--data', `cifar10:${file('empty.bin', '')}`], 'ERR_CASC_DATA', 1, 'empty.bin');
  });

  test('a label outside the classes', () => {
    const images = Buffer.alloc(16 + 784);
    images.writeUInt32BE(2051, 0);
    for (const [i, n] of [1, 28, 28].entries()) images.writeUInt32BE(n, 4 + 4 * i);
    const labels = Buffer.from([0, 0, 8, 1, 0, 0, 0, 1, 77]);
    file('t10k-images-idx3-ubyte.gz', gzipSync(images));
    file('t10k-labels-idx1-ubyte.gz', gzipSync(labels));
    expectError(
      ['evaluate', q8, '--data', `mnist:${join(folder, 't10k-images-idx3-ubyte.gz')}`, ...scaling],
      'ERR_CASC_DATA',
      1,
      '77',
      /0 (to|\.\.) ?9|10/,
    );
  });

  test('a corrupt image', () => {
    const root = join(folder, 'imagenet');
    mkdirSync(join(root, 'n01440764'), { recursive: true });
    writeFileSync(join(root, 'n01440764', 'broken.JPEG'), 'no image');
    writeFileSync(
      join(root, 'synsets.txt'),
      [...new Array(10).keys()].map((i) => `n0144076${(i + 4) % 10}\n`).join(''),
    );
    expectError(
      ['evaluate', q8, '--data', `imagenet:${root}`, '--crop', '28', '--channels', 'gray'],
      'ERR_CASC_IMAGE',
      1,
      'broken.JPEG',
    );
  });

  test('a data set that is missing', () => {
    expectError(['evaluate', q8, '--data', `mnist:${join(folder, 'nowhere')}`], 'ERR_CASC_FILE', 1, 'nowhere');
  });
});

describe('output', () => {
  test('a place that cannot be written, said before any work', () => {
    const args = [
      'quantize',
      relu,
      '-o',
      join(folder, 'no', 'such', 'folder', 'q.onnx'),
      '--levels',
      '8',
      '--calibration',
      data,
    ];
    expectError(args, 'ERR_CASC_FILE', 1, /cannot be written/, /Choose another place/);
  });

  test('the net itself, also through a link', () => {
    const net = join(folder, 'own.onnx');
    copyFileSync(relu, net);
    symlinkSync(net, join(folder, 'link.onnx'));
    for (const output of [net, join(folder, 'link.onnx')]) {
      const args = ['quantize', net, '-o', output, '--levels', '8', '--calibration', data];
      expectError(args, 'ERR_CASC_ARGUMENT', 2, 'is the net itself', 'another name');
    }
    expect(readFileSync(net).equals(readFileSync(relu))).toBe(true);
  });

  const device = existsSync('/dev/full') ? test : test.skip;
  device('a full disk: the table is shown, the error said, the device not replaced', () => {
    const args = ['evaluate', q8, '--data', data, ...scaling, '--limit', '1', '--json', '/dev/full'];
    const result = casc(args);
    expect(result.status).toBe(1);
    expect(result.stdout).toContain('SNN top-1');
    expect(result.stderr).toMatch(/\/dev\/full cannot be written: .*ENOSPC.*free space.*\[ERR_CASC_FILE\]/);
    expect(statSync('/dev/full').isCharacterDevice()).toBe(true);
  });

  device('a stdout that takes nothing is an error', () => {
    const full = openSync('/dev/full', 'w');
    const result = casc(['info'], {}, full);
    closeSync(full);
    expect(result.status).toBe(1);
    expect(result.stderr).toContain('stdout cannot be written');
  });

  test('nothing is left half-written after an error', () => {
    const before = readdirSync(folder);
    const copy = join(folder, 'copy.onnx');
    copyFileSync(relu, copy);
    expectError(
      [
        'quantize',
        copy,
        '-o',
        join(folder, 'q.onnx'),
        '--levels',
        '8',
        '--calibration',
        `mnist:${join(folder, 'nowhere')}`,
      ],
      'ERR_CASC_FILE',
      1,
    );
    expect(readdirSync(folder).sort()).toEqual([...before, 'copy.onnx'].sort());
  });
});

describe('usage', () => {
  test.each([
    [['evaluate', q8]],
    [['evaluate', q8, '--data', data, '--neuron', 'lif']],
    [['evaluate', q8, '--data', data, '--no-such-option']],
    [['nonsense']],
    [[]],
  ])('%p exits 2', (args) => {
    const result = casc(args as string[]);
    expect(result.status).toBe(2);
    expect(result.stdout).toBe('');
    expect(result.stderr).not.toBe('');
  });

  test.each([
    ['--levels', 'eight', '1 to 255'],
    ['--levels', '0', '1 to 255'],
    ['--samples', '0', 'at least 1'],
    ['--percentile', '99.9', '0.999'],
    ['--split', '-0.5', 'at least 0'],
    ['--split', 'half', 'at least 0'],
    ['--split', 'NaN', 'at least 0'],
    ['--split', '', 'at least 0'],
    ['--mean', '1,2', 'one per channel'],
    ['--mean', '1,,2', 'one per channel'],
    ['--std', '0', 'above 0'],
    ['--scale', '-1', 'above 0'],
    ['--crop', '1y', '224x320'],
    ['--resize', '0', '224x320'],
    ['--threads', '0', '1 to 256'],
  ])('%s %s names the option and what it takes', (option, value, expected) => {
    const result = casc(['quantize', relu, '-o', join(folder, 'q.onnx'), option, value]);
    expect(result.status).toBe(2);
    expect(result.stderr).toContain(`'${option} `);
    expect(result.stderr).toContain(expected);
  });

  const refit = ['quantize', relu, '-o', join(folder, 'q.onnx'), '--levels', '8', '--calibration', data, '--method'];
  test.each([
    [['quantize', relu, '-o', join(folder, 'q.onnx')], '--levels and --calibration'],
    [['quantize', relu, '-o', join(folder, 'q.onnx'), '--levels', '8'], '--calibration'],
    [[...refit, 'mse', '--split', '0.5'], 'the method mse splits no channels'],
    [[...refit, 'refit', '--split', '7.5'], 'from 0 to 7'],
    [['evaluate', q8, '--data', 'tiff:somewhere'], 'cifar10, cifar100, mnist, imagenet'],
    [['evaluate', q8, '--data', data, ...scaling, '--margin', '9'], 'margin'],
    [['evaluate', q8, '--data', data, '--format', 'int8'], 'input'],
  ])('%p names what is wrong', (args, what) => {
    expectError(args as string[], 'ERR_CASC_ARGUMENT', 2, what as string);
  });

  test('help has examples and exits 0', () => {
    for (const command of ['quantize', 'inspect', 'simulate', 'evaluate', 'info']) {
      const result = casc([command, '--help']);
      expect(result.status).toBe(0);
      expect(result.stdout).toMatch(/Examples:\n {2}casc/);
    }
  });
});
