/** The int8 peer of the macro benchmark: nothing but a true int8 net is a fair one. */
import { Peer, writeOptimized } from '../../bench/onnxruntime';
import { quantizeToQdq } from '../../bench/qdq';
import { makeModel, makeNode, makeTensor, readModel, valueInfo, writeModel } from '../../lib/onnx';
import { temporaryFolder } from '../support/casc';
import { relativeDifference } from '../support/onnxruntime';
import { Random } from '../support/random';

const folder = temporaryFolder();
const random = new Random(3);
const tensor = (name: string, ...dims: number[]) =>
  makeTensor(
    name,
    dims,
    random.normal(
      dims.reduce((a, b) => a * b, 1),
      0.3,
    ),
  );
const ints = (name: string, ...values: number[]) => makeTensor(name, [values.length], values, 'int64');
const batch = { pixels: random.normal(8 * 3 * 8 * 8), dims: [8, 3, 8, 8] };

async function* calibration() {
  yield batch;
}

/** Every operator that bench/qdq.ts knows. */
const everything = makeModel({
  nodes: [
    makeNode('Conv', ['x', 'w1', 'b1'], ['c1'], { kernel_shape: [3, 3], pads: [1, 1, 1, 1] }),
    makeNode('Relu', ['c1'], ['r1']),
    makeNode('MaxPool', ['r1'], ['m'], { kernel_shape: [2, 2], strides: [2, 2] }),
    makeNode('Conv', ['m', 'w2'], ['c2'], { kernel_shape: [1, 1] }),
    makeNode('Slice', ['m', 'from', 'to', 'axes'], ['half']),
    makeNode('Pad', ['half', 'pads'], ['padded']),
    makeNode('Add', ['c2', 'padded'], ['sum']),
    makeNode('Relu', ['sum'], ['r2']),
    makeNode('AveragePool', ['r2'], ['a'], { kernel_shape: [2, 2], strides: [2, 2] }),
    makeNode('AveragePool', ['m'], ['n'], { kernel_shape: [2, 2], strides: [2, 2] }),
    makeNode('Concat', ['a', 'n'], ['both'], { axis: 1 }),
    makeNode('GlobalAveragePool', ['both'], ['g']),
    makeNode('Flatten', ['g'], ['flat']),
    makeNode('Gemm', ['flat', 'w3', 'b3'], ['hidden'], { transB: 1 }),
    makeNode('Relu', ['hidden'], ['r3']),
    makeNode('MatMul', ['r3', 'w4'], ['product']),
    makeNode('Reshape', ['product', 'shape'], ['y']),
  ],
  initializers: [
    ...[tensor('w1', 8, 3, 3, 3), tensor('b1', 8), tensor('w2', 8, 8, 1, 1)],
    ...[tensor('w3', 12, 16), tensor('b3', 12), tensor('w4', 12, 5)],
    ...[ints('from', 0), ints('to', 4), ints('axes', 1), ints('pads', 0, 2, 0, 0, 0, 2, 0, 0), ints('shape', -1, 5)],
  ],
  inputs: [valueInfo('x', ['N', 3, 8, 8])],
  outputs: [valueInfo('y', ['N', 5])],
});

test('the int8 net answers as the fp32 net does, up to 8 bits, in int8 kernels', async () => {
  const int8 = await quantizeToQdq(everything, calibration());
  const answers = [];
  for (const model of [writeModel(everything), int8]) {
    const peer = await Peer.open(model, 1);
    answers.push(...(await peer.run(batch)));
    await peer.close();
  }
  expect(relativeDifference(answers[1]!, answers[0]!)).toBeLessThan(0.05);

  const file = `${folder}/fused.onnx`;
  await writeOptimized(int8, file, 'all');
  const kinds = new Set((await readModel(file)).proto.graph.node!.map(({ opType }) => opType));
  for (const kind of ['QLinearConv', 'QLinearAdd', 'QLinearAveragePool', 'QLinearConcat', 'QGemm', 'QLinearMatMul']) {
    expect(kinds).toContain(kind);
  }
  for (const kind of ['Conv', 'Gemm', 'MatMul', 'Add', 'Relu', 'Concat', 'AveragePool'])
    expect(kinds).not.toContain(kind);
});

test('an operator that it does not know is refused by name', async () => {
  const model = makeModel({
    nodes: [makeNode('Sigmoid', ['x'], ['y'], {}, 'squash')],
    inputs: [valueInfo('x', ['N', 3, 8, 8])],
    outputs: [valueInfo('y', ['N', 3, 8, 8])],
  });
  await expect(quantizeToQdq(model, calibration())).rejects.toThrow('Sigmoid "squash" is not known');
});
