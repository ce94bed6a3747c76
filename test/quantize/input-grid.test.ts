/** The input's integers: what refit and trainer read is what the engine and the written file make of it. */
import { importGraph } from '../../lib/graph';
import { toLayers } from '../../lib/graph/layered';
import { withQuantizedActivations } from '../../lib/graph/quantized';
import { openNodes } from '../../lib/quantize/calibrate';
import { toFixedPoint } from '../../lib/quantize/fixed-point';
import { chooseInputGrid, gridOf, roundInput, withInputGrid } from '../../lib/quantize/input-grid';
import { Net } from '../graph/make';
import { Random } from '../support/random';

function network() {
  const net = new Net(['N', 2, 8, 8]);
  const x = net.add('Relu', [net.conv('x', 4, 2)]);
  net.conv(x, 3, 4, 1);
  return importGraph(net.model());
}

test('rounded as the dense pass rounds it: ties to even, clipped, signs and zeros', async () => {
  const grid = { step: 2 ** -4, lo: -33, hi: 40 };
  const net = withInputGrid(network(), grid);
  const images = new Random(3).normal(4 * 128, 1.5);
  // Ties, ends, and beyond them.
  for (let i = 0; i < 180; i++) images[i] = (i - 90) * 2 ** -5;
  images.set([-0, 0, 1e30, -1e30, Infinity, -Infinity, 2 ** -30, -(2 ** -30)], 200);
  const plan = openNodes(net.nodes, [net.input]);
  const { outputs } = await plan.run([images], 4, { threads: 1 });
  plan.dispose();
  // Which zero it is makes no difference to any sum.
  const plain = (values: Float32Array) => values.map((v) => v + 0);
  expect(plain(roundInput(images, grid))).toEqual(plain(outputs[0]!));
  expect(roundInput(images, null)).toBe(images);
});

test.each([
  ['int8', 8, { min: -2, max: 2.6 }],
  ['int8', 32, { min: 0, max: 255 }],
  ['int16', 16, { min: -1, max: 1 }],
] as const)(
  '%s, %i levels: the grid chosen beforehand is the one that the file would choose',
  (format, levels, range) => {
    const net = network();
    const layered = (from: typeof net) =>
      toLayers(withQuantizedActivations(from, levels, 0.5, () => Float64Array.of(2)));
    const { layers } = layered(net);
    const grid = chooseInputGrid(layers, 0, { levels, format, range });
    const chosen = toFixedPoint(layered(net), { format, inputRange: range });
    const given = toFixedPoint(layered(withInputGrid(net, grid)), { format });
    expect(chosen.layers[0]).toMatchObject({ kind: 'input', grid });
    expect(given.layers).toEqual(chosen.layers);
    expect(gridOf(withInputGrid(net, grid))).toEqual(grid);
    // Zero stays zero, both ends are there, and a step is a power of two.
    expect(Number.isInteger(Math.log2(grid.step))).toBe(true);
    expect(Math.abs(grid.lo * grid.step - range.min)).toBeLessThanOrEqual(grid.step / 2);
    expect(Math.abs(grid.hi * grid.step - range.max)).toBeLessThanOrEqual(grid.step / 2);
  },
);
