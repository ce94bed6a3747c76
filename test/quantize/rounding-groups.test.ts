/** What one spike is worth, as the methods that round see it: the same as in the file. */
import { importModel } from '../../lib/graph';
import { toLayers } from '../../lib/graph/layered';
import { toFixedPoint } from '../../lib/quantize/fixed-point';
import { withInputGrid } from '../../lib/quantize/input-grid';
import { roundingGroups, unitsOf } from '../../lib/quantize/rounding-groups';
import { randomNet } from '../support/random-net';

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
      const ours = unitsOf(network, source.id, step / levels);
      const plane = source.shape.h * source.shape.w;
      for (const [c, unit] of units[at]!.entries()) {
        const empty = source.op === 'route' && source.index.subarray(c * plane, (c + 1) * plane).every((i) => i < 0);
        if (!empty) expect(ours[ours.length === 1 ? 0 : c]! / unit).toBeCloseTo(1, 6);
      }
      seen.add(source.op);
    }
  }
  expect([...seen].sort()).toEqual(['avgpool', 'input', 'maxpool', 'quant', 'route']);
});
