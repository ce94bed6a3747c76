/** casc evaluate of a detector of one's own: ONNX file, decoder file, annotated images; table, JSON, journal and page. */
import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CocoFigures, DetectionEvaluation } from '../../lib';
import { writeModel } from '../../lib/onnx';
import { type SmallCoco, smallCoco } from '../evaluate/small-coco';
import { detectorModel } from '../evaluate/small-detector';
import { describeWithBrowser } from '../support/browser';
import { box, casc, temporaryFolder } from '../support/casc';

const IMAGES = 6;
const folder = temporaryFolder();
const at = (name: string) => join(folder, name);
const read = <T>(name: string) => JSON.parse(readFileSync(at(name), 'utf8')) as T;
const untimed = ({ throughput: _, ...rest }: DetectionEvaluation) => rest;

let small: SmallCoco;
const net = at('detector.onnx');
const evaluated = (...args: string[]) => casc([...small.evaluate, ...args]);
const detector = ['--decoder', at('decoder.json'), '--at', '2,9'];

beforeAll(async () => {
  small = await smallCoco(folder, IMAGES, 5);
});

test('another ground truth is another evaluation', () => {
  const { status, stderr } = evaluated(...detector, '--journal', at('first.jsonl'));
  expect(stderr).toContain('data (SHA-256');
  expect(status).toBe(1);
});

test('table and JSON; a journal that was cut off is taken up again', () => {
  const journal = at('run.jsonl');
  const run = evaluated(...detector, '--journal', journal, '--json', at('whole.json'));
  expect(run).toMatchObject({ status: 0, stderr: '' });
  const whole = read<DetectionEvaluation>('whole.json');
  const { AP50 } = whole.snn.figures as CocoFigures;
  expect(AP50).toBeGreaterThan(0);
  expect(AP50).toBeLessThan(1);
  expect(whole).toMatchObject({ evaluator: 'coco', exact: { certified: true, images: IMAGES }, objects: 3 * IMAGES });
  expect(run.stdout).toMatch(new RegExp(`^AP50 +${AP50!.toFixed(3)} +${AP50!.toFixed(3)}$`, 'm'));
  truncateSync(journal, readFileSync(journal).length - 600);
  expect(evaluated(...detector, '--journal', journal, '--json', at('again.json')).status).toBe(0);
  expect(untimed(read('again.json'))).toEqual(untimed(whole));
});

test('what quantize was told is in the file, and need not be said again', async () => {
  writeFileSync(at('relu.onnx'), writeModel(detectorModel(3, { relu: true })));
  const data = `coco:${folder}`;
  const levels = ['--levels', '6', '--format', 'int8', '--calibration', data, '--resize', '5x5', '--mean', '0.5'];
  const quantised = casc(['quantize', at('relu.onnx'), '-o', at('q.onnx'), ...levels, '--decoder', small.decoder]);
  expect(quantised).toMatchObject({ status: 0, stderr: '' });
  const silent = casc(['evaluate', at('q.onnx'), '--data', data, '--at', '2,9', '--json', at('silent.json')]);
  expect(silent).toMatchObject({ status: 0, stderr: '' });
  const said = casc(['evaluate', at('q.onnx'), '--data', data, ...detector, '--json', at('said.json')]);
  expect(said.status).toBe(0);
  expect(read<DetectionEvaluation>('silent.json').decoder.threshold).toBe(0.05);
  expect(untimed(read('silent.json'))).toEqual(untimed(read('said.json')));
  const strict = casc(['evaluate', at('q.onnx'), '--data', data, '--score', '0.4', '--json', '-']);
  expect(JSON.parse(strict.stdout)).toMatchObject({ task: 'detection', decoder: { threshold: 0.4, iou: 0.6 } });

  const classified = casc(['evaluate', at('q.onnx'), '--data', `mnist:${box}`, '--channels', 'rgb']);
  expect(classified).toMatchObject({ status: 2, stdout: '' });
  expect(classified.stderr).toMatch(/q\.onnx is a detector, but mnist .* does not say what is where/);
  const wrong = casc(['quantize', at('relu.onnx'), '-o', at('no.onnx'), ...levels, '--decoder', 'fastestdet']);
  expect(wrong).toMatchObject({ status: 1, stderr: expect.stringContaining("Choose the net's decoder") });
});

test.each<[string[], number, string]>([
  [[], 2, 'say what the net'],
  [['--at', '2'], 2, '--at is for a detector; give its --decoder, too'],
  [['--decoder', 'yolo'], 1, '--decoder yolo is neither one of fastestdet, yolo-one-scale nor a file'],
  [['--decoder', net], 2, 'is no JSON'],
  [['--decoder', 'fastestdet'], 1, 'Choose the net'],
  [[...detector, '--at', '0'], 2, 'Expected whole numbers of steps'],
  [[...detector, '--iou', '1.5'], 2, 'Expected a number from 0 to 1.'],
  [[...detector, '--mode', 'rest'], 2, 'no steps'],
])('refused: %j', (args, status, text) => {
  const run = evaluated(...args);
  expect(run.stderr.replace(/\s+/g, ' ')).toContain(text);
  expect(run.status).toBe(status);
});

describeWithBrowser('the page of a detector', (open) => {
  test('has average precision for each net, step and class', async () => {
    const files = ['--json', at('page.json'), '--report', at('page.html')];
    expect(evaluated(...detector, '--ann', net, ...files)).toMatchObject({ status: 0, stderr: '' });
    const { page, messages } = await open(at('page.html'));
    const cells = (selector: string): Promise<string[]> =>
      page.evaluate(`[...document.querySelectorAll('${selector} td')].map((cell) => cell.textContent)`);
    const { snn, quantized, ann } = read<DetectionEvaluation>('page.json');
    const each = [ann!, quantized, snn].map(({ figures }) => figures as CocoFigures);
    const precision = await cells('#precision');
    expect(precision.slice(0, 8)).toEqual([
      ...['AP', ...each.map(({ AP }) => AP!.toFixed(3))],
      ...['AP50', ...each.map((figures) => figures.AP50!.toFixed(3))],
    ]);
    expect(precision).toHaveLength(12 * 4);
    expect((await cells('#steps')).filter((_, i) => i % 4 === 0)).toEqual(['2', '9', 'end']);
    const known = each[2]!.classes.filter(({ objects }) => objects > 0);
    expect((await cells('#classes')).filter((_, i) => i % 5 < 2)).toEqual(
      known.flatMap(({ name, objects }) => [name, String(objects)]),
    );
    expect(await page.locator('#rest figure svg, #layers figure svg, #raster figure svg').count()).toBe(3);
    expect(messages).toEqual([]);
  });

  test('draws AP50 and AP against the steps asked for, with the lines of both ANNs, sleep shaded', async () => {
    const { page } = await open(at('page.html'), { width: 390 });
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(390);
    const numbers = (figure: number, name: string, element: string, attribute: string): Promise<number[]> =>
      page.evaluate(
        `[...document.querySelectorAll('#steps figure')[${figure}].querySelectorAll('[aria-description="${name}"] ${element}')].map((e) => Number(e.getAttribute('${attribute}')))`,
      );
    const { snn, quantized, ann, schedule } = read<DetectionEvaluation>('page.json');
    expect(schedule).toMatchObject({ wake: 6, margin: 6, sleep: -1 });
    expect(await page.locator('#steps figure').count()).toBe(2);
    for (const [figure, name] of (['AP50', 'AP'] as const).entries()) {
      const value = (figures: unknown) => (figures as CocoFigures)[name]!;
      const values = snn.perStep!.map(({ figures }) => value(figures));
      expect(values[0]).not.toBe(values[1]);
      const [x, y] = [await numbers(figure, 'steps', 'circle', 'cx'), await numbers(figure, 'steps', 'circle', 'cy')];
      expect(x).toHaveLength(2);
      expect(await numbers(figure, 'SNN', 'path', 'd')).toHaveLength(1);
      // Steps 2 and 9.
      const atStep = (step: number) => x[0]! + ((x[1]! - x[0]!) * (step - 2)) / 7;
      const atValue = (own: number) => y[0]! + ((y[1]! - y[0]!) * (own - values[0]!)) / (values[1]! - values[0]!);
      const [line] = await numbers(figure, 'quantised ANN', 'line', 'y1');
      expect(line).toBeCloseTo(atValue(value(quantized.figures)), 0);
      const [dotted] = await numbers(figure, 'fp32 ANN', 'line', 'y1');
      expect(dotted).toBeCloseTo(atValue(value(ann!.figures)), 0);
      const [left] = await numbers(figure, 'asleep', 'rect', 'x');
      const [width] = await numbers(figure, 'asleep', 'rect', 'width');
      expect(left).toBeCloseTo(atStep(6.5), 0);
      expect(left! + width!).toBeCloseTo(atStep(9.5), 0);
      const caption = await page.locator('#steps figcaption').nth(figure).textContent();
      expect(caption).toContain(`${name}: quantised ANN ${value(quantized.figures).toFixed(3)}`);
    }
  });
});
