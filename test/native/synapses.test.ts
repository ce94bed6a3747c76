/** Every path and instruction set of one convolution against the sum that defines it. */
import * as fc from 'fast-check';
import { CascError } from '../../lib/errors';
import { addon } from '../../lib/native';
import { Synapses, type SynapsesOptions } from '../../lib/simulate';
import { Random } from '../support/random';

const isas = addon().info().found;
const paths = ['scatter', 'rows', 'dense'] as const;

type Geometry = Required<Omit<SynapsesOptions, 'path' | 'isa'>> & { outputs: number };

/** Σ weight · spike of every output, and how many of its inputs are spikes. */
function bruteForce({ input, weights, kernel, strides, pads, dilations, outputs }: Geometry, spikes: Int8Array) {
  const size = (axis: 0 | 1, length: number) =>
    Math.floor((length + pads[axis] + pads[axis + 2]! - (kernel[axis] - 1) * dilations[axis] - 1) / strides[axis]) + 1;
  const [h, w] = [size(0, input.h), size(1, input.w)];
  const steps = spikes.length / (input.c * input.h * input.w);
  const currents = new Int32Array(steps * outputs * h * w);
  let additions = 0;
  let at = 0;
  for (let t = 0; t < steps; t++) {
    for (let m = 0; m < outputs; m++) {
      for (let oy = 0; oy < h; oy++) {
        for (let ox = 0; ox < w; ox++, at++) {
          for (let c = 0; c < input.c; c++) {
            for (let ky = 0; ky < kernel[0]; ky++) {
              const y = oy * strides[0] - pads[0] + ky * dilations[0];
              if (y < 0 || y >= input.h) continue;
              for (let kx = 0; kx < kernel[1]; kx++) {
                const x = ox * strides[1] - pads[1] + kx * dilations[1];
                if (x < 0 || x >= input.w) continue;
                const s = spikes[((t * input.c + c) * input.h + y) * input.w + x]!;
                currents[at]! += weights[((m * input.c + c) * kernel[0] + ky) * kernel[1] + kx]! * s;
                additions += Math.abs(s);
              }
            }
          }
        }
      }
    }
  }
  return { currents, output: { c: outputs, h, w }, additions };
}

/** At each density: −1 and 1, whole rows and steps without spikes too. */
function randomSpikes(random: Random, { c, h, w }: Geometry['input'], steps: number, density: number): Int8Array {
  const silentRows = random.chance(0.5);
  const values: number[] = [];
  for (let t = 0; t < steps; t++) {
    const silent = random.chance(0.15);
    const rows = Array.from({ length: h }, () => !silent && !(silentRows && random.chance(0.4)));
    for (let i = 0; i < c * h * w; i++) {
      const fires = rows[Math.floor(i / w) % h]! && random.chance(density);
      values.push(fires ? (random.chance(0.7) ? 1 : -1) : 0);
    }
  }
  return Int8Array.from(values);
}

/** Why the rows path must refuse it. */
function rowsRefusal({ weights, strides, kernel, pads, dilations, outputs }: Geometry): RegExp | null {
  if (strides[0] !== 1 || strides[1] !== 1) return /strides are not 1/;
  if (Math.max(pads[1], pads[3]) > (kernel[1] - 1) * dilations[1]) return /padding is wider/;
  if (weights.includes(-128)) return /-128/;
  // What one pixel adds to an output: the weights of one tap.
  const each = weights.length / outputs;
  const taps = kernel[0] * kernel[1];
  for (let m = 0; m < outputs; m++) {
    for (let tap = 0; tap < taps; tap++) {
      let sum = 0;
      for (let i = tap; i < each; i += taps) sum += Math.abs(weights[m * each + i]!);
      if (sum > 32_767) return /16 bits/;
    }
  }
  return null;
}

const side = fc.constantFrom(1, 1, 2, 3, 3, 3, 5);
const geometries = fc
  .record({
    seed: fc.nat(),
    c: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.constantFrom(16, 24, 32, 33, 48, 64)),
    outputs: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.constantFrom(16, 24, 31, 32, 33, 48, 64, 72)),
    h: fc.integer({ min: 1, max: 9 }),
    w: fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 17 })),
    kernel: fc.tuple(side, side),
    strides: fc.oneof(fc.constant([1, 1] as [number, number]), fc.tuple(fc.nat(2), fc.nat(2)).map(plusOne)),
    pads: fc.tuple(fc.nat(3), fc.nat(3), fc.nat(3), fc.nat(3)),
    dilations: fc.oneof(fc.constant([1, 1] as [number, number]), fc.tuple(fc.nat(2), fc.nat(2)).map(plusOne)),
    // The largest weights are rare, so that most shapes fit 16 bits.
    weight: fc.constantFrom(3, 60, 127, 128),
    steps: fc.constantFrom(1, 1, 2, 3, 8, 33),
    density: fc.constantFrom(0, 0.01, 0.1, 0.4, 0.9, 1),
  })
  .filter(({ h, w, kernel, pads, dilations, c, outputs, steps }) => {
    const fits = (axis: 0 | 1, length: number) =>
      length + pads[axis] + pads[axis + 2]! > (kernel[axis] - 1) * dilations[axis];
    // The brute force must end.
    return fits(0, h) && fits(1, w) && c * outputs * h * w * kernel[0] * kernel[1] * steps < 3e6;
  });

function plusOne([a, b]: [number, number]): [number, number] {
  return [a + 1, b + 1];
}

test('all paths and instruction sets equal the sum that defines a convolution', () => {
  const computed = { scatter: 0, rows: 0, dense: 0 };
  fc.assert(
    fc.property(geometries, ({ seed, c, h, w, weight, steps, density, ...rest }) => {
      const random = new Random(seed);
      const each = c * rest.kernel[0] * rest.kernel[1];
      const geometry: Geometry = {
        input: { c, h, w },
        weights: Int8Array.from({ length: rest.outputs * each }, () => random.int(-weight, Math.min(weight, 127))),
        ...rest,
      };
      const spikes = randomSpikes(random, geometry.input, steps, density);
      const expected = bruteForce(geometry, spikes);
      const refusal = rowsRefusal(geometry);
      for (const path of paths) {
        for (const isa of isas) {
          const make = () => new Synapses({ ...geometry, path, isa });
          if (path === 'rows' && refusal) {
            expect(make).toThrow(expect.objectContaining({ code: 'ERR_CASC_UNSUPPORTED' }));
            expect(make).toThrow(refusal);
            continue;
          }
          computed[path]++;
          const synapses = make();
          expect(synapses.output).toEqual(expected.output);
          // Twice: what the first time left in buffers must not matter.
          for (let round = 0; round < 2; round++) {
            const currents = synapses.currents(spikes);
            // Several times faster than toEqual.
            if (Buffer.compare(bytes(currents), bytes(expected.currents)) !== 0) {
              throw new Error(`${path} on ${isa}: element ${currents.findIndex((x, i) => x !== expected.currents[i])}`);
            }
          }
          synapses.dispose();
        }
      }
    }),
    { numRuns: 250 },
  );
  expect(Math.min(...Object.values(computed))).toBeGreaterThan(50);
});

function bytes(array: Int32Array): Buffer {
  return Buffer.from(array.buffer, array.byteOffset, array.byteLength);
}

test('sums up to the last of 16 bits', () => {
  // 258 · 127 + 1 = 32767, the most that rows take; steps of one sign each.
  const weights = new Int8Array(259 * 32).fill(127);
  for (let m = 0; m < 32; m++) weights[m * 259 + 258] = 1;
  const spikes = new Int8Array(2 * 259).fill(1).fill(-1, 259);
  for (const isa of isas) {
    for (const path of paths) {
      const currents = new Synapses({ input: { c: 259, h: 1, w: 1 }, weights, path, isa }).currents(spikes);
      expect([...currents]).toEqual([...new Array(32).fill(32_767), ...new Array(32).fill(-32_767)]);
    }
  }
});

test('sums beyond 16 bits', () => {
  const geometry: Geometry = {
    input: { c: 64, h: 5, w: 4 },
    outputs: 40,
    weights: new Int8Array(40 * 64 * 9).fill(127),
    kernel: [3, 3],
    strides: [1, 1],
    pads: [1, 1, 1, 1],
    dilations: [1, 1],
  };
  const spikes = new Int8Array(2 * 64 * 20).fill(1).fill(-1, 64 * 20);
  const { currents } = bruteForce(geometry, spikes);
  expect(Math.max(...currents)).toBe(64 * 9 * 127);
  for (const isa of isas) {
    for (const path of paths) {
      expect([...new Synapses({ ...geometry, path, isa }).currents(spikes)]).toEqual([...currents]);
    }
  }
});

test('time counts what one repetition does', () => {
  const random = new Random(7);
  const geometry: Geometry = {
    input: { c: 5, h: 6, w: 7 },
    outputs: 4,
    weights: new Int8Array(4 * 5 * 9).fill(2),
    kernel: [3, 3],
    strides: [1, 1],
    pads: [1, 1, 1, 1],
    dilations: [1, 1],
  };
  const spikes = randomSpikes(random, geometry.input, 4, 0.3);
  spikes.fill(0, 0, 5 * 6 * 7); // a silent step is skipped
  const loud = [1, 2, 3].filter((t) => spikes.subarray(t * 210, (t + 1) * 210).some((s) => s !== 0)).length;
  for (const path of paths) {
    const synapses = new Synapses({ ...geometry, path });
    expect(synapses.isa).toBe(addon().info().isa);
    const time = synapses.time(spikes, { seconds: 0.01 });
    expect(time).toEqual({
      seconds: expect.any(Number),
      repetitions: expect.any(Number),
      additions: bruteForce(geometry, spikes).additions,
      macs: loud * 4 * 42 * 45,
    });
    expect(time.seconds).toBeGreaterThan(0);
    expect(time.repetitions).toBeGreaterThanOrEqual(1);
  }
});

test('roofs are numbers above 0', () => {
  for (const isa of isas) {
    const { additions, macs } = Synapses.roofs({ isa, seconds: 0.01 });
    expect(Math.min(additions, macs)).toBeGreaterThan(1e6);
  }
});

describe('wrong arguments', () => {
  const options = (): SynapsesOptions => ({
    input: { c: 2, h: 3, w: 3 },
    weights: new Int8Array(2 * 2 * 4).fill(1),
    kernel: [2, 2],
    path: 'rows',
  });
  const argument = expect.objectContaining({ code: 'ERR_CASC_ARGUMENT' });

  test.each<[string, object]>([
    ['no input', { input: undefined }],
    ['no channels', { input: { c: 0, h: 3, w: 3 } }],
    ['a fractional height', { input: { c: 2, h: 2.5, w: 3 } }],
    ['an input beyond memory', { input: { c: 2, h: 2 ** 26, w: 2 ** 26 } }],
    ['a border beyond memory', { pads: [60_000, 60_000, 0, 0] }],
    ['weights of another type', { weights: new Int16Array(16) }],
    ['half an output', { weights: new Int8Array(12) }],
    ['no weights', { weights: new Int8Array(0) }],
    ['detached weights', { weights: detached() }],
    ['a kernel of 0', { kernel: [0, 2] }],
    ['a kernel of one number', { kernel: [2] }],
    ['a kernel that is none', { kernel: 'big' }],
    ['a kernel larger than the input', { kernel: [4, 4], weights: new Int8Array(32) }],
    ['a stride of 0', { strides: [1, 0] }],
    ['a negative pad', { pads: [0, 0, -1, 0] }],
    ['two pads', { pads: [1, 1] }],
    ['NaN', { dilations: [Number.NaN, 1] }],
    ['an unknown path', { path: 'fast' }],
    ['no path', { path: undefined }],
    ['an isa that is no name', { isa: 512 }],
  ])('%s', (_, wrong) => {
    expect(() => new Synapses({ ...options(), ...wrong } as SynapsesOptions)).toThrow(argument);
    expect(() => new Synapses({ ...options(), ...wrong } as SynapsesOptions)).toThrow(CascError);
  });

  test('an instruction set that is not there', () => {
    const code = 'ERR_CASC_ISA';
    expect(() => new Synapses({ ...options(), isa: 'mmx' })).toThrow(expect.objectContaining({ code }));
    expect(() => Synapses.roofs({ isa: 'mmx' })).toThrow(expect.objectContaining({ code }));
  });

  test('spikes', () => {
    const synapses = new Synapses(options());
    expect([...synapses.currents(new Int8Array(0))]).toEqual([]);
    expect(() => synapses.time(new Int8Array(0))).toThrow(argument);
    for (const call of [(s: Int8Array) => synapses.currents(s), (s: Int8Array) => synapses.time(s)]) {
      expect(() => call(new Int8Array(17))).toThrow(/whole steps of 18/);
      expect(() => call(new Uint8Array(18) as never)).toThrow(argument);
      expect(() => call(new Int8Array(18).fill(2, 7, 8))).toThrow(/received 2 at position 7/);
    }
    for (const seconds of [0, -1, 61, Number.NaN, '1' as never]) {
      expect(() => synapses.time(new Int8Array(18), { seconds })).toThrow(argument);
      expect(() => Synapses.roofs({ seconds })).toThrow(argument);
    }
    // A view is read from its offset.
    const backing = new Int8Array(30).fill(9).fill(1, 6, 24);
    expect([...synapses.currents(backing.subarray(6, 24))]).toEqual(new Array(8).fill(8));
    synapses.dispose();
    synapses.dispose();
    for (const call of [() => synapses.currents(new Int8Array(18)), () => synapses.time(new Int8Array(18))]) {
      expect(call).toThrow(expect.objectContaining({ code: 'ERR_CASC_DISPOSED' }));
    }
  });

  test('whatever reaches the addon itself is refused or works', () => {
    const description = () => ({
      input: { c: 2, h: 3, w: 3 },
      output: { c: 2, h: 2, w: 2 },
      weights: new Int8Array(16),
      window: { kernel: [2, 2], strides: [1, 1], pads: [0, 0, 0, 0], dilations: [1, 1] },
      path: 'rows',
    });
    const junk = [undefined, null, true, '', 'rows', -1, 0, 3, 1e9, 2 ** 31, Number.NaN, [], {}, [0, 0], [1], [9, 9]];
    const make = (changed: object) => new (addon().Synapses)(changed as never);
    const refusedOrWorks = (changed: object) => {
      try {
        make(changed).currents(new Int8Array(18));
      } catch (error) {
        expect(error).toMatchObject({ code: expect.stringMatching(/^ERR_CASC_(ARGUMENT|ISA)$/) });
      }
    };
    make(description()).currents(new Int8Array(18));
    for (const value of [...junk, new Int8Array(3), new Float32Array(16)]) {
      refusedOrWorks(value as object);
      for (const [key, nested] of Object.entries(description())) {
        refusedOrWorks({ ...description(), [key]: value });
        if (typeof nested !== 'object' || ArrayBuffer.isView(nested)) continue;
        for (const inner of Object.keys(nested)) {
          refusedOrWorks({ ...description(), [key]: { ...nested, [inner]: value } });
        }
      }
    }
    const native = make(description());
    for (const value of junk) {
      expect(() => native.currents(value as never)).toThrow(argument);
      expect(() => native.time(new Int8Array(18), (value === 3 ? 'x' : value) as never)).toThrow(argument);
    }
    expect(() => (native.currents as never as () => void).call({})).toThrow('Illegal invocation');
  });

  function detached(): Int8Array {
    const array = new Int8Array(16);
    structuredClone(array.buffer, { transfer: [array.buffer] });
    return array;
  }
});
