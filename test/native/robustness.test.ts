import { resolve } from 'node:path';
import { Worker } from 'node:worker_threads';
import * as fc from 'fast-check';
import type { NativeSpikingPlan, PlanDescription, PlanLayer, SpikingRunOptions } from '../../lib/native';
import { addon } from '../../lib/native';
import { cif, randomImages, randomPlan } from './plans';
import { numel } from './reference';

const argumentError = expect.objectContaining({ code: 'ERR_CASC_ARGUMENT' });
const options = (): SpikingRunOptions => ({
  threads: 2,
  schedule: { ...cif },
  everyStep: false,
  counts: false,
  profile: false,
  oracle: false,
  certify: 0,
});

const one = () => ({
  kernel: [1, 1] as [number, number],
  strides: [1, 1] as [number, number],
  pads: [0, 0, 0, 0] as [number, number, number, number],
  dilations: [1, 1] as [number, number],
});

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type Loose = Mutable<Record<string, unknown>>;

/** A plan with one layer of every kind, in plain pieces to break. */
function plan(): { format: string; layers: Loose[] } {
  const layers: PlanLayer[] = [
    { kind: 'input', name: 'in', c: 2, h: 4, w: 4, grid: { step: 1, lo: -8, hi: 8, scale: 1 } },
    {
      kind: 'neuron',
      name: 'first',
      c: 4,
      h: 4,
      w: 4,
      terms: [
        { op: 'conv', source: 0, weight: new Int8Array(8).fill(2), window: one(), groups: 1 },
        { op: 'conv', source: 0, weight: new Int8Array(4).fill(1), window: one(), groups: 2 },
      ],
      bias: new Int32Array(4),
      threshold: new Int32Array(4).fill(3),
      start: new Int32Array(4),
    },
    {
      kind: 'maxpool',
      name: 'pool',
      c: 4,
      h: 2,
      w: 2,
      source: 1,
      window: { ...one(), kernel: [2, 2], strides: [2, 2] },
    },
    {
      kind: 'relay',
      name: 'flat',
      c: 16,
      h: 1,
      w: 1,
      sources: [2],
      index: Int32Array.from({ length: 16 }, (_, i) => i),
    },
    {
      kind: 'linear',
      name: 'out',
      c: 16,
      h: 1,
      w: 1,
      terms: [{ op: 'scale', source: 3, factor: new Int32Array(16).fill(2) }],
      bias: new Int32Array(16),
      readout: true,
      readoutScale: 1,
    },
  ];
  return { format: 'int8', layers: layers as unknown as Loose[] };
}

const make = (description: unknown) => new (addon().SpikingPlan)(description as PlanDescription);

function detach<T extends Float32Array | Int32Array>(array: T): T {
  structuredClone(array.buffer, { transfer: [array.buffer as ArrayBuffer] });
  return array;
}

describe('a plan that does not hold together is refused by layer', () => {
  test('the plan as such is fine', () => {
    const native = make(plan());
    expect(native.denseMacs).toBe(2 * 4 * 16 + 4 * 16 + 16);
    expect(native.inputMacs).toBe(2 * 4 * 16 + 4 * 16);
    expect(native.bytes).toBeGreaterThan(0);
    native.dispose();
  });

  test.each<[string, (p: { format: string; layers: Loose[] }) => void, RegExp]>([
    [
      'an unknown format',
      (p) => {
        p.format = 'int4';
      },
      /float32, int8 or int16/,
    ],
    [
      'layers of another type',
      (p) => {
        p.layers = {} as never;
      },
      /layers: expected an array/,
    ],
    [
      'no layers',
      (p) => {
        p.layers = [];
      },
      /exactly one input/,
    ],
    [
      'two inputs',
      (p) => {
        p.layers.push(p.layers[0]!);
      },
      /exactly one input/,
    ],
    [
      'a layer that is null',
      (p) => {
        p.layers[1] = null as never;
      },
      /layer 1: expected an object/,
    ],
    [
      'an unknown kind',
      (p) => {
        p.layers[1]!.kind = 'softmax';
      },
      /layer 1 \(first\).*unknown kind/,
    ],
    [
      'a shape of 0',
      (p) => {
        p.layers[1]!.h = 0;
      },
      /layer 1 \(first\)\.h/,
    ],
    [
      'a shape beyond memory',
      (p) => {
        p.layers[1]!.h = 2 ** 28;
        p.layers[1]!.w = 2 ** 28;
      },
      /layer 1 \(first\)/,
    ],
    [
      'a fractional shape',
      (p) => {
        p.layers[1]!.w = 1.5;
      },
      /whole number/,
    ],
    [
      'a forward source',
      (p) => {
        p.layers[2]!.source = 2;
      },
      /layer 2 \(pool\).*not an earlier layer/,
    ],
    [
      'a negative source',
      (p) => {
        p.layers[2]!.source = -1;
      },
      /source/,
    ],
    [
      'a pool that changes channels',
      (p) => {
        p.layers[2]!.c = 3;
      },
      /layer 2 \(pool\)/,
    ],
    [
      'a window of another size',
      (p) => {
        p.layers[2]!.window = one();
      },
      /layer 2 \(pool\): the window gives 4 rows/,
    ],
    [
      'a window without strides',
      (p) => {
        p.layers[2]!.window = { ...one(), strides: undefined };
      },
      /strides/,
    ],
    [
      'a stride of 0',
      (p) => {
        p.layers[2]!.window = { ...one(), strides: [0, 1] };
      },
      /strides/,
    ],
    [
      'huge pads',
      (p) => {
        p.layers[2]!.window = { ...one(), pads: [2 ** 27, 0, 0, 0] };
      },
      /65536/,
    ],
    [
      'an index out of range',
      (p) => {
        (p.layers[3]!.index as Int32Array)[5] = 16;
      },
      /layer 3 \(flat\): index 16/,
    ],
    [
      'an index below −1',
      (p) => {
        (p.layers[3]!.index as Int32Array)[5] = -2;
      },
      /layer 3 \(flat\): index -2/,
    ],
    [
      'a short index',
      (p) => {
        p.layers[3]!.index = new Int32Array(15);
      },
      /15 elements instead of 16/,
    ],
    [
      'a relay of nothing',
      (p) => {
        p.layers[3]!.sources = [];
      },
      /needs a source/,
    ],
    [
      'a threshold of 0',
      (p) => {
        (p.layers[1]!.threshold as Int32Array)[2] = 0;
      },
      /layer 1 \(first\).*threshold/,
    ],
    [
      'a short threshold',
      (p) => {
        p.layers[1]!.threshold = new Int32Array(3);
      },
      /threshold has 3 elements/,
    ],
    [
      'a float threshold in fixed point',
      (p) => {
        p.layers[1]!.threshold = new Float32Array(4);
      },
      /Int32Array/,
    ],
    [
      'a short start',
      (p) => {
        p.layers[1]!.start = new Int32Array(1);
      },
      /start has 1 elements/,
    ],
    [
      'a detached bias',
      (p) => {
        detach(p.layers[1]!.bias as Int32Array);
      },
      /bias has 0 elements/,
    ],
    [
      'a weight of another type',
      (p) => {
        (p.layers[1]!.terms as Loose[])[0]!.weight = new Int16Array(8);
      },
      /Int8Array/,
    ],
    [
      'a short weight',
      (p) => {
        (p.layers[1]!.terms as Loose[])[0]!.weight = new Int8Array(7);
      },
      /weight has 7/,
    ],
    [
      'groups that do not divide',
      (p) => {
        (p.layers[1]!.terms as Loose[])[0]!.groups = 3;
      },
      /groups/,
    ],
    [
      'an unknown term',
      (p) => {
        (p.layers[1]!.terms as Loose[])[0]!.op = 'gemm';
      },
      /unknown term/,
    ],
    [
      'a scale of another shape',
      (p) => {
        (p.layers[4]!.terms as Loose[])[0]!.source = 2;
      },
      /keep the shape/,
    ],
    [
      'no grid in fixed point',
      (p) => {
        p.layers[0]!.grid = null;
      },
      /grid/,
    ],
    [
      'an empty grid',
      (p) => {
        p.layers[0]!.grid = { step: 1, lo: 2, hi: 1, scale: 1 };
      },
      /grid/,
    ],
    [
      'a grid step of 0',
      (p) => {
        p.layers[0]!.grid = { step: 0, lo: 0, hi: 1, scale: 1 };
      },
      /grid\.step/,
    ],
    [
      'a grid scale in fixed point',
      (p) => {
        p.layers[0]!.grid = { step: 1, lo: 0, hi: 1, scale: 2 };
      },
      /grid\.scale/,
    ],
    [
      'an infinite readout scale',
      (p) => {
        p.layers[4]!.readoutScale = Number.POSITIVE_INFINITY;
      },
      /readoutScale/,
    ],
  ])('%s', (_, spoil, message) => {
    const description = plan();
    spoil(description);
    expect(() => make(description)).toThrow(argumentError);
    expect(() => make(description)).toThrow(message);
  });

  test('values that are not finite in float32', () => {
    const description = randomPlan(3, 'float32');
    const layer = description.layers.find((l) => l.kind === 'neuron')!;
    if (layer.kind === 'neuron') layer.bias[0] = Number.NaN;
    expect(() => make(description)).toThrow(/not finite/);
  });

  test('an exception in a getter comes through', () => {
    const description = plan();
    Object.defineProperty(description.layers[1], 'bias', {
      get() {
        throw new RangeError('mine');
      },
    });
    expect(() => make(description)).toThrow(RangeError);
  });

  test('anything at all may be passed: it is refused or it works, and nothing crashes', async () => {
    // Made anew for every use: a value put in two places would share what is changed in one.
    const junk: (() => unknown)[] = [
      ...[undefined, null, true, '', 'conv', 'neuron', -1, 0, 1, 3, 1e9, 2 ** 31, Number.NaN].map((v) => () => v),
      ...[() => [], () => ({}), () => [1, 1], () => [0, 0, 0, 0], () => [2, 2], () => [-1, 0]],
      ...[() => new Int8Array(3), () => new Int32Array(4), () => new Float32Array(4), () => new Int16Array(0)],
    ];
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(), fc.constantFrom(...junk)), { minLength: 1, maxLength: 3 }),
        async (changes) => {
          const description = plan();
          for (const [where, value] of changes) {
            // Every property of the description, nested ones too.
            const places: [Loose, string][] = [];
            const visit = (object: unknown) => {
              if (typeof object !== 'object' || object === null || ArrayBuffer.isView(object)) return;
              for (const key of Object.keys(object)) {
                places.push([object as Loose, key]);
                visit((object as Loose)[key]);
              }
            };
            visit(description);
            const [object, key] = places[where % places.length]!;
            object[key] = value();
          }
          let native: NativeSpikingPlan;
          try {
            native = make(description);
          } catch (error) {
            expect(error).toMatchObject({ code: expect.stringMatching(/^ERR_CASC_(ARGUMENT|ISA)$/) });
            return;
          }
          const input = description.layers[0] as unknown as PlanLayer;
          await native.run(new Float32Array(numel(input)), 1, { ...options(), certify: 1_000_000 });
          native.dispose();
        },
      ),
      { numRuns: 1500 },
    );
  });
});

describe('run', () => {
  const native = make(plan());
  const images = () => new Float32Array(64).fill(2);

  test.each<[string, (o: Loose, s: Loose) => void]>([
    [
      'no threads',
      (o) => {
        o.threads = 0;
      },
    ],
    [
      '257 threads',
      (o) => {
        o.threads = 257;
      },
    ],
    [
      'no schedule',
      (o) => {
        o.schedule = undefined;
      },
    ],
    [
      'wake 0',
      (_, s) => {
        s.wake = 0;
      },
    ],
    [
      'margin above wake',
      (_, s) => {
        s.margin = 9;
      },
    ],
    [
      'margin 0',
      (_, s) => {
        s.margin = 0;
      },
    ],
    [
      'sleep −2',
      (_, s) => {
        s.sleep = -2;
      },
    ],
    [
      'cap 0',
      (_, s) => {
        s.cap = 0;
      },
    ],
    [
      'gamma 0',
      (_, s) => {
        s.gamma = 0;
      },
    ],
    [
      'gamma 128',
      (_, s) => {
        s.gamma = 128;
      },
    ],
    [
      'shift 2',
      (_, s) => {
        s.shift = 2;
      },
    ],
    [
      'shift NaN',
      (_, s) => {
        s.shift = Number.NaN;
      },
    ],
    [
      'a flag that is none',
      (_, s) => {
        s.upper = 1;
      },
    ],
    [
      'everyStep missing',
      (o) => {
        o.everyStep = undefined;
      },
    ],
  ])('%s', (_, spoil) => {
    const o = options();
    spoil(o as unknown as Loose, o.schedule as unknown as Loose);
    expect(() => native.run(images(), 2, o)).toThrow(argumentError);
  });

  test('arrays of the wrong kind, length or state', () => {
    expect(() => native.run(images(), 3, options())).toThrow(/expected 3 × 32 elements but received 64/);
    expect(() => native.run(new Float64Array(64) as never, 2, options())).toThrow(argumentError);
    expect(() => native.run(detach(images()), 2, options())).toThrow(argumentError);
    expect(() => native.run(images(), -1, options())).toThrow(argumentError);
    expect(() => native.run(images(), 2, undefined as never)).toThrow(argumentError);
    expect(() => (native.run as never as () => void).call({})).toThrow('Illegal invocation');
  });

  test('no image is an empty result', async () => {
    const result = await native.run(new Float32Array(0), 0, { ...options(), everyStep: true, certify: 1_000_000 });
    expect(result.readout.length).toBe(0);
    expect([...result.phaseSteps]).toEqual([0]);
  });

  test('a view into a buffer is read from its offset, and may be detached while the run goes on', async () => {
    const expected = await native.run(images(), 2, options());
    const backing = new Float32Array(100).fill(7);
    const view = backing.subarray(20, 84);
    view.set(images());
    const promise = native.run(view, 2, options());
    detach(backing);
    expect((await promise).readout).toEqual(expected.readout);
    const Resizable = ArrayBuffer as unknown as new (n: number, o: object) => ArrayBuffer & { resize(n: number): void };
    const buffer = new Resizable(256, { maxByteLength: 1024 });
    new Float32Array(buffer).set(images());
    const resized = native.run(new Float32Array(buffer), 2, options());
    buffer.resize(0);
    expect((await resized).readout).toEqual(expected.readout);
    expect(() => native.run(new Float32Array(buffer), 2, options())).toThrow(argumentError);
  });

  test('a value that is no number is reported with its image', async () => {
    const bad = images();
    bad[40] = Number.NaN;
    await expect(native.run(bad, 2, options())).rejects.toMatchObject({
      code: 'ERR_CASC_DATA',
      message: expect.stringContaining('image 1'),
    });
  });

  test('infinite values are clipped by a grid and refused without one', async () => {
    const infinite = images().fill(Number.POSITIVE_INFINITY);
    const clipped = await native.run(infinite, 2, options());
    expect(clipped.readout).toEqual((await native.run(images().fill(8), 2, options())).readout);
    const description = randomPlan(3, 'float32');
    (description.layers[0] as unknown as Loose).grid = null;
    const float = make(description);
    const input = new Float32Array(numel(description.layers[0]!)).fill(Number.NEGATIVE_INFINITY);
    await expect(float.run(input, 1, options())).rejects.toMatchObject({ code: 'ERR_CASC_DATA' });
  });
});

describe('lifetimes', () => {
  test('after dispose calls are refused, but what runs already finishes', async () => {
    const native = make(plan());
    const running = native.run(new Float32Array(3200), 100, options());
    native.dispose();
    native.dispose();
    expect(() => native.run(new Float32Array(32), 1, options())).toThrow(
      expect.objectContaining({ code: 'ERR_CASC_DISPOSED' }),
    );
    expect((await running).sleepSteps.length).toBe(100);
  });

  test('an abort ends a long run', async () => {
    const native = make(plan());
    const abort = new (addon().AbortFlag)();
    const count = 20_000;
    const o = { ...options(), abort, schedule: { ...cif, wake: 200, margin: 1 } };
    const running = native.run(new Float32Array(32 * count).fill(3), count, o);
    setTimeout(() => abort.abort(), 5);
    await expect(running).rejects.toMatchObject({ code: 'ERR_CASC_ABORTED' });
    native.dispose();
  });

  test('worker threads run their own plans and may be terminated in the middle', async () => {
    const path = resolve(__dirname, '../../build/Release/casc_snn.node');
    const code = `
      const { parentPort, workerData } = require('node:worker_threads');
      const { SpikingPlan } = require(${JSON.stringify(path)});
      const plan = new SpikingPlan(workerData.plan);
      const run = (n) => plan.run(new Float32Array(32 * n).fill(3), n, workerData.options);
      run(2).then((result) => { parentPort.postMessage(result.hash); if (workerData.forever) run(1e6); });`;
    const start = (forever: boolean) =>
      new Worker(code, { eval: true, workerData: { plan: plan(), options: options(), forever } });
    const hash = (worker: Worker) =>
      new Promise<BigUint64Array>((done, fail) => {
        worker.on('message', done);
        worker.on('error', fail);
      });
    const native = make(plan());
    const expected = await native.run(new Float32Array(64).fill(3), 2, options());
    const workers = [start(false), start(true), start(true)];
    for (const got of await Promise.all(workers.map(hash))) expect(got).toEqual(expected.hash);
    await Promise.all(workers.map((worker) => worker.terminate()));
  });

  test('thousands of plans and runs leave no memory behind', async () => {
    const description = randomPlan(11, 'int8');
    const images = randomImages(11, description, 2);
    const round = async (times: number) => {
      for (let i = 0; i < times; i++) {
        const native = make(description);
        await native.run(images, 2, { ...options(), everyStep: true, counts: true, certify: 1_000_000 });
        if (i % 2 === 0) native.dispose();
      }
    };
    await round(1500);
    // What is left behind shows in every round; what other tests left to the garbage collector does not.
    const growth: number[] = [];
    for (let times = 0; times < 4; times++) {
      const before = process.memoryUsage().rss;
      await round(1000);
      growth.push(process.memoryUsage().rss - before);
    }
    expect(Math.min(...growth)).toBeLessThan(8 * 2 ** 20);
  });
});
