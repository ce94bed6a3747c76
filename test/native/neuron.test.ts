import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { addon, type NeuronStepState } from '../../lib/native';
import { NeuronPopulation } from '../../lib/simulate';
import { Random } from '../support/random';
import { cif } from './plans';
import { fire } from './reference';

interface Trace {
  gamma: number;
  negativeSpikes: boolean;
  threshold: number;
  phase: ('wake' | 'sleep')[];
  current: number[][];
  spikes: number[][];
  membrane: number[][];
}

const traces: Trace[] = JSON.parse(readFileSync(join(__dirname, '../golden/neuron.json'), 'utf8'));
const isas = addon().info().found;

describe("the traces of the paper's code", () => {
  // In int32 everything is scaled by 64: all numbers of the traces are multiples of 1/64.
  for (const [format, unit] of [
    ['float32', 1],
    ['int32', 64],
  ] as const) {
    const Numbers = format === 'float32' ? Float32Array : Int32Array;
    for (const isa of isas) {
      test.each(traces.map((trace, i) => [i, trace] as const))(`${format} on ${isa}, case %i`, (_, trace) => {
        const size = trace.current[0]!.length;
        const state: NeuronStepState = {
          membrane: new Numbers(size),
          count: new Int32Array(size),
          current: new Numbers(size),
          spikes: new Int8Array(size),
          threshold: trace.threshold * unit,
          gamma: trace.gamma,
          negative: trace.negativeSpikes,
          upper: true,
          awakeSteps: 0,
          isa,
        };
        for (const [step, phase] of trace.phase.entries()) {
          if (phase === 'wake') state.awakeSteps++;
          state.current.set(trace.current[step]!.map((i) => i * unit));
          const fired = addon().stepNeurons(state);
          expect([...state.spikes]).toEqual(trace.spikes[step]);
          expect(Array.from(state.membrane, (v) => v / unit)).toEqual(trace.membrane[step]);
          expect(fired).toBe(trace.spikes[step]!.reduce((sum, s) => sum + Math.abs(s), 0));
        }
      });
    }
  }
});

test('every length, alignment and rule agrees with the formula, and nothing beyond the ends is touched', () => {
  const poison = 77;
  fc.assert(
    fc.property(
      fc.record({
        length: fc.integer({ min: 0, max: 140 }),
        offset: fc.integer({ min: 0, max: 9 }),
        seed: fc.integer(),
        float: fc.boolean(),
        gamma: fc.integer({ min: 1, max: 6 }),
        negative: fc.boolean(),
        upper: fc.boolean(),
        awakeSteps: fc.integer({ min: 0, max: 4 }),
        threshold: fc.integer({ min: 1, max: 40 }),
      }),
      ({ length, offset, seed, float, threshold, ...rule }) => {
        const Numbers = float ? Float32Array : Int32Array;
        let random = seed;
        const next = (range: number) => {
          random = (Math.imul(random, 1103515245) + 12345) & 0x7fffffff;
          return ((random >> 8) % (2 * range + 1)) - range;
        };
        const unit = float ? 1 / 8 : 1;
        const membranes = Array.from({ length }, () => next(200) * unit);
        const counts = Array.from({ length }, () => next(5));
        const currents = Array.from({ length }, () => next(100) * unit);
        const theta = threshold * unit;
        const schedule = { ...cif, ...rule };
        const expected = membranes.map((membrane, i) => {
          const v = membrane + currents[i]!;
          const s = fire(v, counts[i]!, theta, rule.awakeSteps, schedule);
          return { s, v: v - s * theta, n: counts[i]! + s };
        });
        for (const isa of isas) {
          const total = length + offset + 40;
          const padded = <T extends Float32Array | Int32Array | Int8Array>(array: T, values: number[]): T => {
            array.fill(poison);
            array.set(values, offset);
            return array;
          };
          const membrane = padded(new Numbers(total), membranes);
          const count = padded(new Int32Array(total), counts);
          const spikes = padded(new Int8Array(total), []);
          const view = <T extends Float32Array | Int32Array | Int8Array>(array: T) =>
            array.subarray(offset, offset + length) as T;
          const fired = addon().stepNeurons({
            membrane: view(membrane),
            count: view(count),
            current: view(padded(new Numbers(total), currents)),
            spikes: view(spikes),
            threshold: theta,
            ...rule,
            isa,
          });
          expect(Array.from(view(membrane))).toEqual(expected.map((e) => e.v));
          expect([...view(count)]).toEqual(expected.map((e) => e.n));
          expect([...view(spikes)]).toEqual(expected.map((e) => e.s));
          expect(fired).toBe(expected.reduce((sum, e) => sum + Math.abs(e.s), 0));
          for (const array of [membrane, count, spikes]) {
            const outside = [...array.subarray(0, offset), ...array.subarray(offset + length)];
            expect(outside).toEqual(outside.map(() => poison));
          }
        }
      },
    ),
    { numRuns: 400 },
  );
});

test('floors of large and negative int32 quotients are exact on every instruction set', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer(), { minLength: 32, maxLength: 32 }),
      fc.integer({ min: 1, max: 2 ** 31 - 1 }),
      fc.integer({ min: 2, max: 127 }),
      (membranes, threshold, gamma) => {
        for (const isa of isas) {
          const spikes = new Int8Array(32);
          const membrane = Int32Array.from(membranes);
          addon().stepNeurons({
            membrane,
            count: new Int32Array(32).fill(1),
            current: new Int32Array(32),
            spikes,
            threshold,
            gamma,
            negative: true,
            upper: false,
            awakeSteps: 1,
            isa,
          });
          const schedule = { ...cif, gamma, upper: false };
          const expected = membranes.map((v) => fire(v, 1, threshold, 1, schedule));
          expect([...spikes]).toEqual(expected);
          expect([...membrane]).toEqual(membranes.map((v, i) => v - expected[i]! * threshold));
        }
      },
    ),
    { numRuns: 300 },
  );
});

describe('wrong arguments of stepNeurons', () => {
  const state = (): NeuronStepState => ({
    membrane: new Int32Array(8),
    count: new Int32Array(8),
    current: new Int32Array(8),
    spikes: new Int8Array(8),
    threshold: 3,
    gamma: 1,
    negative: true,
    upper: true,
    awakeSteps: 1,
  });
  test.each<[string, object]>([
    ['lengths that differ', { spikes: new Int8Array(7) }],
    ['mixed number types', { current: new Float32Array(8) }],
    ['float64', { membrane: new Float64Array(8) }],
    ['counts that are not int32', { count: new Uint32Array(8) }],
    ['a threshold of 0', { threshold: 0 }],
    ['a fractional threshold for int32', { threshold: 1.5 }],
    ['NaN', { threshold: Number.NaN }],
    ['gamma 0', { gamma: 0 }],
    ['gamma 128', { gamma: 128 }],
    ['a missing flag', { negative: undefined }],
    ['negative time', { awakeSteps: -1 }],
    ['detached memory', { membrane: detached() }],
  ])('%s', (_, wrong) => {
    expect(() => addon().stepNeurons({ ...state(), ...wrong })).toThrow(
      expect.objectContaining({ code: 'ERR_CASC_ARGUMENT' }),
    );
  });

  test('an instruction set that is not there', () => {
    expect(() => addon().stepNeurons({ ...state(), isa: 'mmx' })).toThrow(
      expect.objectContaining({ code: 'ERR_CASC_ISA' }),
    );
  });

  function detached(): Int32Array {
    const array = new Int32Array(8);
    structuredClone(array.buffer, { transfer: [array.buffer] });
    return array;
  }
});

describe('many steps at once', () => {
  test('run is as many calls of step, for every length, rule and type', () => {
    fc.assert(
      fc.property(
        fc.record({
          size: fc.oneof(fc.integer({ min: 1, max: 140 }), fc.constantFrom(1024, 1100)),
          seed: fc.nat(),
          type: fc.constantFrom('int32' as const, 'int32' as const, 'float32' as const),
          gamma: fc.constantFrom(1, 1, 1, 3),
          negative: fc.boolean(),
          upperBound: fc.constantFrom(true, true, false),
          shift: fc.constantFrom(0, 0.5),
          phases: fc.array(
            fc.tuple(fc.constantFrom('wake' as const, 'sleep' as const), fc.integer({ min: 0, max: 70 })),
            {
              minLength: 1,
              maxLength: 4,
            },
          ),
        }),
        ({ size, seed, phases, ...rule }) => {
          const random = new Random(seed);
          const Numbers = rule.type === 'int32' ? Int32Array : Float32Array;
          for (const isa of isas) {
            const options = { ...rule, threshold: 40, isa };
            const once = new NeuronPopulation(size, options);
            const stepped = new NeuronPopulation(size, options);
            for (const [phase, steps] of phases) {
              const currents = Numbers.from(Array.from({ length: steps * size }, () => random.int(-30, 40)));
              const spikes = once.run(currents, phase);
              const expected = new Int8Array(steps * size);
              for (let at = 0; at < currents.length; at += size) {
                expected.set(stepped.step(currents.subarray(at, at + size), phase), at);
              }
              expect(Buffer.compare(Buffer.from(spikes), Buffer.from(expected))).toBe(0);
              expect(once.membrane).toEqual(stepped.membrane);
              expect(once.count).toEqual(stepped.count);
            }
            once.reset();
            expect(once).toMatchObject({ count: new Int32Array(size), awakeSteps: 0 });
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  test('wrong arguments', () => {
    const argument = expect.objectContaining({ code: 'ERR_CASC_ARGUMENT' });
    const population = new NeuronPopulation(8, { type: 'int32', threshold: 4 });
    expect(() => population.run(new Int32Array(9))).toThrow(argument);
    expect(() => population.run(new Float32Array(8))).toThrow(argument);
    expect(() => population.run([] as never)).toThrow(argument);
    population.count[3] = 1; // more than there were awake steps
    expect(() => population.run(new Int32Array(8))).toThrow(argument);
    population.reset();
    expect([...population.run(new Int32Array(16).fill(3))]).toEqual([...new Array(8).fill(0), ...new Array(8).fill(1)]);

    const state = () => ({
      membrane: new Int32Array(8),
      count: new Int32Array(8),
      currents: new Int32Array(16),
      spikes: new Int8Array(16),
      threshold: 3,
      negative: true,
      awake: true,
      awakeSteps: 0,
    });
    expect(addon().trainNeurons(state())).toBe(0);
    for (const wrong of [
      { spikes: new Int8Array(15) },
      { currents: new Int32Array(15), spikes: new Int8Array(15) },
      { count: new Int32Array(7) },
      { membrane: new Int32Array(0) },
      { membrane: new Float32Array(8) },
      { threshold: 0 },
      { threshold: 1.5 },
      { awakeSteps: 126 },
      { awakeSteps: -1 },
      { awake: 1 },
      { count: new Int32Array(8).fill(-1) },
    ]) {
      expect(() => addon().trainNeurons({ ...state(), ...wrong } as never)).toThrow(argument);
    }
  });
});
