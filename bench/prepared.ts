/** A case made ready in a folder: its images, and the same net three times: fp32, int8 for onnxruntime, quantised for us. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openDataset, quantize, writeWhole } from 'casc-snn';
import { readModel } from '../dist/onnx';
import { type Images, writeOptimized } from './onnxruntime';
import type { PeerCase } from './peer-cases';
import { quantizeToQdq } from './qdq';

export interface Prepared {
  one: PeerCase;
  images: Images;
  /** Paths of ONNX files. */
  fp32: string;
  int8: string;
  snn: string;
  /** Operators of the int8 net as onnxruntime executes it, counted. */
  int8Kernels: Record<string, number>;
}

/** Images of a calibration batch. */
const BATCH = 32;

export async function prepare(one: PeerCase, folder: string): Promise<Prepared> {
  const file = (kind: string) => join(folder, `${one.name.replaceAll(' ', '-')}.${kind}.onnx`);
  const [fp32, int8, snn] = [await original(one, file('fp32')), file('int8'), file('snn')];

  await writeOptimized(fp32, file('folded'), 'basic');
  await writeFile(int8, await quantizeToQdq(await readModel(file('folded')), calibrationBatches(one)));
  const int8Kernels = await fusedKernels(int8, file('fused'));

  const { levels, format } = one;
  const { bytes } = await quantize(fp32, { levels, format, calibration: await calibrationOf(one) });
  await writeWhole(snn, bytes);
  return { one, images: await imagesOf(one), fp32, int8, snn, int8Kernels };
}

/** The path of the fp32 net, which is made first where the case says how. */
async function original(one: PeerCase, file: string): Promise<string> {
  const { model } = one;
  if (typeof model === 'string') return model;
  for await (const images of calibrationBatches(one, one.calibrationImages)) {
    await writeFile(file, await model(images));
    return file;
  }
  throw new Error(`${one.calibration} has no images`);
}

function calibrationOf({ calibration, scaling, calibrationImages: limit }: PeerCase) {
  return openDataset(calibration, { scaling, limit, spread: true, labelled: false });
}

async function* calibrationBatches(one: PeerCase, size = BATCH): AsyncGenerator<Images> {
  const dataset = await calibrationOf(one);
  const { c, h, w } = dataset.shape;
  for await (const { images, count } of dataset.batches(size)) yield { pixels: images, dims: [count, c, h, w] };
}

/** The images that are timed. */
async function imagesOf({ data, scaling, batch }: PeerCase): Promise<Images> {
  const dataset = await openDataset(data, { scaling, limit: batch, spread: true });
  const { c, h, w } = dataset.shape;
  for await (const { images, count } of dataset.batches(batch)) {
    if (count === batch) return { pixels: images, dims: [batch, c, h, w] };
  }
  throw new Error(`${data} has fewer than ${batch} images`);
}

/** Throws where onnxruntime would run a convolution or a matrix product of the int8 net in float32. */
async function fusedKernels(int8: string, file: string): Promise<Record<string, number>> {
  await writeOptimized(int8, file, 'all');
  const kernels: Record<string, number> = {};
  for (const { opType } of (await readModel(file)).proto.graph.node ?? []) {
    kernels[opType!] = (kernels[opType!] ?? 0) + 1;
  }
  const float = ['Conv', 'FusedConv', 'Gemm', 'FusedGemm', 'MatMul'].find((opType) => kernels[opType]);
  if (float) throw new Error(`${int8}: onnxruntime runs ${float} in float32; bench/qdq.ts must write what it fuses`);
  return kernels;
}
