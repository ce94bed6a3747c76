/** All forms of quantised activations come in as one node, and compute what onnxruntime computes. */
import { importGraph, type Network, type NetworkNode } from '../../lib/graph';
import { float, type TensorType } from '../../lib/onnx';
import { floats, ints, Net, scalar, weights } from './make';
import { agree } from './runtime';

type Quant = Extract<NetworkNode, { op: 'quant' }>;

const f = Math.fround;

function only(network: Network): Quant {
  const found = network.nodes.filter((node) => node.op === 'quant');
  expect(found).toHaveLength(1);
  return found[0] as Quant;
}

function numbers(quant: Quant) {
  const { levels, tiesToEven } = quant;
  return { levels, stepIn: [...quant.stepIn], offset: [...quant.offset], stepOut: [...quant.stepOut], tiesToEven };
}

/** Image → convolution → the given nodes. */
function followed(build: (net: Net, y: string) => void, opset = 13): Net {
  const net = new Net(['N', 3, 6, 5], opset);
  build(net, net.conv('x', 4, 3));
  return net;
}

const lambda = f(1.7);

describe('clip and floor', () => {
  const eighths = { levels: 8, stepIn: [1 / 8], offset: [0], stepOut: [1 / 8], tiesToEven: false };

  test('Clip(0, 1) · 8, floor, / 8', async () => {
    const net = followed((n, y) => {
      const z = n.add('Mul', [n.add('Clip', [y, scalar(0), scalar(1)]), scalar(8)]);
      n.add('Div', [n.add('Floor', [z]), scalar(8)]);
    });
    const network = await agree(net.model());
    expect(numbers(only(network))).toEqual(eighths);
    expect(network.nodes.map((node) => node.op)).toEqual(['input', 'conv', 'quant']);
    expect(network.verdicts.map((v) => v.verdict)).toEqual(['linear', 'folded', 'folded', 'neuron', 'folded']);
    expect(network.verdicts[3]).toMatchObject({ note: '8 levels' });
    expect(only(network)).toMatchObject({ name: 'Floor_3', tensor: network.outputs[0]!.name });
  });

  test('with / λ before and · λ after', async () => {
    const net = followed((n, y) => {
      const z = n.add('Clip', [n.add('Div', [y, scalar(lambda)]), scalar(0), scalar(1)]);
      const q = n.add('Div', [n.add('Floor', [n.add('Mul', [z, scalar(8)])]), scalar(8)]);
      n.add('Mul', [q, scalar(lambda)]);
    });
    expect(numbers(only(await agree(net.model())))).toEqual({
      ...eighths,
      stepIn: [lambda / 8],
      stepOut: [lambda / 8],
    });
  });

  test('clip to 0…λ before, by the step after', async () => {
    const net = followed((n, y) => {
      const z = n.add('Mul', [n.add('Clip', [y, scalar(0), scalar(2)]), scalar(4)]);
      n.add('Mul', [n.add('Floor', [z]), scalar(0.25)]);
    });
    expect(numbers(only(await agree(net.model())))).toEqual({ ...eighths, stepIn: [0.25], stepOut: [0.25] });
  });

  test('Relu and Min instead of Clip; clip attributes of opset 9', async () => {
    const net = followed((n, y) => {
      const z = n.add('Min', [n.add('Floor', [n.add('Mul', [n.add('Relu', [y]), scalar(8)])]), scalar(8)]);
      n.add('Div', [z, scalar(8)]);
    });
    const network = await agree(net.model());
    expect(numbers(only(network))).toEqual(eighths);
    const old = followed((n, y) => {
      n.add('Div', [
        n.add('Clip', [n.add('Floor', [n.add('Mul', [y, scalar(8)])])], { min: float(0), max: float(8) }),
        scalar(8),
      ]);
    }, 9);
    expect(numbers(only(await agree(old.model())))).toEqual(eighths);
  });

  test('a clip after the division', async () => {
    const net = followed((n, y) => {
      const z = n.add('Div', [n.add('Floor', [n.add('Div', [y, scalar(f(0.3))])]), scalar(5)]);
      n.add('Mul', [n.add('Clip', [z, scalar(0), scalar(1)]), scalar(f(1.5))]);
    });
    expect(numbers(only(await agree(net.model())))).toEqual({
      levels: 5,
      stepIn: [f(0.3)],
      offset: [0],
      stepOut: [f(1.5) / 5],
      tiesToEven: false,
    });
  });

  test('a clip that binds after the neuron lowers its levels', async () => {
    const net = followed((n, y) => {
      const z = n.add('Floor', [n.add('Mul', [n.add('Clip', [y, scalar(0), scalar(1)]), scalar(8)])]);
      n.add('Clip', [n.add('Div', [z, scalar(8)]), scalar(0), scalar(0.5)]);
    });
    expect(numbers(only(await agree(net.model())))).toEqual({ ...eighths, levels: 4 });
  });
});

describe('shift and rounding', () => {
  test('Div λ, Mul 8, Add 0.5, Floor, Clip, Div 8, Mul λ', async () => {
    const net = followed((n, y) => {
      const z = n.add('Add', [n.add('Mul', [n.add('Div', [y, scalar(lambda)]), scalar(8)]), scalar(0.5)]);
      n.add('Mul', [
        n.add('Div', [n.add('Clip', [n.add('Floor', [z]), scalar(0), scalar(8)]), scalar(8)]),
        scalar(lambda),
      ]);
    });
    const step = lambda / 8;
    expect(numbers(only(await agree(net.model())))).toEqual({
      levels: 8,
      stepIn: [step],
      offset: [(0.5 * lambda) / 8],
      stepOut: [step],
      tiesToEven: false,
    });
  });

  test('Round rounds ties to even', async () => {
    const net = followed((n, y) => {
      const z = n.add('Round', [n.add('Div', [y, scalar(0.25)])]);
      n.add('Mul', [n.add('Clip', [z, scalar(0), scalar(6)]), scalar(0.25)]);
    });
    const network = await agree(net.model());
    const expected = { levels: 6, stepIn: [0.25], offset: [0.125], stepOut: [0.25], tiesToEven: true };
    expect(numbers(only(network))).toEqual(expected);
    expect(network.verdicts[2]!.note).toBe(
      '6 levels; Round rounds ties to even, the neuron rounds them up: one level more at exactly an even level and a half',
    );
  });

  test('one λ for each channel', async () => {
    const lambdas = [0.5, 1, 1.5, 2].map(f);
    const each = () => floats(lambdas, [1, 4, 1, 1]);
    const net = followed((n, y) => {
      const z = n.add('Add', [n.add('Mul', [n.add('Div', [y, each()]), scalar(8)]), scalar(0.5)]);
      n.add('Mul', [n.add('Div', [n.add('Clip', [n.add('Floor', [z]), scalar(0), scalar(8)]), scalar(8)]), each()]);
    });
    const quant = only(await agree(net.model()));
    expect([...quant.stepIn]).toEqual(lambdas.map((x) => x / 8));
    expect([...quant.stepOut]).toEqual(lambdas.map((x) => x / 8));
    expect([...quant.offset]).toEqual(lambdas.map((x) => (0.5 * x) / 8));
  });

  test('fixed point: Add(c), Div(K), Floor, Clip(0, Q)', async () => {
    const thresholds = [16, 20, 3, 40];
    const net = followed((n, y) => {
      const z = n.add('Mul', [y, scalar(50)]);
      const w = n.conv(z, 4, 4);
      const c = floats(
        thresholds.map((k) => Math.floor(k / 2)),
        [1, 4, 1, 1],
      );
      n.add('Clip', [
        n.add('Floor', [n.add('Div', [n.add('Add', [w, c]), floats(thresholds, [1, 4, 1, 1])])]),
        scalar(0),
        scalar(8),
      ]);
    });
    const quant = only(await agree(net.model()));
    expect(numbers(quant)).toEqual({
      levels: 8,
      stepIn: thresholds,
      offset: [8, 10, 1, 20],
      stepOut: [1],
      tiesToEven: false,
    });
  });

  test('a bias before the quantiser goes to the convolution', async () => {
    const net = new Net(['N', 6]);
    const y = net.add('Add', [net.add('MatMul', ['x', weights([6, 4])]), floats([0.01, 0.02, 0.03, 0.04])]);
    net.add('Clip', [
      net.add('Floor', [net.add('Add', [net.add('Div', [y, scalar(0.25)]), scalar(0.5)])]),
      scalar(0),
      scalar(8),
    ]);
    const network = await agree(net.model());
    expect(numbers(only(network))).toMatchObject({ stepIn: [0.25], offset: [0.125], stepOut: [1] });
    expect(network.nodes[1]).toMatchObject({ op: 'conv', bias: Float32Array.of(0.01, 0.02, 0.03, 0.04) });
    const separate = followed((n, z) => {
      const b = n.add('Add', [z, weights([4, 1, 1], 9)]);
      n.add('Clip', [n.add('Floor', [n.add('Div', [b, scalar(0.25)])]), scalar(0), scalar(8)]);
    });
    expect(numbers(only(await agree(separate.model())))).toMatchObject({ stepIn: [0.25], offset: [0] });
  });

  test('a BatchNormalization before the quantiser goes to the convolution', async () => {
    const net = followed((n, y) => {
      const z = n.add('BatchNormalization', [
        y,
        weights([4], 1),
        weights([4], 2),
        weights([4], 3),
        floats([1, 2, 3, 4]),
      ]);
      n.add('Clip', [n.add('Floor', [n.add('Div', [z, scalar(0.25)])]), scalar(0), scalar(8)]);
    });
    const network = await agree(net.model());
    expect(network.nodes.map((node) => node.op)).toEqual(['input', 'conv', 'quant']);
    expect(only(network).stepIn).toHaveLength(1);
  });
});

describe('QuantizeLinear and DequantizeLinear', () => {
  const qdq = (n: Net, y: string, step: number, zero: number, type: TensorType) =>
    n.add('DequantizeLinear', [
      n.add('QuantizeLinear', [y, scalar(step), scalar(zero, type)]),
      scalar(step),
      scalar(zero, type),
    ]);
  const step = f(0.013);

  test.each([
    ['uint8', 0, 255],
    ['int8', -128, 255],
  ] as const)('%s with zero point %i is a neuron', async (type, zero, levels) => {
    const net = followed((n, y) => qdq(n, y, step, zero, type));
    const network = await agree(net.model());
    expect(numbers(only(network))).toEqual({
      levels,
      stepIn: [step],
      offset: [step / 2],
      stepOut: [step],
      tiesToEven: true,
    });
    expect(network.verdicts.map((v) => v.verdict)).toEqual(['linear', 'neuron', 'folded']);
    expect(network.verdicts[1]!.note).toContain('QuantizeLinear rounds ties to even, the neuron rounds them up');
  });

  test('without a zero point, 16 bits, opset 21', async () => {
    const net = followed((n, y) =>
      n.add('DequantizeLinear', [n.add('QuantizeLinear', [y, scalar(step)]), scalar(step)]),
    );
    expect(only(await agree(net.model())).levels).toBe(255);
    const wide = followed((n, y) => qdq(n, y, step, 0, 'uint16'), 21);
    expect(only(await agree(wide.model())).levels).toBe(65535);
  });

  test('a Relu before is folded, and makes a signed one a neuron', async () => {
    const relu = followed((n, y) => qdq(n, n.add('Relu', [y]), step, 0, 'uint8'));
    const network = await agree(relu.model());
    expect(network.nodes.map((node) => node.op)).toEqual(['input', 'conv', 'quant']);
    expect(network.verdicts[1]).toMatchObject({ verdict: 'folded', note: 'folded into QuantizeLinear_2' });
    const signed = followed((n, y) => qdq(n, n.add('Relu', [y]), step, 0, 'int8'));
    expect(only(await agree(signed.model())).levels).toBe(127);
  });

  test('a clip before it that binds lowers the levels', async () => {
    const net = followed((n, y) => qdq(n, n.add('Clip', [y, scalar(0), scalar(1)]), f(0.1), 0, 'uint8'));
    expect(only(await agree(net.model())).levels).toBe(10);
  });

  test('Relu, max-pool, quantise: the neuron is before the pool', async () => {
    const net = followed((n, y) =>
      qdq(n, n.add('MaxPool', [n.add('Relu', [y])], { kernel_shape: [2, 2] }), step, 0, 'int8'),
    );
    const network = await agree(net.model());
    expect(network.nodes.map((node) => node.op)).toEqual(['input', 'conv', 'quant', 'maxpool']);
    expect(only(network).levels).toBe(127);
  });

  test('quantising again on the same levels vanishes', async () => {
    const net = followed((n, y) => {
      const z = qdq(n, n.add('Relu', [y]), step, 0, 'uint8');
      qdq(n, n.add('MaxPool', [z], { kernel_shape: [2, 2] }), step, 0, 'uint8');
    });
    const network = await agree(net.model());
    expect(network.nodes.map((node) => node.op)).toEqual(['input', 'conv', 'quant', 'maxpool']);
    expect(network.verdicts[5]).toMatchObject({ verdict: 'folded', note: 'its input has these levels already' });
  });

  test('weights per channel and an int32 bias', async () => {
    const net = new Net(['N', 3, 6, 5]);
    const scales = floats([0.01, 0.02, 0.03, 0.04]);
    const values = Array.from({ length: 4 * 3 * 9 }, (_, i) => ((i * 37) % 255) - 127);
    const w = net.add('DequantizeLinear', [ints(values, 'int8', [4, 3, 3, 3]), scales, ints([0, 0, 0, 0], 'int8')], {
      axis: 0,
    });
    const b = net.add('DequantizeLinear', [ints([100, -50, 7, 0], 'int32'), floats([0.001, 0.002, 0.003, 0.004])], {
      axis: 0,
    });
    const y = net.add('Conv', [qdq(net, 'x', f(1 / 64), 0, 'int8'), w, b], { pads: [1, 1, 1, 1] });
    qdq(net, net.add('Relu', [y]), step, -128, 'int8');
    const network = await agree(net.model());
    expect(network.nodes.map((node) => node.op)).toEqual(['input', 'conv', 'quant']);
    expect(network.nodes[0]).toMatchObject({ grid: { step: 1 / 64, lo: -128, hi: 127 } });
  });
});

describe('weights quantised in the graph', () => {
  test('per channel, as PyTorch exports them', async () => {
    const net = new Net(['N', 3, 6, 5]);
    const parameters = [floats([0.01, 0.02, 0.03, 0.04].map(f)), ints([0, 0, 0, 0], 'int8')];
    const q = net.add('QuantizeLinear', [weights([4, 3, 3, 3]), ...parameters], { axis: 0 });
    net.add('Conv', ['x', net.add('DequantizeLinear', [q, ...parameters], { axis: 0 })]);
    const network = await agree(net.model());
    expect(network.verdicts.map((v) => v.verdict)).toEqual(['folded', 'folded', 'linear']);
  });
});

describe('input grid', () => {
  test.each([
    ['int8', 0, -128, 127],
    ['uint8', 128, -128, 127],
    ['uint8', 0, 0, 255],
  ] as const)('QuantizeLinear to %s with zero point %i', async (type, zero, lo, hi) => {
    const net = new Net(['N', 3, 6, 5]);
    const step = f(0.01);
    const parameters = [scalar(step), scalar(zero, type)];
    net.conv(net.add('DequantizeLinear', [net.add('QuantizeLinear', ['x', ...parameters]), ...parameters]), 2, 3);
    const network = await agree(net.model(), 2);
    expect(network.nodes.map((node) => node.op)).toEqual(['input', 'conv']);
    expect(network.nodes[0]).toMatchObject({ name: 'x', grid: { step, lo, hi } });
    expect(network.verdicts.slice(0, 2).map((v) => v.verdict)).toEqual(['input', 'input']);
  });

  test.each(['Div', 'Mul'])('fixed point: %s, Round, Clip leaves a scale', async (opType) => {
    const net = new Net(['N', 3, 6, 5]);
    const z = net.add('Round', [net.add(opType, ['x', scalar(opType === 'Div' ? 1 / 64 : 64)])]);
    net.conv(net.add('Clip', [z, scalar(-100), scalar(90)]), 2, 3);
    const network = await agree(net.model(), 2);
    expect(network.nodes.map((node) => node.op)).toEqual(['input', 'scale', 'conv']);
    expect(network.nodes[0]).toMatchObject({ grid: { step: 1 / 64, lo: -100, hi: 90 } });
    expect(network.nodes[1]).toMatchObject({ factor: Float32Array.of(64, 64, 64), shift: null });
    expect(network.verdicts.slice(0, 3).map((v) => v.verdict)).toEqual(['input', 'input', 'input']);
  });

  test('with another reader of the input it is no grid', () => {
    const net = new Net(['N', 3, 6, 5]);
    const z = net.add('Clip', [net.add('Round', [net.add('Mul', ['x', scalar(64)])]), scalar(-100), scalar(90)]);
    net.conv(net.add('Add', [z, 'x']), 2, 3);
    expect(() => importGraph(net.model())).toThrow('signed levels -100…90');
  });
});

describe('what is no quantised activation', () => {
  /** Between two convolutions; after the last, it would be the tail. */
  const refused = (build: (net: Net, y: string) => string): string => {
    try {
      importGraph(followed((n, y) => n.conv(build(n, y), 2, 4)).model());
    } catch (error) {
      return (error as Error).message;
    }
    return '';
  };

  test('a floor without a clip', () => {
    expect(refused((n, y) => n.add('Floor', [y]))).toContain(
      'node Floor_1 (Floor) cannot be converted: it is not a quantised activation: nothing clips it',
    );
  });
  test('a clip that is not on a level', () => {
    expect(
      refused((n, y) => n.add('Clip', [n.add('Floor', [n.add('Mul', [y, scalar(3)])]), scalar(0), scalar(2.5)])),
    ).toContain('not on a whole level');
  });
  test('signed levels', () => {
    const message = refused((n, y) =>
      n.add('DequantizeLinear', [
        n.add('QuantizeLinear', [y, scalar(0.1), scalar(0, 'int8')]),
        scalar(0.1),
        scalar(0, 'int8'),
      ]),
    );
    expect(message).toContain(
      'node QuantizeLinear_1 (QuantizeLinear) cannot be converted: signed QuantizeLinear (levels -128…127) is not a neuron',
    );
  });
  test('levels that differ between channels', () => {
    const message = refused((n, y) => {
      const z = n.add('Mul', [n.add('Clip', [y, scalar(0), scalar(1)]), floats([4, 8, 4, 8], [4, 1, 1])]);
      return n.add('Floor', [z]);
    });
    expect(message).toContain('different levels in different channels');
  });
  test('a negative scale', () => {
    expect(
      refused((n, y) =>
        n.add('Clip', [
          n.add('Floor', [n.add('Mul', [n.add('Clip', [y, scalar(-1), scalar(0)]), scalar(-8)])]),
          scalar(0),
          scalar(8),
        ]),
      ),
    ).not.toBe('');
  });
});
