/** FastestDet from its ONNX file to COCO's and VOC's figures, as users evaluate it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CocoFigures, DetectionEvaluation, RestDetectionEvaluation, VocFigures } from '../../lib';
import { casc, temporaryFolder } from '../support/casc';
import { dataPath, describeWithData } from '../support/data';

const model = 'models/fastestdet-coco.onnx';
const folder = temporaryFolder();
const at = (name: string) => join(folder, name);
/** For what is simulated in full. */
const q8 = at('q8.onnx');
const q32 = at('q32.onnx');
const coco = `coco:${dataPath('data/coco128')}`;
const voc = `voc:${dataPath('data/voc-sample/VOCdevkit/VOC2007')}`;

const near = (value: number | null, expected: number, tolerance: number) =>
  expect(Math.abs(value! - expected)).toBeLessThanOrEqual(tolerance);
const read = <T>(name: string) => JSON.parse(readFileSync(at(name), 'utf8')) as T;

describeWithData('casc evaluate of FastestDet', [model, 'data/coco128', 'data/voc-sample'], () => {
  /** Preprocessing and decoder are in the file. */
  const evaluated = (net: string, data: string, ...args: string[]) =>
    casc(['evaluate', net, '--data', data, '--ann', dataPath(model), ...args]);

  beforeAll(() => {
    const known = ['--resize', '352x352', '--no-antialias', '--channels', 'bgr', '--decoder', 'fastestdet'];
    const quantise = (file: string, ...args: string[]) =>
      casc(['quantize', dataPath(model), '-o', file, '--format', 'int16', '--calibration', coco, ...known, ...args]);
    expect(quantise(q8, '--levels', '8', '--samples', '16').status).toBe(0);
    // AP50 moves by a point with the calibration images and the instruction set: 0.300 to 0.319 with 32 to 128 of them.
    expect(quantise(q32, '--levels', '32', '--samples', '64').status).toBe(0);
  });

  test("coco128: fp32 has its README's figures, and the spiking net's AP50 at 32 levels is within 0.02 of it", () => {
    const run = evaluated(q32, coco, '--mode', 'rest', '--verify', '0.03', '--json', at('coco.json'));
    expect(run).toMatchObject({ status: 0, stderr: '' });
    const { ann, snn, images, objects, exact } = read<RestDetectionEvaluation>('coco.json');
    const figures = ann!.figures as CocoFigures;
    near(figures.AP50, 0.319, 0.002);
    near(figures.AP, 0.187, 0.002);
    expect([images, objects]).toEqual([128, 939]);
    expect((snn.figures as CocoFigures).AP50).toBeGreaterThan(figures.AP50! - 0.02);
    // At rest it is its quantised ANN by the theorem; these were simulated.
    expect(exact).toMatchObject({ certified: true, images: 4, mismatches: 0 });
    expect(run.stdout).toMatch(/^AP50 +0\.319 /m);
  });

  test("fp32 on voc-sample has its README's figures", () => {
    const run = evaluated(q8, voc, '--mode', 'rest', '--json', at('voc.json'));
    expect(run).toMatchObject({ status: 0, stderr: '' });
    const { ann, evaluator } = read<RestDetectionEvaluation>('voc.json');
    const { area, elevenPoint } = ann!.figures as VocFigures;
    expect(evaluator).toBe('voc');
    near(area, 43.4 / 100, 0.003);
    near(elevenPoint, 0.437, 0.003);
  });

  test('the spiking net finds what its quantised ANN finds, certified; shards, merged, are one run', () => {
    const options = ['--limit', '8', '--clip-boxes', '--score', '0.01', '--at', '8,16'];
    const files = ['--json', at('full.json'), '--report', at('full.html')];
    expect(evaluated(q8, coco, ...options, ...files)).toMatchObject({ status: 0, stderr: '' });
    const { throughput: _, ...full } = read<DetectionEvaluation>('full.json');
    expect(full).toMatchObject({
      exact: { certified: true, images: 8, mismatches: 0 },
      agreement: { quantizedSnn: 1 },
      decoder: { clip: 'image', threshold: 0.01, iou: 0.45 },
    });
    const { snn, quantized } = full;
    expect(snn.figures).toEqual(quantized.figures);
    expect((snn.figures as CocoFigures).AP50).toBeGreaterThan(0.2);
    expect(snn.perStep!.map(({ step }) => step)).toEqual([8, 16]);
    expect(snn.perStep![0]!.figures).not.toEqual(snn.figures);
    const page = readFileSync(at('full.html'), 'utf8');
    expect(page).toContain(`<td>AP50</td>`);
    expect(page).toContain('Average precision after steps');
    expect(page).toContain('Firing rate');
    const journals = ['1/2', '2/2'].map((shard, i) => {
      const journal = at(`${i}.jsonl`);
      expect(evaluated(q8, coco, ...options, '--journal', journal, '--shard', shard).status).toBe(0);
      return journal;
    });
    expect(casc(['merge', ...journals, '--json', at('merged.json')])).toMatchObject({ status: 0, stderr: '' });
    const { throughput: __, ...merged } = read<DetectionEvaluation>('merged.json');
    expect(merged).toEqual(full);
  });
});
