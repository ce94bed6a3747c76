import { importGraph } from '../../lib/graph';
import { windowSums } from '../../lib/quantize/window-sums';
import { Net, scalar } from '../graph/make';

const window = { kernel: [3, 3], strides: [1, 1], pads: [1, 1, 1, 1], dilations: [1, 1] } as const;
const image = { c: 1, h: 3, w: 3 };

function sums(factor: number[]) {
  return windowSums({ op: 'avgpool', source: 0, window, factor: Float64Array.from(factor, Math.fround) }, image, image);
}

test('a plain sum over nine elements can be nine times the largest', () => {
  expect(sums(new Array(9).fill(1))).toMatchObject({ fraction: 1, gain: 9 });
  expect(sums(new Array(9).fill(1 / 9)).gain).toBe(9);
});

test('windows cut off at the border share a denominator', () => {
  const factor = [4, 6, 4, 6, 9, 6, 4, 6, 4].map((n) => 1 / n);
  const { multipliers, gain } = sums(factor);
  expect([...multipliers]).toEqual([9, 6, 9, 6, 4, 6, 9, 6, 9]);
  expect(gain).toBe(36);
});

test('factors without a common denominator have no bound', () => {
  expect(sums([1, Math.SQRT2, Math.PI, 1, 1, 1, 1, 1, 1]).gain).toBe(Number.POSITIVE_INFINITY);
});

test('a clip after a sum over windows that is no mean stays', () => {
  const net = new Net(['N', 1, 3, 3]);
  const a = net.add('Clip', ['x', scalar(0), scalar(6)]);
  const ones = { dims: [1, 1, 3, 3], values: new Array(9).fill(1) };
  const summed = net.add('Conv', [a, ones], { pads: [1, 1, 1, 1] });
  const map = { dims: [1, 1, 3, 3], values: [1, 2, 1, 2, 1, 2, 1, 2, 1] };
  const network = importGraph(net.model([net.add('Clip', [net.add('Mul', [summed, map]), scalar(0), scalar(6)])]));
  expect(network.nodes.filter((node) => node.op === 'relu')).toHaveLength(2);
});
