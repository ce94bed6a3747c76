/** The pretrained nets and the reference nets, against onnxruntime and the reference traces. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { importModel, type Network, type NetworkNode } from '../../lib/graph';
import { interpret } from './interpret';
import { distance, noisy, runReference } from './runtime';

const golden = join(__dirname, '../golden');
const data = process.env.CASC_DATA ?? join(__dirname, '../../../shared');

/** Path of a pretrained net; undefined (with a line that says so) where it is not on this machine. */
function pretrained(name: string): string | undefined {
  const path = join(data, 'models', `${name}.onnx`);
  if (existsSync(path)) return path;
  if (process.env.CASC_REQUIRE_DATA === '1') throw new Error(`missing: ${path}`);
  process.stderr.write(`skipped: ${path} is not there (set CASC_DATA)\n`);
  return undefined;
}

/** Largest relative difference of any output on one noisy image. */
async function gap(path: string, network: Network, seed = 11): Promise<number> {
  const image = noisy(
    network.inputDims.reduce((a, b) => a * b, 1),
    seed,
  );
  const reference = await runReference(path, network.inputName, network.inputDims, image);
  const ours = interpret(network, image);
  expect([...ours.keys()]).toEqual([...reference.keys()]);
  return Math.max(...[...reference].map(([name, expected]) => distance(ours.get(name)!, expected)));
}

async function compare(path: string, network: Network): Promise<void> {
  expect(await gap(path, network)).toBeLessThan(1e-4);
}

function count(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

function describeNet(network: Network) {
  return {
    nodes: count(network.nodes.map((node) => node.op)),
    verdicts: count(network.verdicts.map((v) => v.verdict)),
  };
}

function nodesOf<K extends NetworkNode['op']>(network: Network, op: K): Extract<NetworkNode, { op: K }>[] {
  return network.nodes.filter((node): node is Extract<NetworkNode, { op: K }> => node.op === op);
}

interface Golden {
  input: number[];
  annLogits: number[];
}

describe('reference nets', () => {
  const nets: [string, number, Record<string, number>][] = [
    ['small-max-q8', 8, { input: 1, conv: 3, quant: 2, maxpool: 1 }],
    ['small-avg-q4', 4, { input: 1, conv: 3, quant: 2, avgpool: 1 }],
    ['residual-q8', 8, { input: 1, conv: 7, quant: 5, add: 2, avgpool: 1 }],
    ['small-max-plain-if', 8, { input: 1, conv: 3, quant: 2, maxpool: 1 }],
  ];
  test.each(nets)('%s', async (name, levels, nodes) => {
    const path = join(golden, `${name}.onnx`);
    const network = await importModel(path);
    await compare(path, network);
    expect(describeNet(network).nodes).toEqual(nodes);
    for (const quant of nodesOf(network, 'quant')) {
      expect(quant).toMatchObject({
        levels,
        tiesToEven: false,
        stepIn: Float64Array.of(1 / levels),
        offset: Float64Array.of(0),
      });
    }
    const { input, annLogits } = JSON.parse(readFileSync(join(golden, `${name}.json`), 'utf8')) as Golden;
    const size = network.inputDims.reduce((a, b) => a * b, 1);
    const logits: number[] = [];
    for (let start = 0; start < input.length; start += size) {
      const image = Float32Array.from(input.slice(start, start + size));
      logits.push(...interpret(network, image).get('logits')!);
    }
    // All sums are exact in float32: equality.
    expect(logits).toEqual(annLogits.flat());
  });
});

describe('pretrained nets', () => {
  test('squeezenet1.0-imagenet', async () => {
    const path = pretrained('squeezenet1.0-imagenet');
    if (!path) return;
    const network = await importModel(path);
    expect(describeNet(network)).toEqual({
      nodes: { input: 1, conv: 26, relu: 26, maxpool: 3, route: 8, avgpool: 1 },
      verdicts: { linear: 34, neuron: 26, pool: 4 },
    });
    expect(network.outputs).toMatchObject([{ name: 'logits', dims: [1000, 1, 1] }]);
    await compare(path, network);
  });

  test('resnet20-cifar10: the shortcuts become routes', async () => {
    const path = pretrained('resnet20-cifar10');
    if (!path) return;
    const network = await importModel(path);
    expect(describeNet(network)).toEqual({
      nodes: { input: 1, conv: 20, relu: 19, add: 9, route: 2, avgpool: 1 },
      verdicts: { linear: 31, neuron: 19, pool: 1, folded: 50 },
    });
    const [first, second] = nodesOf(network, 'route');
    expect(first!.shape).toEqual({ c: 32, h: 16, w: 16 });
    expect(second!.shape).toEqual({ c: 64, h: 8, w: 8 });
    // Half of the channels are pads; the others are every second pixel of every second row.
    expect(first!.index.filter((from) => from < 0)).toHaveLength(16 * 16 * 16);
    expect([...first!.index.slice(8 * 256, 8 * 256 + 17)]).toEqual([
      ...Array.from({ length: 16 }, (_, i) => 2 * i),
      64,
    ]);
    await compare(path, network);
  });

  test('resnet20-cifar10-qat8', async () => {
    const path = pretrained('resnet20-cifar10-qat8');
    if (!path) return;
    const network = await importModel(path);
    expect(describeNet(network).nodes).toEqual({ input: 1, conv: 20, quant: 19, add: 9, route: 2, avgpool: 1 });
    const first = nodesOf(network, 'quant')[0]!;
    const lambda = Math.fround(2.489565372467041);
    expect(first).toMatchObject({ name: '/q/Floor', tensor: '/q/Mul_1_output_0', levels: 8, tiesToEven: false });
    expect([...first.stepIn, ...first.stepOut]).toEqual([lambda / 8, lambda / 8]);
    expect(first.offset[0]! / first.stepIn[0]!).toBe(0.5);
    // 189,000 neurons: sums in another order may lift one over a level, which changes the logits a little.
    const gaps: number[] = [];
    for (let seed = 1; seed <= 4; ++seed) gaps.push(await gap(path, network, seed));
    expect(Math.max(...gaps)).toBeLessThan(0.05);
    expect(gaps.filter((value) => value < 1e-4).length).toBeGreaterThanOrEqual(2);
  });

  test('fastestdet-coco: channel shuffles become routes, the decoding is the tail', async () => {
    const path = pretrained('fastestdet-coco');
    if (!path) return;
    const network = await importModel(path);
    expect(describeNet(network)).toEqual({
      nodes: { input: 1, conv: 70, relu: 48, maxpool: 1, route: 20, avgpool: 1, add: 1, unary: 1, softmax: 1 },
      verdicts: { linear: 89, neuron: 48, pool: 2, folded: 68, tail: 4 },
    });
    // The first shuffle: the odd channels of the two branches, straight from their neurons.
    const shuffle = network.nodes.find((node) => node.name === 'Gather_20') as Extract<NetworkNode, { op: 'route' }>;
    expect(shuffle.inputs.map((input) => network.nodes[input]!.name)).toEqual(['Relu_5', 'Relu_10']);
    expect(Array.from({ length: 24 }, (_, c) => shuffle.index[c * 1936])).toEqual(
      Array.from({ length: 24 }, (_, c) => (2 * c + 1) * 1936),
    );
    expect(network.nodes.filter((node) => node.tail).map((node) => node.name)).toEqual([
      'Sigmoid_254',
      'Transpose_261',
      'Softmax_262',
      'Concat_264',
    ]);
    await compare(path, network);
  });
});
