/** ResNet-20 on CIFAR-10: accuracy of the file, certificate over all test images, onnxruntime on the file we wrote. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openDataset } from '../../lib/datasets';
import { evaluate } from '../../lib/evaluate';
import { importModel } from '../../lib/graph';
import type { QuantNode } from '../../lib/graph/network';
import { addon } from '../../lib/native';
import { quantize } from '../../lib/quantize';
import { openPlan } from '../../lib/quantize/calibrate';
import { SpikingNetwork } from '../../lib/simulate';
import { temporaryFolder } from '../support/casc';
import { dataPath, describeWithData } from '../support/data';
import { InferenceSession, runOnnx, Tensor } from '../support/onnxruntime';

const scaling = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
const folder = temporaryFolder();

function argmaxRows(values: Float32Array, width: number): number[] {
  return Array.from({ length: values.length / width }, (_, row) => {
    const part = values.subarray(row * width, (row + 1) * width);
    return part.indexOf(Math.max(...part));
  });
}

describeWithData(
  'ResNet-20, trained with 8 levels',
  ['models/resnet20-cifar10-qat8.onnx', 'data/cifar10/test_batch.bin'],
  () => {
    const file = dataPath('models/resnet20-cifar10-qat8.onnx');
    const data = `cifar10:${dataPath('data/cifar10')}`;

    test('the file in float32 has the README’s 86.38 %', async () => {
      const dataset = await openDataset(data, { scaling });
      const plan = openPlan(await importModel(file));
      let correct = 0;
      for await (const { images, labels, count } of dataset.batches(250)) {
        const { outputs } = await plan.run([images], count, { threads: addon().info().threads });
        argmaxRows(outputs[0]!, 10).forEach((top, i) => {
          if (top === labels[i]) correct++;
        });
      }
      plan.dispose();
      expect(Math.abs((100 * correct) / dataset.size - 86.38)).toBeLessThanOrEqual(0.1);
    }, 600_000);

    test('the SNN in int16 is certified on all 5,000 images and predicts what onnxruntime predicts on our file', async () => {
      const dataset = await openDataset(data, { scaling });
      const { bytes } = await quantize(file, { format: 'int16', scaling: dataset.scaling });
      const written = join(folder, 'qat8-int16.onnx');
      writeFileSync(written, bytes);
      const snn = await SpikingNetwork.load(written);
      const session = await InferenceSession.create(written, { intraOpNumThreads: 2 });
      let different = 0;
      for await (const { images, count } of dataset.batches(250)) {
        const { certificate, outputs, atRest } = await snn.simulate(images, count, { certify: true });
        expect(certificate).toMatchObject({ images: count, mismatches: 0 });
        expect(atRest.every(Boolean)).toBe(true);
        const ort = await session.run({ input: new Tensor('float32', images, [count, 3, 32, 32]) });
        const theirs = argmaxRows(ort.logits!.data as Float32Array, 10);
        argmaxRows(outputs[0]!, 10).forEach((top, i) => {
          if (top !== theirs[i]) different++;
        });
      }
      expect(different).toBe(0);
      await session.release();
      snn.dispose();
    }, 1_200_000);

    test('evaluate reports accuracy at every step and steps to rest', async () => {
      const dataset = await openDataset(data, { scaling, limit: 200 });
      const snn = await SpikingNetwork.load(file, { format: 'int16', inputRange: { min: -2.2, max: 2.7 } });
      const result = await evaluate(snn, dataset, { ann: file });
      expect(result.exact).toMatchObject({ certified: true, images: 200, mismatches: 0 });
      expect(result.snn.top1PerStep).toHaveLength(8 + result.steps.sleep.max);
      expect(result.snn.top1PerStep.at(-1)!.top1).toBe(result.quantized.top1);
      expect(result.steps.sleep.max).toBeLessThanOrEqual(18 * 8 + 1);
      expect(result.steps.sleep.mean).toBeGreaterThan(1);
      snn.dispose();
    }, 600_000);
  },
);

describeWithData('ResNet-20, quantised by us', ['models/resnet20-cifar10.onnx', 'data/cifar10/test_batch.bin'], () => {
  test('8 levels, int8: onnxruntime on our file gives the spike counts of every neuron on 100 images', async () => {
    const calibration = await openDataset(`cifar10:${dataPath('data/cifar10')}#train`, { scaling, limit: 256 });
    const { model, bytes } = await quantize(dataPath('models/resnet20-cifar10.onnx'), {
      levels: 8,
      format: 'int8',
      calibration,
    });
    const written = join(folder, 'resnet20-int8.onnx');
    writeFileSync(written, bytes);
    const network = await importModel(written);
    const snn = SpikingNetwork.from(network);
    const quants = network.nodes.filter((node): node is QuantNode => node.op === 'quant');
    expect(quants).toHaveLength(19);
    const dataset = await openDataset(`cifar10:${dataPath('data/cifar10')}`, { scaling, limit: 100 });
    let neurons = 0;
    for await (const { images, count } of dataset.batches(50)) {
      const { counts, certificate } = await snn.simulate(images, count, { counts: true, certify: true });
      expect(certificate!.mismatches).toBe(0);
      for (const optimize of [true, false]) {
        const tensors = quants.map((node) => node.tensor);
        const ort = await runOnnx(model, images, [count, 3, 32, 32], { tensors, optimize });
        for (const node of quants) {
          const theirs = ort[node.tensor]!;
          const ours = counts![node.name]!;
          expect(theirs.length).toBe(ours.length);
          expect(theirs.findIndex((level, i) => level !== ours[i])).toBe(-1);
          neurons += ours.length;
        }
      }
    }
    expect(neurons).toBe(2 * 100 * (7 * 16384 + 6 * 8192 + 6 * 4096));
    snn.dispose();
  }, 600_000);
});
