/** The small detector as its users have it: an ONNX file, its decoder, and annotated images in a folder. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { writeModel } from '../../lib/onnx';
import { casc } from '../support/casc';
import { Random } from '../support/random';
import { decoder, detectorModel, NAMES } from './small-detector';

export interface SmallCoco {
  net: string;
  decoder: string;
  /** Options of `casc evaluate` for net and data. */
  evaluate: string[];
}

/**
 * Writes so many images of noise, 40×30, for a net with an input of `size` × `size`. What is annotated is what the net itself
 * finds best, but for a shift, so that figures are neither 0 nor 1.
 */
export async function smallCoco(folder: string, images: number, size: number): Promise<SmallCoco> {
  const at = (name: string) => join(folder, name);
  mkdirSync(at('annotations'), { recursive: true });
  mkdirSync(at('images'));
  const random = new Random(5);
  for (let i = 0; i < images; i++) {
    const pixels = Uint8Array.from({ length: 40 * 30 * 3 }, () => random.int(0, 255));
    const image = sharp(pixels, { raw: { width: 40, height: 30, channels: 3 } });
    writeFileSync(at(`images/${i}.png`), await image.png().toBuffer());
  }
  writeFileSync(at('detector.onnx'), writeModel(detectorModel(3, { size })));
  writeFileSync(at('decoder.json'), JSON.stringify(decoder));
  const resize = ['--resize', `${size}x${size}`];
  const evaluate = ['evaluate', at('detector.onnx'), '--data', `coco:${folder}`, ...resize, '--format', 'int8'];

  annotate(folder, images, {});
  const journal = at('first.jsonl');
  const first = casc([...evaluate, '--decoder', at('decoder.json'), '--mode', 'rest', '--journal', journal]);
  expect(first).toMatchObject({ status: 0, stderr: '' });
  const [, ...records] = readFileSync(journal, 'utf8').trim().split('\n');
  const found = records.map((line) => JSON.parse(line) as { id: string; answers: { snn: number[][] } });
  annotate(folder, images, Object.fromEntries(found.map(({ id, answers }) => [id, answers.snn.slice(0, 3)])));
  return { net: at('detector.onnx'), decoder: at('decoder.json'), evaluate };
}

function annotate(folder: string, count: number, boxes: Record<string, number[][]>): void {
  const images = Array.from({ length: count }, (_, i) => ({ id: i, file_name: `${i}.png`, width: 40, height: 30 }));
  const annotations = images.flatMap(({ id, file_name }) =>
    (boxes[file_name] ?? []).map(([label, , x1, y1, x2, y2], i) => {
      const [width, height] = [x2! - x1!, y2! - y1!];
      const bbox = [x1! + i * 0.3 * width, y1, width, height];
      return { id: 100 * id + i, image_id: id, category_id: label! + 1, bbox, area: width * height, iscrowd: 0 };
    }),
  );
  const categories = NAMES.map((name, i) => ({ id: i + 1, name }));
  writeFileSync(join(folder, 'annotations/instances_all.json'), JSON.stringify({ images, annotations, categories }));
}
