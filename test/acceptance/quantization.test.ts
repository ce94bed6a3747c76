/** Quantising without labels or training: what the refit and splitting give beside clip values alone, on images not calibrated on. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openDataset } from '../../lib/datasets';
import { evaluate } from '../../lib/evaluate';
import { type QuantizeOptions, quantize } from '../../lib/quantize';
import { SpikingNetwork } from '../../lib/simulate';
import { temporaryFolder } from '../support/casc';
import { dataPath, describeWithData } from '../support/data';

const folder = temporaryFolder();
const scaling = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

describeWithData('ResNet-20 at 4 levels in int8', ['models/resnet20-cifar10.onnx', 'data/cifar10'], () => {
  /** Top-1 on 5,000 images; 20 of them are simulated, and have to be the same at every neuron. */
  async function top1(options: Partial<QuantizeOptions>): Promise<number> {
    const calibration = await openDataset(`cifar10:${dataPath('data/cifar10')}#train`, {
      scaling,
      limit: 256,
      spread: true,
    });
    const { bytes } = await quantize(dataPath('models/resnet20-cifar10.onnx'), {
      levels: 4,
      format: 'int8',
      calibration,
      ...options,
    });
    const file = join(folder, 'q.onnx');
    writeFileSync(file, bytes);
    const snn = await SpikingNetwork.load(file);
    const images = await openDataset(`cifar10:${dataPath('data/cifar10')}`, { scaling });
    const { snn: spiking, exact } = await evaluate(snn, images, { mode: 'rest', verify: 0.004 });
    snn.dispose();
    expect(exact).toMatchObject({ certified: true, images: 20 });
    return spiking.top1;
  }

  // fp32: 87.78 %. By command, with 1,024 images: docs/quantization.md.
  test('refit is a point better than clip values alone, and splitting is better still', async () => {
    const clips = await top1({ method: 'mse' });
    const fitted = await top1({ method: 'refit' });
    const split = await top1({ method: 'refit', split: 0.25 });
    expect(fitted).toBeGreaterThan(clips + 0.01);
    expect(fitted).toBeGreaterThan(0.82);
    expect(split).toBeGreaterThan(fitted);
  }, 900_000);
});
