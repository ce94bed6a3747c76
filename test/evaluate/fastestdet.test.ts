/** FastestDet from its ONNX file to COCO's and VOC's figures, as users evaluate it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CocoFigures, DetectionEvaluation, RestDetectionEvaluation, VocFigures } from '../../lib';
import { casc, temporaryFolder } from '../support/casc';
import { dataPath, describeWithData } from '../support/data';

const model = 'models/fastestdet-coco.onnx';
const folder = temporaryFolder();
const at = (name: string) => join(folder, name);
const q8 = at('q8.onnx');
const coco = `coco:${dataPath('data/coco128')}`;
const voc = `voc:${dataPath('data/voc-sample/VOCdevkit/VOC2007')}`;

const near = (value: number | null, expected: number, tolerance: number) =>
  expect(Math.abs(value! - expected)).toBeLessThanOrEqual(tolerance);
const read = <T>(name: string) => JSON.parse(readFileSync(at(name), 'utf8')) as T;

describeWithData('casc evaluate of FastestDet', [model, 'data/coco128', 'data/voc-sample'], () => {
  const evaluated = (data: string, ...args: string[]) => {
    const all = ['evaluate', q8, '--data', data, '--decoder', 'fastestdet', '--ann', dataPath(model), ...args];
    return casc(all);
  };

  beforeAll(() => {
    const scaling = ['--resize', '352x352', '--no-antialias', '--channels', 'bgr'];
    const calibration = ['--calibration', coco, '--samples', '16'];
    const levels = ['--levels', '8', '--format', 'int16'];
    const { status } = casc(['quantize', dataPath(model), '-o', q8, ...levels, ...calibration, ...scaling]);
    expect(status).toBe(0);
  });

  test("fp32 on coco128 has its README's figures", () => {
    const run = evaluated(coco, '--mode', 'rest', '--json', at('coco.json'));
    expect(run).toMatchObject({ status: 0, stderr: '' });
    const { ann, images, objects } = read<RestDetectionEvaluation>('coco.json');
    const figures = ann!.figures as CocoFigures;
    near(figures.AP50, 0.319, 0.002);
    near(figures.AP, 0.187, 0.002);
    expect([images, objects]).toEqual([128, 939]);
    expect(run.stdout).toMatch(/^AP50 +0\.319 /m);
  });

  test("fp32 on voc-sample has its README's figures", () => {
    const run = evaluated(voc, '--mode', 'rest', '--json', at('voc.json'));
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
    expect(evaluated(coco, ...options, ...files)).toMatchObject({ status: 0, stderr: '' });
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
      expect(evaluated(coco, ...options, '--journal', journal, '--shard', shard).status).toBe(0);
      return journal;
    });
    expect(casc(['merge', ...journals, '--json', at('merged.json')])).toMatchObject({ status: 0, stderr: '' });
    const { throughput: __, ...merged } = read<DetectionEvaluation>('merged.json');
    expect(merged).toEqual(full);
  });
});
