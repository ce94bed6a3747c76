/** Data sets for detection on the command line: calibration needs no annotations, and the letter-box is recorded. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { importModel } from '../../lib/graph';
import { readMetadata } from '../../lib/quantize';
import { box, casc, temporaryFolder } from '../support/casc';

const folder = temporaryFolder();
const net = join(box, 'fashion-mnist-relu.onnx');
const out = join(folder, 'q.onnx');
const quantise = (...args: string[]) => casc(['quantize', net, '-o', out, '--levels', '4', ...args]);

beforeAll(async () => {
  mkdirSync(join(folder, 'data/images'), { recursive: true });
  for (const [i, [width, height]] of [
    [40, 30],
    [20, 50],
  ].entries()) {
    const image = sharp({ create: { width: width!, height: height!, channels: 3, background: '#a05020' } });
    writeFileSync(join(folder, `data/images/${i}.png`), await image.png().toBuffer());
  }
});

test('calibration on a folder of images in a letter-box', async () => {
  const { status, stderr } = quantise('--calibration', `coco:${folder}/data`, '--letterbox', '28', '--pad', '0');
  expect(stderr).toBe('');
  expect(status).toBe(0);
  const { input } = readMetadata(await importModel(out));
  expect(input).toMatchObject({ resize: { rule: 'letterbox', size: [28, 28], pad: [0] }, channels: 'gray' });
  // The recorded one is the default, and its padding can be set anew.
  const again = casc(['evaluate', out, '--data', `coco:${folder}/data`, '--pad', '7']);
  expect(again.stderr).toContain('has no annotations/*.json');
});

test.each<[string[], string]>([
  [['--pad', '0'], '--pad is for a letter-box; give --letterbox, too'],
  [['--letterbox', '28', '--pad', '300'], 'Expected whole numbers from 0 to 255.'],
  [['--letterbox', '28', '--resize', '28'], "option '--letterbox <size|HxW>' cannot be used with option '--resize"],
  [['--letterbox', '28', '--crop', '28'], "option '--letterbox <size|HxW>' cannot be used with option '--crop"],
  [['--letterbox', 'big'], 'Expected a size'],
])('refused: %j', (args, text) => {
  const { status, stderr } = quantise('--calibration', `coco:${folder}/data`, ...args);
  expect(stderr).toContain(text);
  expect(status).toBe(2);
});
