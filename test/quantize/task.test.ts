/** What the quantised file says of its task, and whether evaluate believes it. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Dataset, parseInputScaling } from '../../lib/datasets';
import { evaluate } from '../../lib/evaluate';
import { importModel } from '../../lib/graph';
import { writeModel } from '../../lib/onnx';
import { type QuantizeOptions, quantize, readMetadata } from '../../lib/quantize';
import { SpikingNetwork } from '../../lib/simulate';
import { dataset as labelled } from '../evaluate/small';
import { annotated, decoder, detectorModel, NAMES } from '../evaluate/small-detector';
import { Net, weights } from '../graph/make';
import { temporaryFolder } from '../support/casc';
import { memoryDataset } from '../support/memory-dataset';

const folder = temporaryFolder();
const at = (name: string) => join(folder, name);
const shape = { c: 2, h: 5, w: 5 };

beforeAll(() => {
  writeFileSync(at('detector.onnx'), writeModel(detectorModel(2, { relu: true })));
  const net = new Net(['N', 2, 5, 5]);
  const flat = net.add('Flatten', [net.add('Relu', [net.conv('x', 4, 2)])], { axis: 1 });
  const logits = net.add('Gemm', [flat, weights([4, 100]), weights([4])], { transB: 1 });
  writeFileSync(at('classifier.onnx'), writeModel(net.model([logits])));
});

const images = (kind: string, classNames: string[] | null = null): Dataset => ({
  ...memoryDataset(shape, 4),
  kind: kind as Dataset['kind'],
  classNames,
});

async function recorded(net: string, calibration: Dataset, options: Partial<QuantizeOptions> = {}) {
  const { bytes } = await quantize(at(net), { levels: 4, format: 'int8', calibration, ...options });
  writeFileSync(at('q.onnx'), bytes);
  return readMetadata(await importModel(at('q.onnx')));
}

test('a classifier is one whatever it is calibrated on; class names are those of data with as many classes', async () => {
  const four = ['a', 'b', 'c', 'd'];
  for (const kind of ['cifar10', 'coco']) {
    const { task, decoder: none, classes } = await recorded('classifier.onnx', images(kind, four));
    expect([task, none, classes]).toEqual(['classification', undefined, four]);
  }
  expect((await recorded('classifier.onnx', images('mnist', NAMES))).classes).toBeUndefined();
});

test('a detector: by its decoder, which is recorded, or by the data it is calibrated on', async () => {
  const named = { ...decoder, classNames: NAMES };
  const by = await recorded('detector.onnx', images('imagenet', ['x', 'y', 'z']), { decoder: named });
  expect(by).toMatchObject({ task: 'detection', decoder: named, classes: NAMES });
  const first = at('first.onnx');
  const { bytes } = await quantize(at('detector.onnx'), {
    ...{ levels: 4, decoder, classNames: NAMES, calibration: images('coco') },
  });
  writeFileSync(first, bytes);
  expect(readMetadata(await importModel(first))).toMatchObject({ task: 'detection', decoder: named, classes: NAMES });
  // Once more, to fixed point.
  writeFileSync(at('q.onnx'), (await quantize(first, { format: 'int8' })).bytes);
  expect(readMetadata(await importModel(at('q.onnx')))).toMatchObject({ task: 'detection', decoder: named });

  const guessed = await recorded('detector.onnx', images('voc', ['x', 'y', 'z']));
  expect(guessed.task).toBe('detection');
  expect([guessed.decoder, guessed.classes]).toEqual([undefined, undefined]);
  expect((await recorded('detector.onnx', images('imagenet', ['x', 'y', 'z']))).task).toBeUndefined();
});

test('a decoder that is not the net’s is refused before an image is read', async () => {
  const unread = { ...images('coco'), batches: () => Promise.reject(new Error('read')) } as unknown as Dataset;
  const [head] = decoder.heads;
  const wrong: [QuantizeOptions['decoder'], string, string][] = [
    [{ heads: [{ ...head!, stride: 2 }] }, 'ERR_CASC_SHAPE', 'maps of 9 cells'],
    [{ heads: [{ ...head!, box: { ...head!.box, output: 3 } }] }, 'ERR_CASC_SHAPE', 'output 3'],
    [{ heads: [head!, { ...head!, classes: { ...head!.classes, count: 2 } }] }, 'ERR_CASC_SHAPE', '3 and 2 classes'],
    [{ ...decoder, classNames: ['ant'] }, 'ERR_CASC_ARGUMENT', 'expected 3 names'],
    [{ heads: [] }, 'ERR_CASC_ARGUMENT', 'decoder.heads'],
  ];
  for (const [each, code, message] of wrong) {
    await expect(
      quantize(at('detector.onnx'), { levels: 4, calibration: unread, decoder: each }),
    ).rejects.toMatchObject({ code, message: expect.stringContaining(message) });
  }
});

describe('evaluate', () => {
  let snn: SpikingNetwork;
  let data: Dataset;
  const open = async (net: string, options: Partial<QuantizeOptions>) => {
    const calibration = { ...images('coco'), scaling: parseInputScaling({ mean: [0.5], std: [0.25] }) };
    await recorded(net, calibration, options);
    return SpikingNetwork.load(at('q.onnx'));
  };
  beforeAll(async () => {
    snn = await open('detector.onnx', { decoder });
    data = await annotated(snn, 6);
  });
  afterAll(() => snn.dispose());

  test('of a detector takes the decoder that the file has, unless another is given', async () => {
    const { throughput: _, ...own } = await evaluate(snn, data, { detection: { at: [2] } });
    const { throughput: __, ...given } = await evaluate(snn, data, { detection: { decoder, at: [2] } });
    expect(own).toEqual(given);
    expect(own.objects).toBeGreaterThan(0);
    const other = await evaluate(snn, data, { detection: { decoder: { ...decoder, iou: 0.2 } } });
    expect(other.decoder.iou).toBe(0.2);
  });

  test('takes no detector for a classifier, and no classifier for a detector', async () => {
    const refused = (work: Promise<unknown>, message: string) =>
      expect(work).rejects.toMatchObject({ code: 'ERR_CASC_ARGUMENT', message: expect.stringContaining(message) });
    await refused(evaluate(snn, labelled(3)), 'q.onnx is a detector, but memory does not say what is where');
    await refused(evaluate(snn, labelled(3), { detection: {} }), 'a detector is evaluated on coco or voc');
    await refused(evaluate(snn, data), 'as { detection: {} }');
    const undecoded = await open('detector.onnx', {});
    await refused(evaluate(undecoded, data, { detection: {} }), 'does not record what its outputs mean');
    await refused(evaluate(undecoded, data), '--decoder');
    undecoded.dispose();
    const classifier = await open('classifier.onnx', {});
    await refused(
      evaluate(classifier, data, { detection: { decoder } }),
      'q.onnx is a classifier, as it records itself',
    );
    await refused(evaluate(classifier, data), 'evaluate it on images with labels');
    expect((await evaluate(classifier, labelled(3))).task).toBe('classification');
    classifier.dispose();
  });
});
