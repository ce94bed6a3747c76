/** What one spike is worth, as the methods that round see it: the same as in the file. */
import { importModel } from '../../lib/graph';
import { type NeuronLayer, toLayers } from '../../lib/graph/layered';
import type { ConvNode, NetworkNode } from '../../lib/graph/network';
import { toFixedPoint } from '../../lib/quantize/fixed-point';
import { withInputGrid } from '../../lib/quantize/input-grid';
import { LARGEST } from '../../lib/quantize/limit';
import { reachOf, roundingGroups, unitsOf } from '../../lib/quantize/rounding-groups';
import { neuronGrid, rowsOf } from '../../lib/quantize/weight-grid';
import { randomNet } from '../support/random-net';

/** Channels of a route that hold nothing but zeros: what a spike of them is worth does not matter. */
function emptyChannels(node: NetworkNode): boolean[] {
  const plane = node.shape.h * node.shape.w;
  return Array.from({ length: node.shape.c }, (_, c) => {
    return node.op === 'route' && node.index.subarray(c * plane, (c + 1) * plane).every((i) => i < 0);
  });
}

test('the units of what rounded convolutions read are those of fixed point, pools and concatenations between', async () => {
  const step = 1 / 32;
  const seen = new Set<string>();
  for (let seed = 100; seed < 180; seed++) {
    const { model } = randomNet(seed, 1, { perChannel: 0.8 });
    const network = withInputGrid(await importModel(model), { step, lo: -96, hi: 96 });
    const { layers, units, levels } = toFixedPoint(toLayers(network), { format: 'int16' });
    const ids = network.nodes.filter(({ tail }) => !tail).map(({ id }) => id);
    for (const conv of roundingGroups(network, ids).flatMap(({ convs }) => convs)) {
      const source = network.nodes[network.nodes[conv]!.inputs[0]!]!;
      const at = layers.findIndex(({ name, shape }) => name === source.name && shape.c === source.shape.c);
      if (at < 0) continue; // a pool over one element is no layer
      const ours = unitsOf(network, source.id, levels);
      const empty = emptyChannels(source);
      for (const [c, unit] of units[at]!.entries()) {
        if (!empty[c]) expect(ours[ours.length === 1 ? 0 : c]! / unit).toBeCloseTo(1, 6);
      }
      seen.add(source.op);
    }
  }
  expect([...seen].sort()).toEqual(['avgpool', 'input', 'maxpool', 'quant', 'route']);
});

test.each(['int8', 'int16'] as const)(
  'the steps that weights are rounded to in %s are those of the file',
  async (format) => {
    let compared = 0;
    let pooled = 0;
    for (let seed = 200; seed < 300; seed++) {
      const { model } = randomNet(seed, 1, { perChannel: 0.8 });
      const network = withInputGrid(await importModel(model), { step: 1 / 32, lo: -96, hi: 96 });
      const source = toLayers(network);
      const fixed = toFixedPoint(source, { format });
      const ids = network.nodes.filter(({ tail }) => !tail).map(({ id }) => id);
      for (const { convs, quant } of roundingGroups(network, ids)) {
        const at = source.layers.findIndex(
          (layer) => layer.kind === 'neuron' && layer.name === network.nodes[quant ?? 0]!.name,
        );
        const [layer, integers] = [source.layers[at] as NeuronLayer, fixed.layers[at] as NeuronLayer];
        if (convs.some((id) => emptyChannels(network.nodes[network.nodes[id]!.inputs[0]!]!).some(Boolean))) continue;
        // Shortcuts and composed convolutions have a part in the sums too.
        if (at < 0 || layer.terms.length !== convs.length || layer.terms.some(({ op }) => op !== 'conv')) continue;
        const inputs = convs.map((id) => {
          const conv = network.nodes[id] as ConvNode;
          const from = conv.inputs[0]!;
          if (network.nodes[from]!.op === 'avgpool') pooled++;
          return {
            conv,
            units: unitsOf(network, from, source.levels),
            reach: reachOf(network, from, source.levels),
          };
        });
        const grid = neuronGrid(rowsOf(inputs, source.levels), layer.stepIn, source.levels, LARGEST[format]);
        grid.step.forEach((step, c) => {
          if (step === 0) return;
          const k = layer.stepIn[c]! / step;
          expect(Math.abs(integers.stepIn[c]! - k)).toBeLessThanOrEqual(1 + 0.006 * k);
          compared++;
        });
      }
    }
    expect(compared).toBeGreaterThan(300);
    expect(pooled).toBeGreaterThan(5);
  },
);
