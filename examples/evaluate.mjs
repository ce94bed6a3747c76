// Run it from the root of the repository: node examples/evaluate.mjs
import { evaluate, openDataset, quantize, SpikingNetwork, writeWhole } from 'casc-snn';

const box = 'examples/fashion-mnist';
const scaling = { mean: [0.286], std: [0.353] };

const calibration = await openDataset(`mnist:${box}`, { scaling, limit: 256, spread: true });
const { bytes } = await quantize(`${box}/fashion-mnist-relu.onnx`, { levels: 16, format: 'int8', calibration });
await writeWhole('build/fashion-mnist-q16.onnx', bytes);

const snn = await SpikingNetwork.load('build/fashion-mnist-q16.onnx');
const images = await openDataset(`mnist:${box}`, { scaling, limit: 200 });
const { exact, quantized, snn: spiking } = await evaluate(snn, images);
console.log(exact.certified, quantized.top1 === spiking.top1, spiking.top1PerStep.length > 16); // true true true

for await (const { images: pixels, labels, count } of images.batches(4)) {
  const { outputs, sleepSteps } = await snn.simulate(pixels, count, { sleep: 'auto' });
  console.log(labels[0], outputs[0].length, sleepSteps.length); // 9 40 4
  break;
}
snn.dispose();
