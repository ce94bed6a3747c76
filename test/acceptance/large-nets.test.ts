/** SqueezeNet and FastestDet: imported without complaint, equal to onnxruntime in fp32, certified as SNNs in int16. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Dataset, openDataset } from '../../lib/datasets';
import { importModel } from '../../lib/graph';
import { readModel } from '../../lib/onnx';
import { quantize } from '../../lib/quantize';
import { openPlan } from '../../lib/quantize/calibrate';
import { SpikingNetwork } from '../../lib/simulate';
import { temporaryFolder } from '../support/casc';
import { dataPath, describeWithData } from '../support/data';
import { relativeDifference, runOnnx } from '../support/onnxruntime';

const folder = temporaryFolder();

async function firstImages(dataset: Dataset, count: number): Promise<Float32Array> {
  for await (const batch of dataset.batches(count)) return batch.images;
  throw new Error('no images');
}

async function check(file: string, open: (limit: number) => Promise<Dataset>): Promise<void> {
  const network = await importModel(file);
  expect(network.verdicts.filter(({ verdict }) => verdict === 'refused')).toEqual([]);

  const images = await firstImages(await open(8), 8);
  const size = images.length / 8;
  const one = images.subarray(0, size);
  const plan = openPlan(network);
  const { outputs } = await plan.run([one.slice()], 1, { threads: 1 });
  plan.dispose();
  const ort = await runOnnx(await readModel(file), one.slice(), [1, ...network.inputDims]);
  network.outputs.forEach(({ name }, i) => {
    expect(relativeDifference(outputs[i]!, ort[name]!)).toBeLessThan(1e-4);
  });

  const { bytes } = await quantize(file, { levels: 32, format: 'int16', calibration: await open(16) });
  const written = join(folder, 'quantised.onnx');
  writeFileSync(written, bytes);
  const snn = await SpikingNetwork.load(written);
  const { certificate, atRest } = await snn.simulate(images, 8, { certify: true });
  expect(certificate).toMatchObject({ images: 8, mismatches: 0, first: null });
  expect(atRest.every(Boolean)).toBe(true);
  snn.dispose();
}

describeWithData('SqueezeNet 1.0', ['models/squeezenet1.0-imagenet.onnx', 'data/imagenet-sample/val'], () => {
  test('fp32 = onnxruntime; 32 levels in int16 certified on 8 images', async () => {
    const scaling = {
      mean: [123, 117, 104],
      scale: 1,
      resize: { rule: 'short-side' as const, size: 256 },
      crop: { height: 227, width: 227 },
    };
    await check(dataPath('models/squeezenet1.0-imagenet.onnx'), (limit) =>
      openDataset(`imagenet:${dataPath('data/imagenet-sample/val')}`, { scaling, limit }),
    );
  }, 900_000);
});

describeWithData('FastestDet', ['models/fastestdet-coco.onnx', 'data/coco128'], () => {
  test('fp32 = onnxruntime; 32 levels in int16 certified on 8 images (raw output)', async () => {
    const scaling = {
      resize: { rule: 'stretch' as const, size: 352 },
      antialias: false,
      channels: 'bgr' as const,
    };
    await check(dataPath('models/fastestdet-coco.onnx'), (limit) =>
      openDataset(`coco:${dataPath('data/coco128')}`, { scaling, limit, labelled: false }),
    );
  }, 900_000);
});
