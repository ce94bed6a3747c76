import { type DatasetOptions, openDataset } from '../../lib/datasets';
import { dataPath, describeWithData } from '../support/data';
import { InferenceSession, Tensor } from '../support/onnxruntime';

/** Images whose label is first, and among the first five, of the network's outputs. */
async function ranked(model: string, input: string, spec: string, classes: number, options: DatasetOptions) {
  const session = await InferenceSession.create(dataPath(model));
  const data = await openDataset(spec, { ...options, classes });
  const { c, h, w } = data.shape;
  let [top1, top5] = [0, 0];
  for await (const batch of data.batches(20)) {
    const feeds = { [input]: new Tensor('float32', batch.images, [batch.count, c, h, w]) };
    const values = (await session.run(feeds)).logits!.data as Float32Array;
    for (let i = 0; i < batch.count; i++) {
      const row = values.subarray(i * classes, (i + 1) * classes);
      const above = row.reduce((sum, value) => sum + Number(value > row[batch.labels[i]!]!), 0);
      top1 += Number(above < 1);
      top5 += Number(above < 5);
    }
  }
  return { images: data.size, top1, top5 };
}

describeWithData('accuracy through this preprocessing', ['data', 'models'], () => {
  test('ResNet-20 on CIFAR-10: 87.78 %', async () => {
    const scaling = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
    const spec = `cifar10:${dataPath('data/cifar10')}`;
    const { images, top1 } = await ranked('models/resnet20-cifar10.onnx', 'input', spec, 10, { scaling });
    expect(images).toBe(5000);
    expect(Math.abs(top1 - 4389)).toBeLessThanOrEqual(1);
  });

  test('SqueezeNet on 500 ImageNet images: 318 and 410', async () => {
    const scaling = {
      mean: [123, 117, 104],
      scale: 1,
      resize: { rule: 'short-side', size: 256 },
      crop: { height: 227, width: 227 },
    } as const;
    const spec = `imagenet:${dataPath('data/imagenet-sample')}#val`;
    const { images, top1, top5 } = await ranked('models/squeezenet1.0-imagenet.onnx', 'data', spec, 1000, {
      scaling,
    });
    expect(images).toBe(500);
    expect(Math.abs(top1 - 318)).toBeLessThanOrEqual(1);
    expect(Math.abs(top5 - 410)).toBeLessThanOrEqual(1);
  });
});
