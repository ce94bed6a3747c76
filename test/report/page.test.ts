/** The page of `--report`, made by the command line and looked at in a browser: what is drawn is what was measured. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Page } from 'playwright-core';
import type { EvaluatedRecord, Evaluation, ImageRecord, JournalHeader } from '../../lib';
import { describeWithBrowser, type Open } from '../support/browser';
import { box, casc, temporaryFolder } from '../support/casc';

const folder = temporaryFolder();
const at = (name: string) => join(folder, name);
const args = [
  ...['evaluate', join(box, 'fashion-mnist-q8.onnx'), '--data', `mnist:${box}`, '--limit', '300'],
  ...['--mean', '0.2860', '--std', '0.3530', '--format', 'int8'],
];
const files = { journal: at('run.jsonl'), json: at('run.json'), page: at('run.html') };

/** Numbers of an attribute, in order, of every element that a selector finds. */
const numbers = (page: Page, selector: string, attribute: string): Promise<number[]> =>
  page.evaluate(
    `[...document.querySelectorAll(${JSON.stringify(selector)})].map((e) => Number(e.getAttribute('${attribute}')))`,
  );
const mark = (section: string, name: string, element: string) => `#${section} [aria-description="${name}"] ${element}`;
const boxesOf = (page: Page, selector: string): Promise<{ left: number; right: number; width: number }[]> =>
  page.evaluate(
    `[...document.querySelectorAll(${JSON.stringify(selector)})].map((e) => e.getBoundingClientRect().toJSON())`,
  );

/** Expects drawn = offset + scale · measured, from the extremes of `measured`, and gives that map. */
function expectLinear(drawn: number[], measured: number[]): (value: number) => number {
  expect(drawn).toHaveLength(measured.length);
  const low = measured.indexOf(Math.min(...measured));
  const high = measured.indexOf(Math.max(...measured));
  expect(drawn[low]).not.toBe(drawn[high]);
  const scale = (drawn[high]! - drawn[low]!) / (measured[high]! - measured[low]!);
  const map = (value: number) => drawn[low]! + scale * (value - measured[low]!);
  for (const [i, value] of measured.entries()) expect(drawn[i]).toBeCloseTo(map(value), 1);
  return map;
}

describeWithBrowser('the page in a browser', (open) => {
  let result: Evaluation;
  beforeAll(() => {
    const outputs = ['--journal', files.journal, '--json', files.json, '--report', files.page];
    const run = casc([...args, '--ann', join(box, 'fashion-mnist-relu.onnx'), '--margin', '4', ...outputs]);
    expect(run).toMatchObject({ status: 0, stderr: '' });
    result = JSON.parse(readFileSync(files.json, 'utf8')) as Evaluation;
  });

  test('the curve has every step in its place, the lines of both ANNs, and sleep shaded', async () => {
    const { page } = await open(files.page);
    const curve = result.snn.top1PerStep;
    const path = String(await page.getAttribute(mark('curve', 'SNN', 'path'), 'd'));
    const points = path
      .slice(1)
      .split('L')
      .map((point) => point.split(',').map(Number));
    expect(points).toHaveLength(curve.length);
    const x = expectLinear(
      points.map((point) => point[0]!),
      curve.map((_, i) => i + 1),
    );
    const y = expectLinear(
      points.map((point) => point[1]!),
      curve.map(({ top1 }) => top1),
    );
    expect((await numbers(page, mark('curve', 'quantised ANN', 'line'), 'y1'))[0]).toBeCloseTo(
      y(result.quantized.top1),
      0,
    );
    expect((await numbers(page, mark('curve', 'fp32 ANN', 'line'), 'y1'))[0]).toBeCloseTo(y(result.ann!.top1), 0);
    expect(await numbers(page, mark('curve', 'steps', 'circle'), 'r')).toHaveLength(curve.length);

    // Two sleep phases: after awake steps 4 and 8.
    const asleep = curve.flatMap(({ sleep }, i) => (sleep > 0 ? [i + 1] : []));
    const starts = asleep.filter((step) => !asleep.includes(step - 1));
    expect(starts).toHaveLength(2);
    const left = await numbers(page, mark('curve', 'asleep', 'rect'), 'x');
    expect(left).toHaveLength(2);
    for (const [i, start] of starts.entries()) expect(left[i]).toBeCloseTo(x(start - 0.5), 0);
    const width = await numbers(page, mark('curve', 'asleep', 'rect'), 'width');
    expect(width[0]! + width[1]!).toBeCloseTo(x(asleep.length) - x(0), 0);
  });

  test('bars and cells are the figures', async () => {
    const { page } = await open(files.page);
    const histogram = result.steps.toRest!.histogram;
    expect(histogram.length).toBeGreaterThan(1);
    const heights = await numbers(page, mark('rest', 'histogram', 'rect'), 'height');
    expectLinear([...heights, 0], [...histogram.map(({ images }) => images), 0]);

    const rates = result.layers.flatMap(({ firingRate, positive, negative }) =>
      [positive, negative].map((spikes) => (firingRate * spikes) / (positive + negative)),
    );
    const drawn = rates.filter((rate) => rate > 0);
    const bars = (await numbers(page, mark('layers', 'firing rate', 'rect'), 'width')).filter((width) => width > 0);
    expectLinear([...bars, 0], [...drawn, 0]);

    const [snn, ann] = await numbers(page, mark('energy', 'energy', 'rect'), 'width');
    expect(snn! / ann!).toBeCloseTo(result.energy.snn / result.energy.ann, 2);

    const cells = mark('confusion', 'confusion', 'rect');
    const images: string[] = await page.evaluate(
      `[...document.querySelectorAll(${JSON.stringify(cells)})].map((e) => e.querySelector('title').textContent)`,
    );
    expect(images).toEqual(result.confusion.map((cell) => `${cell.label} answered as ${cell.answer}: ${cell.images}`));
    const shades = await numbers(page, cells, 'fill-opacity');
    const known = (label: number) =>
      result.confusion.reduce((sum, cell) => sum + (cell.label === label ? cell.images : 0), 0);
    expectLinear(
      shades,
      result.confusion.map((cell) => cell.images / known(cell.label)),
    );

    expect(await page.locator('#disagreeing tbody tr').count()).toBe(result.disagreeing.length);
    expect(await page.textContent('#certificate')).toContain('certified: ');
  });

  test('the raster has every spike of the record in its place, awake and asleep', async () => {
    const { page } = await open(files.page);
    const raster = result.raster!;
    const rows = raster.layers.flatMap(({ neurons, trains }, layer) =>
      neurons.map((neuron, i) => ({ layer, neuron, train: trains[i]! })),
    );
    expect(rows).toHaveLength(8 * result.layers.length);
    const spikes = rows.flatMap(({ train }, row) => train.map(([step, size]) => ({ row, step, size })));
    const positive = spikes.filter(({ size }) => size > 0);
    const negative = spikes.filter(({ size }) => size < 0);
    expect(Math.min(positive.length, negative.length)).toBeGreaterThan(10);

    // Rows of neurons, from the top, by layer; each says whose it is.
    const tops = await numbers(page, mark('raster', 'neurons', 'rect'), 'y');
    const heights = await numbers(page, mark('raster', 'neurons', 'rect'), 'height');
    expect(tops).toHaveLength(rows.length);
    expect([...tops].sort((a, b) => a - b)).toEqual(tops);
    const middle = (row: number) => tops[row]! + heights[row]! / 2;
    const titles = await page.locator(mark('raster', 'neurons', 'rect title')).allTextContents();
    expect(titles).toEqual(
      rows.map(
        ({ layer, neuron, train }) =>
          `${result.layers[layer]!.name}, neuron ${neuron}: ${train.length} ${train.length === 1 ? 'spike' : 'spikes'}`,
      ),
    );

    const ticks = mark('raster', 'positive spikes', 'line');
    const x = expectLinear(
      await numbers(page, ticks, 'x1'),
      positive.map(({ step }) => step),
    );
    const [from, to] = [await numbers(page, ticks, 'y1'), await numbers(page, ticks, 'y2')];
    for (const [i, { row }] of positive.entries()) expect((from[i]! + to[i]!) / 2).toBeCloseTo(middle(row), 1);
    const dots = mark('raster', 'negative spikes', 'circle');
    const places = [await numbers(page, dots, 'cx'), await numbers(page, dots, 'cy')];
    expect(places[0]).toHaveLength(negative.length);
    for (const [i, { row, step }] of negative.entries()) {
      expect(places[0]![i]).toBeCloseTo(x(step), 1);
      expect(places[1]![i]).toBeCloseTo(middle(row), 1);
    }

    // The image's own sleep: after awake steps 4 and 8.
    const [first, second] = raster.sleep as [number, number];
    const shades = mark('raster', 'asleep', 'rect');
    const left = await numbers(page, shades, 'x');
    const width = await numbers(page, shades, 'width');
    const stretches = [
      [4.5, 4.5 + first],
      [8.5 + first, 8.5 + first + second],
    ] as const;
    expect(left).toHaveLength(2);
    for (const [i, [start, end]] of stretches.entries()) {
      expect(left[i]).toBeCloseTo(x(start), 0);
      expect(left[i]! + width[i]!).toBeCloseTo(x(end), 0);
    }
    expect(await page.textContent('#raster figcaption')).toContain(`Image ${raster.image}: ${rows.length} neurons`);
  });

  test('bursts are thicker, and a long run is drawn from its beginning', async () => {
    const long = ['--limit', '2', '--neuron', 'burst', '--gamma', '3', '--wake', '400', '--sleep', '150'];
    const outputs = ['--json', at('burst.json'), '--report', at('burst.html')];
    expect(casc([...args, ...long, ...outputs]).status).toBe(0);
    const { raster } = JSON.parse(readFileSync(at('burst.json'), 'utf8')) as Evaluation;
    const sizes = raster!.layers.flatMap(({ trains }) => trains.flat().map(([, size]) => size));
    expect([...new Set(sizes)].sort()).toEqual([1, 2, 3]);
    const { page } = await open(at('burst.html'));
    const widths = await numbers(page, mark('raster', 'positive spikes', 'line'), 'stroke-width');
    expectLinear(widths, sizes);
    expect(await page.textContent('#raster')).toContain('The first 500 of 550 steps.');
    expect(await page.textContent('#raster .legend')).toContain('burst');
    expect(await page.locator(mark('raster', 'negative spikes', 'circle')).count()).toBe(0);
  });

  test('light and dark, by what the system has; nothing is loaded, nothing complains', async () => {
    const looks = await Promise.all(
      (['light', 'dark'] as const).map(async (colorScheme) => {
        const { page, requests, messages } = await open(files.page, { colorScheme });
        expect(requests).toEqual([pathToFileURL(files.page).href]);
        expect(messages).toEqual([]);
        const colour = (selector: string, property: string): Promise<string> =>
          page.evaluate(`getComputedStyle(document.querySelector('${selector}'))['${property}']`);
        return Promise.all([
          colour('body', 'backgroundColor'),
          colour('body', 'color'),
          colour('#curve [aria-label="line"]', 'stroke'),
          colour('#curve figure text', 'fill'),
          colour('#rest [aria-description="histogram"]', 'fill'),
          colour('#raster [aria-description="positive spikes"]', 'stroke'),
          colour('#raster [aria-description="negative spikes"]', 'fill'),
        ]);
      }),
    );
    for (const [i, light] of looks[0]!.entries()) {
      expect(light).toMatch(/^rgb/);
      expect(looks[1]![i]).not.toBe(light);
    }
    for (const look of looks) expect(new Set(look.slice(-2)).size).toBe(2);
  });

  test('on a phone nothing is wider than the page, and text of drawings can be read', async () => {
    const { page } = await open(files.page, { width: 390 });
    await page.locator('summary').click();
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(390);
    for (const { left, right, width } of await boxesOf(page, 'figure svg, section, h1')) {
      expect(width).toBeGreaterThan(300);
      expect(left).toBeGreaterThanOrEqual(0);
      expect(right).toBeLessThanOrEqual(390);
    }
    const scale: number = await page.evaluate(
      `Math.min(...[...document.querySelectorAll('figure svg')].map((e) => e.getBoundingClientRect().width / e.viewBox.baseVal.width))`,
    );
    expect(scale * 13).toBeGreaterThan(9.5);
  });

  test('merged journals give the same page, apart from times', () => {
    expect(casc(['merge', files.journal, '--report', at('merged.html')])).toMatchObject({ status: 0, stderr: '' });
    const untimed = (file: string) => readFileSync(file, 'utf8').replace(/[\d.]+ images per second/, '');
    expect(untimed(at('merged.html'))).toBe(untimed(files.page));
  });

  test('names are text, whatever is in them; skipped images and many classes', async () => {
    const evil = '<img src=x onerror="alert(1)"><script>alert(2)</script>&amp;\'"';
    await expectText(open, files.journal, (name) => `${name} ${evil}`, 10);
    await expectText(open, files.journal, (name) => `${name} ${evil}`, 21);
  });

  test('mode rest: no steps, no spikes', async () => {
    expect(casc([...args, '--mode', 'rest', '--report', at('rest.html')]).status).toBe(0);
    const { page, messages } = await open(at('rest.html'));
    expect(messages).toEqual([]);
    const sections: string[] = await page.evaluate(`[...document.querySelectorAll('section')].map((e) => e.id)`);
    expect(sections).toEqual(['accuracy', 'confusion', 'settings']);
    expect(await page.textContent('#certificate')).toContain('not verified');
  });
});

/** A page of the journal with other names, of so many classes, and one image that could not be read. */
async function expectText(open: Open, journal: string, rename: (name: string) => string, classes: number) {
  const [first, ...lines] = readFileSync(journal, 'utf8').trimEnd().split('\n');
  const header = JSON.parse(first!) as JournalHeader;
  const records = lines.map((line) => JSON.parse(line) as ImageRecord);
  header.model.file = rename('model');
  header.data.name = rename('data');
  header.data.classNames = Array.from({ length: classes }, (_, i) => rename(`class ${i}`));
  header.layers = header.layers.map((layer, i) => ({ ...layer, name: rename(`layer ${i}`) }));
  header.notes = [rename('note')];
  const [{ at: position, run }, second] = records as [EvaluatedRecord<unknown>, EvaluatedRecord<unknown>];
  second.id = rename('drawn');
  second.run!.raster = run!.raster;
  records[0] = {
    ...{ at: position, id: rename('image'), fileBytes: null },
    error: { code: 'ERR_CASC_DATA', message: rename('message') },
  };
  const [changed, report] = [at(`${classes}.jsonl`), at(`${classes}.html`)];
  writeFileSync(changed, [header, ...records].map((line) => `${JSON.stringify(line)}\n`).join(''));
  const merged = casc(['merge', changed, '--report', report, '--json', at('changed.json')]);
  expect(merged).toMatchObject({ status: 1, stderr: '' });

  const { page, messages, requests } = await open(report, { width: 390 });
  expect(messages).toEqual([]);
  expect(requests).toHaveLength(1);
  expect(await page.locator('img, script').count()).toBe(0);
  expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(390);
  expect(await page.title()).toBe(`${rename('model')}: evaluation`);
  for (const [selector, name] of [
    ['header', 'model'],
    ['header', 'data'],
    ['#skipped', 'image'],
    ['#skipped', 'message'],
    ['#layers', 'layer 0'],
    ['#raster', 'drawn'],
    ['#raster title', 'layer 0'],
    ['#settings', 'note'],
  ] as const) {
    expect(await page.textContent(selector)).toContain(rename(name));
  }
  const { confusion } = JSON.parse(readFileSync(at('changed.json'), 'utf8')) as Evaluation;
  const many = classes > 20;
  // A heat map of all pairs, or the pairs that were confused, most frequent first.
  const pairs = many
    ? confusion.filter(({ label, answer }) => label !== answer).sort((a, b) => b.images - a.images)
    : confusion;
  const expected = pairs.map(({ label, answer, images }) => {
    const names = [header.data.classNames![label]!, header.data.classNames![answer]!];
    return many ? `${names.join('')}${images}` : `${names.join(' answered as ')}: ${images}`;
  });
  const shown = page.locator(many ? '#confusion tbody tr' : mark('confusion', 'confusion', 'rect title'));
  expect(await shown.allTextContents()).toEqual(expected);
}

test('a place that cannot be written is said before any work', () => {
  const run = casc([...args, '--journal', at('none.jsonl'), '--report', join(folder, 'no', 'such.html')]);
  expect(run).toMatchObject({ status: 1, stdout: '', stderr: expect.stringMatching(/such\.html.*ERR_CASC_FILE/) });
  expect(existsSync(at('none.jsonl'))).toBe(false);
});
