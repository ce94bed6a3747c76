/** Reading through concatenations changes how currents are computed, and nothing else. */
import { readThroughConcats } from '../../lib/convert/concat';
import { addon, type PlanDescription, type PlanLayer } from '../../lib/native';
import { cif, Random } from '../native/plans';

const window = (kernel: number) => ({
  kernel: [kernel, kernel] as [number, number],
  strides: [1, 1] as [number, number],
  pads: [kernel >> 1, kernel >> 1, kernel >> 1, kernel >> 1] as [number, number, number, number],
  dilations: [1, 1] as [number, number],
});

/** Input → three neuron layers → concat of two → concat with the third (and one again) → neurons → readout. */
function netWithConcats(seed: number): PlanDescription {
  const random = new Random(seed);
  const [h, w] = [random.int(1, 6), random.int(1, 6)];
  const layers: PlanLayer[] = [{ kind: 'input', name: 'x', c: 2, h, w, grid: { step: 0.25, lo: -6, hi: 8, scale: 1 } }];
  const weights = (length: number) => Int8Array.from({ length }, () => random.int(-20, 20));
  const neurons = (name: string, source: number, c: number, kernel: number) => {
    const from = layers[source]!;
    const ints = (low: number, high: number) => Int32Array.from({ length: c }, () => random.int(low, high));
    const weight = weights(c * from.c * kernel * kernel);
    layers.push({
      ...{ kind: 'neuron', name, c, h, w, bias: ints(-20, 40), threshold: ints(30, 90), start: ints(0, 20) },
      terms: [{ op: 'conv', source, weight, groups: 1, window: window(kernel) }],
    });
    return layers.length - 1;
  };
  const concat = (name: string, sources: number[]) => {
    const c = sources.reduce((sum, s) => sum + layers[s]!.c, 0);
    const index = Int32Array.from({ length: c * h * w }, (_, i) => i);
    layers.push({ kind: 'relay', name, c, h, w, sources, index });
    return layers.length - 1;
  };
  const [a, b, c] = [neurons('a', 0, 3, 3), neurons('b', 0, 5, 1), neurons('c', 0, 16, 3)];
  const inner = concat('inner', [a!, b!]);
  const outer = concat('outer', [c!, inner, a!]);
  const last = neurons('d', outer, random.int(1, 20), 3);
  const size = layers[last]!.c * h * w;
  layers.push({
    ...{ kind: 'relay', name: 'flat', c: size, h: 1, w: 1, sources: [last] },
    index: Int32Array.from({ length: size }, (_, i) => i),
  });
  layers.push({
    ...{ kind: 'linear', name: 'y', c: 4, h: 1, w: 1, bias: new Int32Array(4), readout: true, readoutScale: 1 },
    terms: [{ op: 'conv', source: last + 1, weight: weights(4 * size), groups: 1, window: window(1) }],
  });
  return { format: 'int8', layers };
}

const sourcesOf = (plan: PlanDescription, name: string) => {
  const layer = plan.layers.find((l) => l.name === name)!;
  return layer.kind === 'neuron' ? layer.terms.map(({ source }) => plan.layers[source]!.name) : [];
};

describe('readThroughConcats', () => {
  it('splits a convolution of a concatenation by its parts, concatenations of concatenations too', () => {
    expect(sourcesOf(netWithConcats(1), 'd')).toEqual(['outer']);
    expect(sourcesOf(readThroughConcats(netWithConcats(1)), 'd')).toEqual(['c', 'a', 'b', 'a']);
  });

  it('leaves what is no concatenation along the channels', () => {
    const plan = netWithConcats(2);
    const relay = plan.layers.find((layer) => layer.name === 'outer')!;
    if (relay.kind !== 'relay') throw new Error('not a relay');
    relay.index.reverse();
    expect(sourcesOf(readThroughConcats(plan), 'd')).toEqual(['outer']);
  });

  it('gives the same spikes, counts, additions and readout', async () => {
    const Plan = addon().SpikingPlan;
    for (let seed = 1; seed <= 40; seed++) {
      const plan = netWithConcats(seed);
      const { c, h, w } = plan.layers[0]!;
      const random = new Random(seed + 1000);
      const images = Float32Array.from({ length: 3 * c * h * w }, () => random.int(-8, 9) / 4);
      const options = { threads: 1, schedule: { ...cif, wake: 6, margin: 6, cap: 60 }, everyStep: false, counts: true };
      const more = { profile: false, oracle: true, certify: 3 };
      const [whole, split] = await Promise.all(
        [plan, readThroughConcats(plan)].map((one) => new Plan(one).run(images, 3, { ...options, ...more })),
      );
      expect(split).toEqual(whole);
      expect([...split!.mismatches]).toEqual([0, 0, 0]);
    }
  });
});
