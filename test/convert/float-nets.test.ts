/** float32: the spiking net computes what onnxruntime computes on the original file, up to a rounded level now and then. */
import { importModel } from '../../lib/graph';
import { SpikingNetwork } from '../../lib/simulate';
import { relativeDifference, runOnnx } from '../support/onnxruntime';
import { randomNet } from '../support/random-net';

test('200 random nets in float32 agree with onnxruntime', async () => {
  let off = 0;
  for (let seed = 5000; seed < 5200; seed++) {
    const { model, images, count } = randomNet(seed);
    const network = await importModel(model);
    const snn = SpikingNetwork.from(network, { format: 'float32' });
    const { outputs } = await snn.simulate(images, count);
    const ort = await runOnnx(model, images, [count, ...network.inputDims]);
    if (network.outputs.some(({ name }, i) => relativeDifference(outputs[i]!, ort[name]!) > 1e-4)) off++;
    snn.dispose();
  }
  // A membrane within 1e-6 of a level may flip (docs/architecture.md); a wrong operator would be off everywhere.
  expect(off).toBeLessThanOrEqual(2);
});
