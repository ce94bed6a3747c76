/** The analogue tail of a fixed-point file: written, run by onnxruntime, read back. */
import { importModel } from '../../lib/graph';
import { toLayers } from '../../lib/graph/layered';
import { toFixedPoint } from '../../lib/quantize/fixed-point';
import { encodeMetadata } from '../../lib/quantize/metadata';
import { readoutUnits, writeFixedPoint } from '../../lib/quantize/write-fixed';
import { SpikingNetwork } from '../../lib/simulate';
import { ints, Net, scalar, weights } from '../graph/make';
import { relativeDifference, runOnnx } from '../support/onnxruntime';
import { Random } from '../support/random';

const images = new Random(5).normal(3 * 2 * 25, 0.8);
const act = (net: Net, x: string) => {
  const level = net.add('Floor', [net.add('Add', [net.add('Mul', [x, scalar(5)]), scalar(0.5)])]);
  return net.add('Div', [net.add('Clip', [level, scalar(0), scalar(6)]), scalar(5)]);
};
const body = (net: Net) => act(net, net.conv(act(net, net.conv('x', 4, 2)), 3, 4));
/** Net and the tensor of its last activation's 3×5×5 values to the output. */
const tails: Record<string, (net: Net, x: string) => string> = {
  'sigmoid + map': (net, x) => net.add('Add', [net.add('Sigmoid', [x]), weights([3, 5, 5])]),
  'map then sigmoid': (net, x) => net.add('Sigmoid', [net.add('Add', [x, weights([3, 5, 5])])]),
  'sigmoid transpose': (net, x) => net.add('Transpose', [net.add('Sigmoid', [x])], { perm: [0, 2, 3, 1] }),
  'reshape softmax': (net, x) => net.add('Softmax', [net.add('Reshape', [x, ints([-1, 5, 15])])], { axis: 2 }),
  'clip -1 1': (net, x) => net.add('Clip', [net.add('Sub', [x, scalar(0.4)]), scalar(-0.3), scalar(0.3)]),
  'signed QuantizeLinear': (net, x) => {
    const parameters = [scalar(0.02), scalar(-11, 'int8')];
    const q = net.add('QuantizeLinear', [net.add('Sub', [x, scalar(0.4)]), ...parameters]);
    return net.add('DequantizeLinear', [q, ...parameters]);
  },
  'round and floor': (net, x) => {
    const seventh = net.add('Mul', [x, scalar(7.1)]);
    return net.add('Add', [net.add('Round', [seventh]), net.add('Floor', [seventh])]);
  },
  'pad sigmoid': (net, x) => net.add('Pad', [net.add('Tanh', [x]), ints([0, 0, 1, 0, 0, 0, 0, 2])]),
  'add of tails': (net, x) => net.add('Sum', [net.add('Sigmoid', [x]), net.add('Tanh', [x]), x]),
  'input too': (net, x) => net.add('Concat', [net.add('Sigmoid', [x]), 'x'], { axis: 1 }),
  'input add': (net, x) => net.add('Concat', [x, 'x'], { axis: 1 }),
};
test.each(Object.keys(tails))('tail: %s', async (name) => {
  const net = new Net(['N', 2, 5, 5]);
  const out = tails[name]!(net, body(net));
  const model = net.model([out]);
  const network = await importModel(model);
  const float = SpikingNetwork.from(network, { format: 'float32' });
  const ort = await runOnnx(model, images, [3, 2, 5, 5]);
  expect(relativeDifference((await float.simulate(images, 3)).outputs[0]!, ort[out]!)).toBeLessThan(1e-4);
  float.dispose();
  const fixed = toFixedPoint(toLayers(network), { format: 'int16', inputRange: { min: -3, max: 3 } });
  const written = writeFixedPoint(fixed, encodeMetadata({ format: 'int16', readouts: readoutUnits(fixed) }));
  const snn = SpikingNetwork.from(await importModel(written));
  const r = await snn.simulate(images, 3, { certify: true });
  expect(r.certificate!.mismatches).toBe(0);
  for (const optimize of [true, false]) {
    const again = await runOnnx(written, images, [3, 2, 5, 5], { optimize });
    expect(relativeDifference(r.outputs[0]!, again[out]!)).toBeLessThan(1e-5);
  }
  snn.dispose();
});
