/** A channel that hardly ever fires: fixed point must have room for its weights. */
import { importModel } from '../../lib/graph';
import { toLayers } from '../../lib/graph/layered';
import { type ClipValues, withQuantizedActivations } from '../../lib/graph/quantized';
import { toFixedPoint } from '../../lib/quantize/fixed-point';
import { raiseClips } from '../../lib/quantize/least-clips';
import { Net, weights } from '../graph/make';

test('clip values that leave no room are raised, the others and those of layers stay', async () => {
  const net = new Net(['N', 2, 6, 6]);
  const first = net.add('Relu', [net.conv('x', 4, 2)]);
  const pooled = net.add('MaxPool', [first], { kernel_shape: [2, 2], strides: [2, 2] });
  const mean = net.add('AveragePool', [pooled], { kernel_shape: [2, 2] });
  const joined = net.add('Concat', [mean, net.add('AveragePool', [pooled], { kernel_shape: [2, 2] })], { axis: 1 });
  const second = net.add('Relu', [net.conv(joined, 3, 8)]);
  const third = net.add('Relu', [net.conv(second, 2, 3)]);
  const flat = net.add('Flatten', [third], { axis: 1 });
  const network = await importModel(net.model([net.add('Gemm', [flat, weights([3, 8]), weights([3])], { transB: 1 })]));
  const [a, b, c] = network.nodes.filter(({ op }) => op === 'relu').map(({ id }) => id);
  const clips: ClipValues = new Map([
    [a!, Float64Array.of(1, 2, 3, 4)],
    [b!, Float64Array.of(2, 1e-5, 2)],
    [c!, Float64Array.of(1)],
  ]);
  const fixed = (values: ClipValues) =>
    toFixedPoint(toLayers(withQuantizedActivations(network, 16, 0.5, (id) => values.get(id)!)), {
      format: 'int8',
      inputRange: { min: -2, max: 2 },
    });
  expect(() => fixed(clips)).toThrow(/does not fit fixed point: the sums of its channel 1/);
  const raised = raiseClips(network, clips, 16);
  expect(raised.get(a!)).toEqual(clips.get(a!));
  expect(raised.get(c!)).toEqual(clips.get(c!));
  const [first1, tiny, last] = raised.get(b!)!;
  expect([first1, last]).toEqual([2, 2]);
  expect(tiny).toBeGreaterThan(1e-3);
  const neurons = fixed(raised).layers.filter((layer) => layer.kind === 'neuron');
  expect(neurons[1]!.stepIn[1]).toBeGreaterThanOrEqual(3);
});
