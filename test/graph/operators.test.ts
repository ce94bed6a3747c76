/** Every operator and attribute, against onnxruntime on small models. */
import type { Network } from '../../lib/graph';
import { float } from '../../lib/onnx';
import { type Attributes, floats, ints, Net, scalar, weights } from './make';
import { agree } from './runtime';

const IMAGE = ['N', 4, 9, 7] as const;

/** One node on the image. */
function single(opType: string, attributes: Attributes = {}, opset = 13, dims: readonly (string | number)[] = IMAGE) {
  const net = new Net(dims, opset);
  net.add(opType, ['x'], attributes);
  return net.model();
}

function ops(network: Network): string[] {
  return network.nodes.map((node) => node.op).slice(1);
}

describe('convolution', () => {
  const cases: [string, readonly number[], Attributes][] = [
    ['plain', [6, 4, 3, 3], {}],
    ['pads and strides', [6, 4, 3, 2], { pads: [1, 0, 2, 1], strides: [2, 1] }],
    ['groups', [6, 2, 3, 3], { group: 2, pads: [1, 1, 1, 1] }],
    ['depthwise', [8, 1, 3, 3], { group: 4 }],
    ['dilations', [5, 4, 3, 2], { dilations: [2, 3], pads: [2, 2, 2, 2] }],
    ['SAME_UPPER', [3, 4, 4, 2], { auto_pad: 'SAME_UPPER', strides: [2, 2] }],
    ['SAME_LOWER', [3, 4, 4, 2], { auto_pad: 'SAME_LOWER', strides: [2, 3] }],
    ['VALID', [3, 4, 3, 3], { auto_pad: 'VALID' }],
  ];
  test.each(cases)('%s', async (_, dims, attributes) => {
    const net = new Net(IMAGE);
    net.add('Conv', ['x', weights(dims), weights([dims[0]!], 5)], attributes);
    expect(ops(await agree(net.model()))).toEqual(['conv']);
  });

  test('without bias, with kernel_shape, opset 9', async () => {
    const net = new Net(IMAGE, 9);
    net.add('Conv', ['x', weights([6, 4, 3, 3])], { kernel_shape: [3, 3] });
    await agree(net.model());
  });

  test('1-D', async () => {
    const net = new Net(['N', 4, 11]);
    const y = net.add('Conv', ['x', weights([6, 2, 3]), weights([6], 5)], {
      group: 2,
      strides: [2],
      pads: [2, 1],
      dilations: [2],
    });
    net.add('MaxPool', [y], { kernel_shape: [3], strides: [2], pads: [1, 1] });
    const network = await agree(net.model());
    expect(network.nodes[1]).toMatchObject({ shape: { c: 6, h: 5, w: 1 }, window: { kernel: [3, 1] } });
  });
});

describe('matrices', () => {
  test.each([
    ['plain', { transB: 1 }, [5, 12]],
    ['alpha and beta', { transB: 1, alpha: 0.5, beta: 2.5 }, [5, 12]],
    ['not transposed', {}, [12, 5]],
  ] as [string, Attributes, number[]][])('Gemm %s', async (_, attributes, dims) => {
    const net = new Net(['N', 12]);
    net.add('Gemm', ['x', weights(dims), weights([5], 9)], attributes);
    const network = await agree(net.model());
    expect(network.nodes[1]).toMatchObject({ op: 'conv', shape: { c: 5, h: 1, w: 1 } });
    expect(network.outputs[0]!.dims).toEqual([5]);
  });

  test('Gemm with a scalar bias and without', async () => {
    const net = new Net(['N', 12]);
    const y = net.add('Gemm', ['x', weights([6, 12]), floats([0.5], [1])], { transB: 1 });
    net.add('Gemm', [y, weights([6, 4])]);
    await agree(net.model());
  });

  test('Gemm after Flatten is a convolution over the whole image', async () => {
    const net = new Net(IMAGE);
    const y = net.add('Flatten', [net.conv('x', 3, 4)]);
    net.add('Gemm', [y, weights([5, 189]), weights([5], 9)], { transB: 1 });
    const network = await agree(net.model());
    expect(ops(network)).toEqual(['conv', 'conv']);
    expect(network.nodes[2]).toMatchObject({ window: { kernel: [9, 7] }, shape: { c: 5, h: 1, w: 1 } });
    expect(network.verdicts[1]).toMatchObject({ verdict: 'folded' });
  });

  test('MatMul and its bias are one convolution', async () => {
    const net = new Net(['N', 12]);
    net.add('Add', [weights([5], 2), net.add('MatMul', ['x', weights([12, 5])])]);
    const network = await agree(net.model());
    expect(ops(network)).toEqual(['conv']);
    expect(network.verdicts.map((v) => v.verdict)).toEqual(['folded', 'linear'].reverse());
  });

  test.each([[['N', 6, 12]], [['N', 2, 3, 12]]])('MatMul over %j is a 1×1 convolution between routes', async (dims) => {
    const net = new Net(dims);
    net.add('Add', [net.add('MatMul', ['x', weights([12, 5])]), weights([5], 2)]);
    const network = await agree(net.model());
    expect(ops(network)).toEqual(['route', 'conv', 'route']);
    expect(network.nodes[2]).toMatchObject({ shape: { c: 5, h: 6, w: 1 }, window: { kernel: [1, 1] } });
  });

  test('MatMul of a rank-3 value with one row', async () => {
    const net = new Net(['N', 1, 12]);
    net.add('MatMul', ['x', weights([1, 12, 5])]);
    expect((await agree(net.model())).outputs[0]!.dims).toEqual([1, 5]);
  });
});

describe('scales', () => {
  const batchNorm = (c: number) => [
    weights([c], 1),
    weights([c], 2),
    weights([c], 3),
    floats(Array.from({ length: c }, (_, i) => 0.2 + i * 0.3)),
  ];

  test.each([9, 14, 15])('BatchNormalization folds into its convolution, opset %i', async (opset) => {
    const net = new Net(IMAGE, opset);
    const y = net.conv('x', 6, 4);
    net.add('BatchNormalization', [y, ...batchNorm(6)], { epsilon: 1e-3 });
    const network = await agree(net.model());
    expect(ops(network)).toEqual(['conv']);
    expect(network.verdicts[1]).toMatchObject({ verdict: 'folded', note: 'folded into Conv_0' });
    expect(network.nodes[1]).toMatchObject({
      onnx: ['Conv_0', 'BatchNormalization_1'],
      tensor: network.outputs[0]!.name,
    });
  });

  test('a BatchNormalization whose convolution has another reader stays a scale', async () => {
    const net = new Net(IMAGE);
    const y = net.conv('x', 6, 4);
    const z = net.add('BatchNormalization', [y, ...batchNorm(6)]);
    net.add('Add', [net.add('Relu', [z]), y]);
    expect(ops(await agree(net.model()))).toEqual(['conv', 'scale', 'relu', 'add']);
  });

  test('BatchNormalization of flat and 1-D values, and first in the net', async () => {
    for (const dims of [
      ['N', 6],
      ['N', 6, 5],
      ['N', 6, 5, 4],
    ]) {
      const net = new Net(dims);
      net.add('BatchNormalization', ['x', ...batchNorm(6)]);
      expect(ops(await agree(net.model()))).toEqual(['scale']);
    }
  });

  test('Mul, Div, Add, Sub, Neg merge into the convolution', async () => {
    const net = new Net(IMAGE);
    let y = net.conv('x', 6, 4);
    y = net.add('Mul', [y, weights([1, 6, 1, 1], 8)]);
    y = net.add('Div', [y, scalar(3)]);
    y = net.add('Add', [weights([6, 1, 1], 4), y]);
    y = net.add('Sub', [y, scalar(0.25)]);
    y = net.add('Sub', [scalar(1), y]);
    net.add('Neg', [y]);
    expect(ops(await agree(net.model()))).toEqual(['conv']);
  });

  test('a scale is not folded into the next convolution', async () => {
    const net = new Net(IMAGE);
    net.conv(net.add('Div', [net.add('Sub', ['x', weights([1, 4, 1, 1])]), floats([2, 3, 4, 5], [4, 1, 1])]), 3, 4);
    const network = await agree(net.model());
    expect(ops(network)).toEqual(['scale', 'conv']);
  });

  test('scales by 1 vanish', async () => {
    const net = new Net(IMAGE);
    net.add('Relu', [net.add('Add', [net.add('Mul', ['x', scalar(1)]), scalar(0)])]);
    expect(ops(await agree(net.model()))).toEqual(['relu']);
  });

  test('Add, Sub and Sum of values', async () => {
    const net = new Net(IMAGE);
    const [a, b] = [net.conv('x', 3, 4), net.conv('x', 3, 4)];
    const y = net.add('Sub', [net.add('Add', [a, b]), net.add('Relu', [a])]);
    net.add('Sum', [net.add('Sum', [y, a, scalar(0.5), a])]);
    await agree(net.model());
  });

  test('values are repeated as ONNX broadcasts them', async () => {
    const net = new Net(IMAGE);
    net.add('Add', ['x', net.add('GlobalAveragePool', ['x'])]);
    expect(ops(await agree(net.model()))).toEqual(['avgpool', 'route', 'add']);
  });
});

describe('pooling', () => {
  const geometries: [string, Attributes][] = [
    ['plain', { kernel_shape: [2, 3] }],
    ['pads', { kernel_shape: [3, 3], pads: [1, 2, 0, 1], strides: [2, 2] }],
    ['ceil', { kernel_shape: [2, 2], strides: [2, 2], ceil_mode: 1 }],
    ['ceil with pads', { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1], ceil_mode: 1 }],
    ['ceil, last window dropped', { kernel_shape: [1, 1], strides: [3, 4], ceil_mode: 1 }],
    ['ceil, wide stride', { kernel_shape: [2, 2], strides: [5, 3], pads: [1, 1, 0, 0], ceil_mode: 1 }],
    ['SAME_UPPER', { kernel_shape: [3, 2], strides: [2, 2], auto_pad: 'SAME_UPPER' }],
    ['SAME_LOWER', { kernel_shape: [4, 3], strides: [3, 2], auto_pad: 'SAME_LOWER' }],
    ['VALID', { kernel_shape: [3, 2], strides: [2, 2], auto_pad: 'VALID' }],
  ];
  test.each(geometries)('MaxPool %s', async (_, attributes) => {
    await agree(single('MaxPool', attributes));
  });
  test.each(geometries)('AveragePool %s', async (_, attributes) => {
    await agree(single('AveragePool', attributes));
  });
  test.each(geometries)('AveragePool %s, pads counted', async (_, attributes) => {
    await agree(single('AveragePool', { ...attributes, count_include_pad: 1 }));
    await agree(single('AveragePool', { ...attributes, count_include_pad: 1 }, 19));
  });
  test('dilations', async () => {
    const attributes = { kernel_shape: [2, 3], dilations: [3, 2], pads: [1, 1, 1, 1], strides: [2, 1] };
    await agree(single('MaxPool', attributes));
    for (const ceil_mode of [0, 1]) {
      for (const count_include_pad of [0, 1])
        await agree(single('AveragePool', { ...attributes, ceil_mode, count_include_pad }, 19));
    }
  });
  test('ceil_mode over many sizes', async () => {
    for (let size = 3; size < 12; ++size) {
      for (const [kernel, stride, pad] of [
        [3, 2, 1],
        [2, 3, 1],
        [3, 3, 0],
        [2, 4, 0],
      ] as const) {
        const attributes = {
          kernel_shape: [kernel, kernel],
          strides: [stride, stride],
          pads: [pad, pad, pad, pad],
          ceil_mode: 1,
        };
        await agree(single('MaxPool', attributes, 13, ['N', 2, size, size]));
        await agree(single('AveragePool', { ...attributes, count_include_pad: 1 }, 19, ['N', 2, size, size]));
      }
    }
  });
  test('1-D', async () => {
    await agree(single('AveragePool', { kernel_shape: [3], pads: [1, 1], strides: [2] }, 13, ['N', 4, 11]));
    await agree(single('GlobalMaxPool', {}, 13, ['N', 4, 11]));
  });
  test.each(['GlobalAveragePool', 'GlobalMaxPool'])('%s', async (opType) => {
    const network = await agree(single(opType));
    expect(network.outputs[0]!.dims).toEqual([4, 1, 1]);
  });
  test.each(['ReduceMean', 'ReduceMax', 'ReduceSum'])('%s over any axes but the batch', async (opType) => {
    for (const axes of [[2, 3], [-1, -2], [1], [3], [1, 3], [1, 2, 3]]) {
      for (const keepdims of [0, 1]) {
        if (opType !== 'ReduceSum') await agree(single(opType, { axes, keepdims }, 11));
        const net = new Net(IMAGE, 18);
        net.add(opType, ['x', ints(axes)], { keepdims });
        await agree(net.model());
      }
    }
  });
  test('the mean over the image is one average pool', async () => {
    expect(ops(await agree(single('ReduceMean', { axes: [2, 3], keepdims: 0 })))).toEqual(['avgpool']);
  });
});

describe('data movement', () => {
  test.each([9, 11])('Slice, opset %i', async (opset) => {
    const net = new Net(IMAGE, opset);
    if (opset < 10) net.add('Slice', ['x'], { starts: [1, -6], ends: [3, 2147483647], axes: [1, 2] });
    else net.add('Slice', ['x', ints([-1, 1]), ints([-(2 ** 63), 2 ** 63]), ints([3, 2]), ints([-2, 3])]);
    expect(ops(await agree(net.model()))).toEqual(['route']);
  });

  test('Split: attribute, input and equal parts', async () => {
    for (const opset of [11, 13]) {
      const net = new Net(IMAGE, opset);
      const parts = ['p', 'q'];
      if (opset < 13) net.add('Split', ['x'], { axis: 1, split: [1, 3] }, parts);
      else net.add('Split', ['x', ints([1, 3])], { axis: 1 }, parts);
      net.add('Split', ['q'], { axis: -2 }, ['r', 's', 't']);
      await agree(net.model(['p', 'r', 's', 't']));
    }
    const net = new Net(IMAGE, 18);
    net.add('Split', ['x'], { axis: 2, num_outputs: 2 }, ['p', 'q']);
    await agree(net.model(['p', 'q']));
  });

  test('Concat, Transpose, Gather, Expand, Tile, depth and space', async () => {
    const net = new Net(IMAGE);
    const y = net.add('Concat', ['x', net.conv('x', 2, 4), { dims: [1, 1, 9, 7], values: new Float32Array(63) }], {
      axis: 1,
    });
    const z = net.add('Gather', [y, ints([6, 0, -2], 'int64', [3, 1])], { axis: 1 });
    const t = net.add('Transpose', [z], { perm: [0, 3, 4, 1, 2] });
    const e = net.add('Expand', [t, ints([1, 9, 7, 3, 2])]);
    net.add('Tile', [e, ints([1, 1, 2, 1, 1])]);
    expect(ops(await agree(net.model()))).toEqual(['conv', 'route']);
    for (const mode of ['DCR', 'CRD']) await agree(single('DepthToSpace', { blocksize: 2, mode }));
    await agree(single('SpaceToDepth', { blocksize: 2 }, 13, ['N', 2, 4, 6]));
    await agree(single('Transpose'));
  });

  test('Pad by attribute, input, axes, with negative pads and by reflection', async () => {
    await agree(single('Pad', { pads: [0, 0, 1, 2, 0, 0, 0, 1] }, 9));
    const net = new Net(IMAGE, 18);
    const y = net.add('Pad', ['x', ints([1, -2, 0, 1]), '', ints([1, -1])]);
    const z = net.add('Pad', [y, ints([0, 0, 2, 1, 0, 0, 3, 0])], { mode: 'reflect' });
    net.add('Pad', [z, ints([0, 0, 2, 1, 0, 0, 3, 0])], { mode: 'edge' });
    expect(ops(await agree(net.model()))).toEqual(['route']);
    const nothing = new Net(IMAGE);
    nothing.add('Relu', [nothing.add('Pad', ['x', ints([0, 0, 0, 0, 0, 0, 0, 0]), scalar(5)])]);
    expect(ops(await agree(nothing.model()))).toEqual(['relu']);
  });

  test('reshapes only rename dims', async () => {
    const net = new Net(['N', 4, 3, 2]);
    let y = net.add('Reshape', ['x', ints([0, 2, -1])]);
    y = net.add('Unsqueeze', [y, ints([0, -1])]);
    y = net.add('Squeeze', [y, ints([0])]);
    y = net.add('Squeeze', [y]);
    y = net.add('Reshape', [y, ints([1, 24])]);
    net.add('Flatten', [y], { axis: -1 });
    const network = await agree(net.model());
    expect(ops(network)).toEqual([]);
    expect(network.outputs[0]).toMatchObject({ node: 0, dims: [24] });
    const old = new Net(['N', 4, 1, 2], 11);
    old.add('Unsqueeze', [old.add('Squeeze', ['x'], { axes: [2] })], { axes: [1] });
    expect(ops(await agree(old.model()))).toEqual([]);
  });

  test('a convolution after a reshape sees the new shape', async () => {
    const net = new Net(['N', 16]);
    net.conv(net.add('Relu', [net.add('Reshape', ['x', ints([-1, 4, 2, 2])])]), 3, 4);
    await agree(net.model());
  });

  test('Resize by nearest neighbour: modes', async () => {
    const coordinates = ['asymmetric', 'half_pixel', 'align_corners', 'pytorch_half_pixel'];
    for (const coordinate_transformation_mode of coordinates) {
      for (const nearest_mode of ['round_prefer_floor', 'round_prefer_ceil', 'floor', 'ceil']) {
        for (const [h, w] of [
          [18, 14],
          [4, 5],
          [13, 7],
          [1, 3],
        ] as const) {
          const net = new Net(IMAGE);
          net.add('Resize', ['x', '', '', ints([1, 4, h, w])], {
            mode: 'nearest',
            coordinate_transformation_mode,
            nearest_mode,
          });
          await agree(net.model());
        }
        for (const [h, w] of [
          [2, 2],
          [0.6, 1.7],
        ] as const) {
          const net = new Net(IMAGE, 11);
          net.add('Resize', ['x', floats([], [0]), floats([1, 1, h, w])], {
            mode: 'nearest',
            coordinate_transformation_mode,
            nearest_mode,
          });
          await agree(net.model());
        }
      }
    }
  });

  test('Resize by nearest neighbour: coordinates of single opsets', async () => {
    for (const [opset, coordinate_transformation_mode] of [
      [19, 'half_pixel_symmetric'],
      [11, 'tf_half_pixel_for_nn'],
    ] as const) {
      for (const scales of [
        [1, 1, 2, 3],
        [1, 1, 0.6, 1.3],
      ]) {
        const net = new Net(IMAGE, opset);
        const inputs = ['x', floats([], [0]), floats(scales)];
        net.add('Resize', inputs, { mode: 'nearest', nearest_mode: 'floor', coordinate_transformation_mode });
        await agree(net.model());
      }
    }
  });

  test('Resize with axes, of opset 10, and Upsample', async () => {
    const net = new Net(IMAGE, 18);
    net.add('Resize', ['x', '', floats([3, 2])], { mode: 'nearest', axes: [3, 2] });
    await agree(net.model());
    for (const scales of [
      [1, 1, 2, 3],
      [1, 1, 0.5, 1.5],
    ]) {
      const ten = new Net(IMAGE, 10);
      ten.add('Resize', ['x', floats(scales)], { mode: 'nearest' });
      await agree(ten.model());
    }
    const nine = new Net(IMAGE, 9);
    nine.add('Upsample', ['x', floats([1, 1, 2, 3])], { mode: 'nearest' });
    await agree(nine.model());
  });

  test('a channel shuffle is one route', async () => {
    const net = new Net(['N', 6, 4, 4]);
    let y = net.add('Relu', ['x']);
    y = net.add('Reshape', [y, ints([-1, 2, 3, 4, 4])]);
    y = net.add('Transpose', [y], { perm: [0, 2, 1, 3, 4] });
    net.add('Reshape', [y, ints([-1, 6, 4, 4])]);
    const network = await agree(net.model());
    expect(ops(network)).toEqual(['relu', 'route']);
    expect(network.verdicts.map((v) => v.verdict)).toEqual(['neuron', 'folded', 'folded', 'linear']);
  });

  test('Identity, Dropout and Cast vanish', async () => {
    const net = new Net(IMAGE, 11);
    const y = net.add('Cast', [net.add('Identity', ['x'])], { to: 1 });
    net.add('Relu', [net.add('Dropout', [y], { ratio: 0.5 }, ['d', 'mask'])]);
    const network = await agree(net.model());
    expect(ops(network)).toEqual(['relu']);
    expect(network.verdicts[0]).toMatchObject({ verdict: 'folded', note: 'the data stays in place' });
    const newer = new Net(IMAGE, 13);
    newer.add('Relu', [newer.add('Dropout', ['x', scalar(0.3), scalar(0, 'bool')])]);
    await agree(newer.model());
  });

  test('there and back again is the identity', async () => {
    const net = new Net(IMAGE);
    const y = net.add('Transpose', ['x'], { perm: [0, 2, 3, 1] });
    net.add('Relu', [net.add('Transpose', [y], { perm: [0, 3, 1, 2] })]);
    expect(ops(await agree(net.model()))).toEqual(['relu']);
  });
});

describe('activations', () => {
  test('Clip by attribute and input, Min and Max', async () => {
    const build = [
      (net: Net, y: string) => net.add('Clip', [y], { min: float(0), max: 0.6 }),
      (net: Net, y: string) => net.add('Clip', [y, scalar(0), scalar(0.6)]),
      (net: Net, y: string) => net.add('Clip', [y, scalar(0)]),
      (net: Net, y: string) => net.add('Min', [net.add('Max', [y, scalar(0)]), scalar(0.6)]),
      (net: Net, y: string) => net.add('Clip', [net.add('Relu', [y]), '', scalar(0.6)]),
    ];
    const opsets = [9, 11, 13, 13, 12];
    for (const [at, make] of build.entries()) {
      const net = new Net(IMAGE, opsets[at]!);
      make(net, net.conv('x', 3, 4));
      const network = await agree(net.model());
      expect(ops(network)).toEqual(['conv', 'relu']);
      expect(network.nodes[2]).toMatchObject({ max: at === 2 ? Number.POSITIVE_INFINITY : expect.closeTo(0.6) });
    }
  });

  test('a Relu of what is never negative vanishes', async () => {
    const net = new Net(IMAGE);
    const y = net.add('MaxPool', [net.add('Relu', [net.conv('x', 3, 4)])], { kernel_shape: [2, 2] });
    const z = net.add('Relu', [net.add('AveragePool', [net.add('Relu', [y])], { kernel_shape: [2, 2] })]);
    net.add('Relu', [net.add('Concat', [z, z], { axis: 1 })]);
    const network = await agree(net.model());
    expect(ops(network)).toEqual(['conv', 'relu', 'maxpool', 'avgpool', 'route']);
    expect(network.verdicts[3]).toEqual({
      name: 'Relu_3',
      opType: 'Relu',
      verdict: 'folded',
      note: 'its input is never negative',
    });
  });

  test.each(['Relu', 'Clip'])('%s after a max-pool acts before it', async (opType) => {
    const net = new Net(IMAGE);
    const y = net.add('MaxPool', [net.conv('x', 3, 4)], { kernel_shape: [3, 3], pads: [1, 1, 1, 1], strides: [2, 2] });
    net.add(opType, opType === 'Relu' ? [y] : [y, scalar(0), scalar(1)]);
    const network = await agree(net.model());
    expect(ops(network)).toEqual(['conv', 'relu', 'maxpool']);
    expect(network.verdicts[2]!.note).toBe('not quantised yet; exchanged with MaxPool_1: acts before the pool');
    expect(network.nodes[3]!.tensor).toBe(network.outputs[0]!.name);
  });

  test('a max-pool with another reader stays where it is', async () => {
    const net = new Net(IMAGE);
    const y = net.add('MaxPool', [net.conv('x', 3, 4)], { kernel_shape: [3, 3] });
    net.add('Add', [net.add('Relu', [y]), y]);
    expect(ops(await agree(net.model()))).toEqual(['conv', 'maxpool', 'relu', 'add']);
  });

  test('convolution, pool, BatchNormalization, Relu', async () => {
    const net = new Net(IMAGE);
    const y = net.add('MaxPool', [net.conv('x', 3, 4)], { kernel_shape: [2, 2] });
    const z = net.add('BatchNormalization', [
      y,
      floats([1, 2, 3]),
      weights([3], 2),
      weights([3], 4),
      floats([1, 2, 3]),
    ]);
    net.add('Relu', [z]);
    expect(ops(await agree(net.model()))).toEqual(['conv', 'relu', 'maxpool']);
  });
});

describe('tail', () => {
  test.each(['Sigmoid', 'Tanh', 'Exp', 'Abs'])('%s', async (opType) => {
    const net = new Net(IMAGE);
    net.add(opType, [net.conv('x', 3, 4)]);
    const network = await agree(net.model());
    expect(network.nodes.map((node) => node.tail)).toEqual([false, false, true]);
    expect(network.verdicts[1]).toMatchObject({ verdict: 'tail' });
  });

  test('Sqrt and Log of positive values', async () => {
    const net = new Net(IMAGE);
    const y = net.add('Add', [net.add('Relu', ['x']), scalar(0.5)]);
    net.add('Log', [net.add('Sqrt', [y])]);
    const network = await agree(net.model());
    expect(network.nodes.map((node) => [node.op, node.tail])).toEqual([
      ['input', false],
      ['relu', false],
      ['scale', true],
      ['unary', true],
      ['unary', true],
    ]);
  });

  test.each([
    [11, 1],
    [11, 3],
    [11, -2],
    [13, 1],
    [13, 2],
    [13, -1],
    [13, undefined],
    [9, undefined],
  ])('Softmax and LogSoftmax, opset %i, axis %s', async (opset, axis) => {
    for (const opType of ['Softmax', 'LogSoftmax']) await agree(single(opType, { axis }, opset, ['N', 4, 3, 2]), 3);
  });

  test('what only feeds the tail is tail; what comes after it too', async () => {
    const net = new Net(IMAGE);
    const y = net.conv('x', 4, 4);
    const t = net.add('Transpose', [y], { perm: [0, 3, 2, 1] });
    const s = net.add('Mul', [net.add('Transpose', [net.add('Softmax', [t])], { perm: [0, 3, 2, 1] }), scalar(2)]);
    net.add('Concat', [net.conv('x', 2, 4), s], { axis: 1 });
    const network = await agree(net.model());
    expect(network.nodes.filter((node) => !node.tail).map((node) => node.op)).toEqual(['input', 'conv', 'conv']);
  });

  test('a clip that no neuron computes can end the net', async () => {
    for (const bounds of [
      [-0.5, 0.5],
      [0.25, 1],
    ]) {
      const net = new Net(IMAGE);
      net.add('Clip', [net.conv('x', 4, 4), scalar(bounds[0]!), scalar(bounds[1]!)]);
      const network = await agree(net.model());
      expect(network.verdicts[1]).toMatchObject({ verdict: 'tail' });
    }
    const net = new Net(IMAGE);
    net.add('Min', [net.conv('x', 4, 4), scalar(0.3)]);
    await agree(net.model());
  });
});

describe('constants are folded', () => {
  test('a shape computed in the graph', async () => {
    const net = new Net(IMAGE);
    const shape = net.add('Shape', ['x']);
    const n = net.add('Gather', [shape, scalar(0, 'int64')], { axis: 0 });
    const c = net.add('Slice', [shape, ints([1]), ints([2])]);
    const rest = net.add('Cast', [net.add('Floor', [net.add('Div', [net.add('Cast', [c], { to: 1 }), scalar(1.5)])])], {
      to: 7,
    });
    const two = net.add('Add', [net.add('Mul', [rest, ints([0])]), ints([-1])]);
    const all = net.add('Concat', [net.add('Unsqueeze', [n, ints([0])]), c, two], { axis: 0 });
    net.add('Reshape', ['x', all]);
    const network = await agree(net.model());
    expect(network.outputs[0]!.dims).toEqual([4, 63]);
    expect(network.verdicts.slice(0, -1).every((v) => v.verdict === 'folded')).toBe(true);
  });

  test('pads computed in the graph, Where, Equal, Range, Expand, ConstantOfShape', async () => {
    const net = new Net(IMAGE);
    const zeros = net.add('ConstantOfShape', [ints([4])], {});
    const cast = net.add('Cast', [zeros], { to: 7 });
    const ends = net.add('Where', [
      net.add('Equal', [net.add('Range', [scalar(0, 'int64'), scalar(4, 'int64'), scalar(1, 'int64')]), ints([3])]),
      ints([2]),
      cast,
    ]);
    net.add('Pad', ['x', net.add('Concat', [cast, net.add('Expand', [ends, ints([4])])], { axis: 0 })]);
    const network = await agree(net.model());
    expect(network.outputs[0]!.dims).toEqual([4, 9, 9]);
  });

  test('weights computed in the graph: split, transposed, reduced, dequantised', async () => {
    const net = new Net(['N', 6]);
    const w = net.add('Transpose', [weights([6, 8])], { perm: [1, 0] });
    net.add('Split', [w, ints([3, 5])], { axis: 0 }, ['w1', 'w2']);
    const d = net.add(
      'DequantizeLinear',
      [ints([-5, 3, 100, -128, 7, 9], 'int8', [2, 3]), floats([0.1, 0.2]), ints([0, 3], 'int8')],
      { axis: 0 },
    );
    const y = net.add(
      'Gemm',
      ['x', net.add('Sqrt', [net.add('Abs', ['w1'])]), net.add('ReduceMean', ['w1'], { axes: [1], keepdims: 0 })],
      { transB: 1 },
    );
    net.add('Gemm', [y, net.add('Clip', [d, scalar(-3), scalar(3)])], { transB: 1 });
    expect(ops(await agree(net.model()))).toEqual(['conv', 'conv']);
  });

  test('Constant in all its attribute forms', async () => {
    const net = new Net(['N', 4, 2], 13);
    const y = net.add('Mul', ['x', net.add('Constant', [], { value_float: float(2) })]);
    const z = net.add('Add', [y, net.add('Constant', [], { value_floats: { floats: [1, 2] } })]);
    const r = net.add('Reshape', [z, net.add('Constant', [], { value_ints: [-1, 8] })]);
    net.add('Gather', [r, net.add('Constant', [], { value_int: 3 })], { axis: 1 });
    await agree(net.model());
    const other = new Net(['N', 2, 4], 13);
    const a = other.add('Mul', ['x', other.add('Constant', [], { value_float: float(2) })]);
    const b = other.add('Reshape', [a, other.add('Constant', [], { value_ints: [-1, 8] })]);
    other.add('Gather', [b, other.add('Constant', [], { value_int: 3 })], { axis: 1 });
    await agree(other.model());
  });

  test.each([9, 11, 13, 17, 21])('opset %i', async (opset) => {
    const net = new Net(IMAGE, opset);
    const y = net.add('Relu', [net.conv('x', 3, 4)]);
    net.add('Softmax', [net.add('Flatten', [net.add('MaxPool', [y], { kernel_shape: [2, 2] })])], { axis: 1 });
    await agree(net.model());
  });
});
