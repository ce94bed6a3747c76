/** What cannot be converted is named with its node, operator, reason and advice; what is inconsistent is an error. */
import { CascError, type ErrorCode } from '../../lib/errors';
import { importGraph, importModel } from '../../lib/graph';
import { makeModel, makeNode, makeTensor, type OnnxModel, valueInfo } from '../../lib/onnx';
import { floats, ints, Net, scalar, weights } from './make';

function thrown(model: OnnxModel): CascError {
  try {
    importGraph(model);
  } catch (error) {
    expect(error).toBeInstanceOf(CascError);
    return error as CascError;
  }
  throw new Error('expected an error');
}

function expectError(model: OnnxModel, code: ErrorCode, ...parts: string[]): CascError {
  const error = thrown(model);
  for (const part of parts) expect(error.message).toContain(part);
  expect(error.code).toBe(code);
  expect(error.message.startsWith('(memory): ')).toBe(true);
  return error;
}

function net(build: (n: Net, y: string) => void, opset = 13): OnnxModel {
  const n = new Net(['N', 4, 6, 6], opset);
  build(n, n.conv('x', 4, 4));
  return n.model();
}

describe('refused operators', () => {
  test.each([
    'LeakyRelu',
    'Elu',
    'PRelu',
    'HardSwish',
    'Gelu',
    'Softplus',
    'InstanceNormalization',
    'ArgMax',
    'ConvTranspose',
    'NoSuchOp',
  ])('%s', (opType) => {
    const error = expectError(
      net((n, y) => n.add(opType, [y])),
      'ERR_CASC_UNSUPPORTED',
      `node ${opType}_1 (${opType}) cannot be converted: `,
    );
    expect(error.where).toEqual({ file: '(memory)', node: `${opType}_1`, opType });
  });

  const cases: [string, (n: Net, y: string) => void, string][] = [
    ['product of values', (n, y) => n.add('Mul', [y, n.add('Sigmoid', [y])]), 'multiplies two values'],
    ['division by a value', (n, y) => n.add('Div', [scalar(1), y]), 'divides by a value'],
    ['matrix product of values', (n, y) => n.add('MatMul', [y, y]), 'attention'],
    ['constant on the left', (n, y) => n.add('MatMul', [weights([6, 6]), y]), 'constant on the right'],
    [
      'transposed left operand',
      (n, y) => n.add('Gemm', [n.add('Flatten', [y]), weights([1, 2])], { transA: 1 }),
      'transA',
    ],
    [
      'weights from the image',
      (n, y) => n.add('Conv', ['x', n.add('Reshape', [y, ints([4, 4, 3, 3])])]),
      'its weight is computed from the input',
    ],
    ['Pad with a constant', (n, y) => n.add('Pad', [y, ints([0, 0, 1, 1, 0, 0, 1, 1]), scalar(3)]), 'it pads with 3'],
    ['Concat with a constant', (n, y) => n.add('Concat', [y, weights([1, 1, 6, 6])], { axis: 1 }), 'other than 0'],
    ['linear Resize', (n, y) => n.add('Resize', [y, '', floats([1, 1, 2, 2])], { mode: 'linear' }), 'only nearest'],
    ['a constant within a channel', (n, y) => n.add('Mul', [y, weights([6, 6])]), 'varies within a channel'],
    ['mean over the batch', (n, y) => n.add('ReduceMean', [y], { axes: [0] }), 'batch axis'],
    ['cast to integers', (n, y) => n.add('Cast', [y], { to: 7 }), 'casts a value of the net to int64'],
    [
      'Relu after the tail',
      (n, y) => n.add('Relu', [n.add('Tanh', [y])]),
      'analogue in the middle of the net: it comes after Tanh_1 (Tanh)',
    ],
    ['convolution after the tail', (n, y) => n.conv(n.add('Softmax', [y]), 2, 4), 'analogue in the middle'],
    [
      'a clip in the middle',
      (n, y) => n.conv(n.add('Clip', [y, scalar(-1), scalar(1)]), 2, 4),
      'it clips to -1…1; a neuron starts at 0',
    ],
    [
      '3-D pooling',
      (n, y) => n.add('MaxPool', [n.add('Reshape', [y, ints([1, 4, 6, 3, 2])])], { kernel_shape: [1, 1, 1] }),
      'expected 1-D or 2-D',
    ],
    [
      'pooling of a moved batch',
      (n, y) => n.add('MaxPool', [n.add('Reshape', [y, ints([4, 1, 6, 6])])], { kernel_shape: [2, 2] }),
      'batch axis that has been moved',
    ],
    [
      'an upper bound per channel without a quantised activation',
      (n, y) => n.conv(n.add('Min', [n.add('Relu', [y]), floats([1, 2, 3, 4], [4, 1, 1])]), 2, 4),
      'it only clips from above; a neuron starts at 0. Put a Relu before it, with one bound for all channels',
    ],
    [
      'lower bounds per channel',
      (n, y) => n.conv(n.add('Max', [y, floats([0, 1, 0, 0], [4, 1, 1])]), 2, 4),
      'its bounds differ between channels: [0,1,0,0]; expected 0 as the lower',
    ],
    [
      'negative upper bounds per channel',
      (n, y) => n.conv(n.add('Min', [y, floats([1, -1, 1, 1], [4, 1, 1])]), 2, 4),
      'its bounds differ between channels: [1,-1,1,1]',
    ],
    [
      'HardTanh from -1 on',
      (n, y) => n.conv(n.add('Max', [n.add('Min', [y, scalar(1)]), scalar(-1)]), 2, 4),
      'it clips to -1…1; a neuron starts at 0. Fine-tune with Relu or Clip from 0.',
    ],
    ['SiLU', (n, y) => n.conv(n.add('Mul', [y, n.add('Sigmoid', [y])]), 2, 4), 'multiplies two values'],
    ['two values compared', (n, y) => n.add('Max', [y, 'x']), 'compares two values'],
    ['training', (n, y) => n.add('Dropout', [y, scalar(0.5), scalar(1, 'bool')]), 'training mode'],
  ];
  test.each(cases)('%s', (_, build, reason) => {
    expectError(net(build), 'ERR_CASC_UNSUPPORTED', reason);
  });

  test('another domain', () => {
    const model = makeModel({
      nodes: [makeNode('FusedConv', ['x'], ['y'], {}, 'f', 'com.microsoft')],
      inputs: [valueInfo('x', [1, 3])],
      outputs: [valueInfo('y', [1, 3])],
    });
    expectError(model, 'ERR_CASC_UNSUPPORTED', 'node f (FusedConv)', 'domain "com.microsoft"');
  });

  test('a refused node that no output needs does not matter', () => {
    const n = new Net(['N', 4, 6, 6]);
    const y = n.add('Relu', ['x']);
    n.add('ArgMax', ['x']);
    const network = importGraph(n.model([y]));
    expect(network.verdicts[1]).toMatchObject({ verdict: 'folded', note: 'not needed for any output' });
  });
});

describe('strict: false', () => {
  test('goes as far as it goes, with a verdict for every node', () => {
    const n = new Net(['N', 4, 6, 6]);
    const y = n.add('Relu', [n.conv('x', 4, 4)]);
    const z = n.add('LeakyRelu', [y]);
    const w = n.add('Relu', [n.conv(z, 2, 4)]);
    const b = n.add('Sigmoid', [y]);
    const network = importGraph(n.model([w, b]), { strict: false });
    expect(network.verdicts.map(({ verdict, note }) => [verdict, note])).toEqual([
      ['linear', ''],
      ['neuron', 'not quantised yet'],
      ['refused', expect.stringContaining('Fine-tune the net with Relu')],
      ['refused', 'depends on LeakyRelu_2'],
      ['refused', 'depends on LeakyRelu_2'],
      ['tail', ''],
    ]);
    expect(network.nodes.map((node) => node.op)).toEqual(['input', 'conv', 'relu', 'unary']);
    expect(network.outputs).toEqual([{ name: b, node: 3, dims: [4, 6, 6] }]);
  });

  test('nodes refused late take what depends on them along', () => {
    const n = new Net(['N', 4, 6, 6]);
    const y = n.add('Floor', [n.add('Mul', [n.conv('x', 4, 4), scalar(3)])]);
    n.add('Relu', [n.conv(y, 4, 4)]);
    const network = importGraph(n.model(), { strict: false });
    expect(network.verdicts.map((v) => v.verdict)).toEqual(['linear', 'folded', 'refused', 'refused', 'refused']);
    expect(network.verdicts[4]!.note).toBe('depends on Floor_2');
    expect(network.outputs).toEqual([]);
    expect(network.nodes.map((node) => node.op)).toEqual(['input', 'conv']);
  });

  test('strict throws for the first in file order', () => {
    const n = new Net(['N', 4, 6, 6]);
    const y = n.conv(n.add('Floor', ['x']), 4, 4);
    n.conv(n.add('Add', [y, n.add('Elu', ['x'])]), 2, 4);
    expectError(n.model(), 'ERR_CASC_UNSUPPORTED', 'node Floor_0 (Floor)');
  });
});

describe('inconsistent graphs', () => {
  const plain = (parts: Partial<Parameters<typeof makeModel>[0]>): OnnxModel =>
    makeModel({
      nodes: [makeNode('Relu', ['x'], ['y'])],
      inputs: [valueInfo('x', ['N', 3, 4, 4])],
      outputs: [valueInfo('y', ['N', 3, 4, 4])],
      ...parts,
    });

  test('a cycle', () => {
    const nodes = [makeNode('Add', ['x', 'b'], ['a'], {}, 'one'), makeNode('Relu', ['a'], ['b'], {}, 'two')];
    expectError(
      plain({ nodes, outputs: [valueInfo('b', [])] }),
      'ERR_CASC_MODEL',
      'the graph has a cycle through node one (Add)',
    );
  });
  test('a missing tensor', () => {
    expectError(
      plain({ nodes: [makeNode('Add', ['x', 'q'], ['y'])] }),
      'ERR_CASC_MODEL',
      'node Add(y) (Add) reads tensor "q", which nothing makes',
    );
    expectError(plain({ outputs: [valueInfo('z', [])] }), 'ERR_CASC_MODEL', 'output "z" is made by no node');
  });
  test('a tensor made twice', () => {
    const nodes = [makeNode('Relu', ['x'], ['y']), makeNode('Neg', ['x'], ['y'])];
    expectError(plain({ nodes }), 'ERR_CASC_MODEL', '"y" is made twice');
    const twice = [makeTensor('w', [1], [1]), makeTensor('w', [1], [1])];
    expectError(plain({ initializers: twice }), 'ERR_CASC_MODEL', 'initializer "w" is given twice');
  });
  test('a missing node output is not an input, nodes may come in any order', () => {
    const nodes = [makeNode('Relu', ['t'], ['y']), makeNode('Neg', ['x'], ['t'])];
    expect(importGraph(plain({ nodes })).nodes.map((node) => node.op)).toEqual(['input', 'scale', 'relu']);
  });
  test('inputs', () => {
    expectError(plain({ inputs: [] }), 'ERR_CASC_MODEL', '0 inputs');
    expectError(
      plain({ inputs: [valueInfo('x', [1, 3]), valueInfo('z', [1, 3])] }),
      'ERR_CASC_MODEL',
      '2 inputs ("x", "z"); expected one',
    );
    expectError(plain({ inputs: [valueInfo('x', [8, 3, 4, 4])] }), 'ERR_CASC_MODEL', 'a fixed batch of 8; expected 1');
    expectError(
      plain({ inputs: [valueInfo('x', ['N', 3, 'height', 4])] }),
      'ERR_CASC_MODEL',
      'dimension 2 of input "x" is "height"',
      'dynamic_axes',
    );
    expectError(
      plain({ inputs: [valueInfo('x', ['N', 3, 0])] }),
      'ERR_CASC_MODEL',
      'dimension 2 of input "x" is unknown',
    );
    expectError(
      plain({ inputs: [valueInfo('x', ['N', 3], 'uint8')] }),
      'ERR_CASC_MODEL',
      'is of type uint8; expected float',
    );
    expectError(plain({ inputs: [{ name: 'x' }] }), 'ERR_CASC_MODEL', 'has no shape');
    expectError(plain({ inputs: [valueInfo('x', ['N', 2 ** 30, 2 ** 30])] }), 'ERR_CASC_MODEL', 'larger than');
    expectError(plain({ outputs: [] }), 'ERR_CASC_MODEL', 'no outputs');
  });
  test('an initializer may be listed as an input', () => {
    const model = plain({
      nodes: [makeNode('Mul', ['x', 'w'], ['y'])],
      inputs: [valueInfo('x', ['N', 3]), valueInfo('w', [])],
      initializers: [makeTensor('w', [], [2])],
    });
    expect(importGraph(model).nodes).toHaveLength(2);
  });
  test('an output that is constant', () => {
    const initializers = [makeTensor('w', [1], [1])];
    expectError(
      plain({ nodes: [makeNode('Neg', ['w'], ['y'])], initializers }),
      'ERR_CASC_MODEL',
      'does not depend on the input',
    );
  });
  test('the input as an output, one node as two outputs', () => {
    const network = importGraph(plain({ outputs: [valueInfo('x', []), valueInfo('y', []), valueInfo('y', [])] }));
    expect(network.outputs.map((output) => output.node)).toEqual([0, 1, 1]);
  });

  const wrong: [string, (n: Net, y: string) => void, string][] = [
    ['Conv channels', (n, y) => n.add('Conv', [y, weights([4, 3, 3, 3])]), 'does not fit 4 input channels'],
    ['Conv rank', (n, y) => n.add('Conv', [y, weights([4, 4, 3])]), 'its weight has dims [4,4,3]'],
    ['Conv bias', (n, y) => n.add('Conv', [y, weights([4, 4, 3, 3]), weights([3])]), '3 values for 4 channels'],
    ['Conv kernel', (n, y) => n.add('Conv', [y, weights([4, 4, 9, 9])]), 'reaches over 9'],
    ['Gemm', (n, y) => n.add('Gemm', [n.add('Flatten', [y]), weights([10, 2])]), 'multiplies [1,144] by [10,2]'],
    ['Add', (n, y) => n.add('Add', [y, n.add('MaxPool', [y], { kernel_shape: [2, 2] })]), 'do not broadcast'],
    [
      'Concat',
      (n, y) => n.add('Concat', [y, n.add('MaxPool', [y], { kernel_shape: [2, 2] })], { axis: 1 }),
      'do not fit',
    ],
    ['Reshape', (n, y) => n.add('Reshape', [y, ints([1, 7, -1])]), 'cannot reshape'],
    ['Transpose', (n, y) => n.add('Transpose', [y], { perm: [0, 1, 1, 2] }), 'no permutation'],
    [
      'BatchNormalization',
      (n, y) => n.add('BatchNormalization', [y, weights([3]), weights([3]), weights([3]), floats([1, 1, 1])]),
      '3 parameters for 4',
    ],
    ['MaxPool kernel', (n, y) => n.add('MaxPool', [y]), 'kernel_shape is missing'],
    [
      'MaxPool pads',
      (n, y) => n.add('MaxPool', [y], { kernel_shape: [2, 2], pads: [5, 0, 0, 0] }),
      'wholly in the pads',
    ],
    ['missing input', (n) => n.add('Relu', []), ''],
    ['axis', (n, y) => n.add('Softmax', [y], { axis: 7 }), 'axis 7 is outside rank 4'],
    ['division by 0', (n, y) => n.add('Div', [y, scalar(0)]), 'divides by 0'],
  ];
  test.each(wrong)('%s', (_, build, reason) => {
    const error = thrown(net(build));
    expect(error.message).toContain(reason);
    expect(['ERR_CASC_MODEL', 'ERR_CASC_UNSUPPORTED']).toContain(error.code);
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY])('%s in weights names the tensor', (value) => {
    const n = new Net(['N', 3]);
    n.add('Gemm', ['x', n.constant(floats([1, value, 2], [1, 3]), 'fc.weight')], { transB: 1 });
    const error = expectError(
      n.model(),
      'ERR_CASC_MODEL',
      'tensor "fc.weight" of node Gemm_0 (Gemm) holds',
      'at place 1',
    );
    expect(error.where).toMatchObject({ node: 'Gemm_0', tensor: 'fc.weight' });
    const conv = new Net(['N', 4, 6, 6]);
    conv.add('Conv', ['x', weights([2, 4, 1, 1]), conv.constant(floats([value, 0]), 'b')]);
    expectError(conv.model(), 'ERR_CASC_MODEL', 'tensor "b"');
    const scale = new Net(['N', 4, 6, 6]);
    scale.add('Mul', ['x', scale.constant(scalar(value), 's')]);
    expectError(scale.model(), 'ERR_CASC_MODEL', 'tensor "s"');
  });
  test('infinite bounds of a clip are none', () => {
    const n = new Net(['N', 4]);
    n.add('Clip', ['x', scalar(0), scalar(Number.POSITIVE_INFINITY)]);
    expect(importGraph(n.model()).nodes[1]).toMatchObject({ op: 'relu', max: Number.POSITIVE_INFINITY });
  });
  test('a missing file', async () => {
    await expect(importModel('/nowhere/net.onnx')).rejects.toMatchObject({
      code: 'ERR_CASC_FILE',
      where: { file: '/nowhere/net.onnx' },
    });
  });
});
