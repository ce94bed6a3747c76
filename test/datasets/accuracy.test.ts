import { type DatasetOptions, openDataset } from '../../lib/datasets';
import { dataPath, describeWithData } from '../support/data';
import { InferenceSession, Tensor } from '../support/onnxruntime';

/** Images whose label is first of the network's outputs. */
async function ranked(model: string, input: string, spec: string, classes: number, options: DatasetOptions) {
  const session = await InferenceSession.create(dataPath(model));
  const data = await openDataset(spec, { ...options, classes });
  const { c, h, w } = data.shape;
  let top1 = 0;
  for await (const batch of data.batches(20)) {
    const feeds = { [input]: new Tensor('float32', batch.images, [batch.count, c, h, w]) };
    const values = (await session.run(feeds)).logits!.data as Float32Array;
    for (let i = 0; i < batch.count; i++) {
      const row = values.subarray(i * classes, (i + 1) * classes);
      const above = row.reduce((sum, value) => sum + Number(value > row[batch.labels[i]!]!), 0);
      top1 += Number(above < 1);
    }
  }
  return { images: data.size, top1 };
}

describeWithData('accuracy through this preprocessing', ['data', 'models'], () => {
  test('ResNet-20 on CIFAR-10: 87.78 %', async () => {
    const scaling = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
    const spec = `cifar10:${dataPath('data/cifar10')}`;
    const { images, top1 } = await ranked('models/resnet20-cifar10.onnx', 'input', spec, 10, { scaling });
    expect(images).toBe(5000);
    expect(Math.abs(top1 - 4389)).toBeLessThanOrEqual(1);
  });
});
