/** The trainer of blocks: gradients against finite differences, threads, aborts, wrong arguments. */
import type { ConvNode, QuantNode } from '../../lib/graph/network';
import { addon, type BlockData, type BlockDescription } from '../../lib/native';
import { Random } from '../support/random';

const window = (kernel: number, pad = 0, stride = 1, dilation = 1) => ({
  kernel: [kernel, kernel] as const,
  strides: [stride, stride] as const,
  pads: [pad, pad, pad, pad] as const,
  dilations: [dilation, dilation] as const,
});

const base = { tensor: '', onnx: [], tail: false };
let random = new Random(5);
const shape = (c: number, h: number, w = h) => ({ c, h, w });

function quant(id: number, input: number, at: ReturnType<typeof shape>, step: number, perChannel = true) {
  const steps = new Float64Array(perChannel ? at.c : 1).map((_, c) => step * (1 + 0.1 * c));
  return {
    ...base,
    id,
    name: `q${id}`,
    op: 'quant' as const,
    shape: at,
    inputs: [input],
    levels: 4,
    stepIn: steps,
    offset: steps.map((s) => s / 2),
    stepOut: steps,
    tiesToEven: false,
  };
}

function conv(
  id: number,
  input: number,
  from: ReturnType<typeof shape>,
  to: ReturnType<typeof shape>,
  geometry: ReturnType<typeof window>,
  groups = 1,
  map = false,
) {
  const [kh, kw] = geometry.kernel;
  const weight = random.normal((to.c * from.c * kh * kw) / groups, 0.4);
  const bias = random.normal(map ? to.c * to.h * to.w : to.c, 0.2);
  return {
    ...base,
    id,
    name: `c${id}`,
    op: 'conv' as const,
    shape: to,
    inputs: [input],
    weight,
    bias,
    window: geometry,
    groups,
  };
}

/** Every operator that a block may have: strides, dilations, groups, pads larger than kernels, bias maps, shortcuts. */
function block(): BlockDescription {
  random = new Random(5);
  const nodes = [
    { ...base, id: 0, name: 'x', op: 'input' as const, shape: shape(4, 7), inputs: [], grid: null },
    conv(1, 0, shape(4, 7), shape(6, 7), window(3, 1)),
    quant(2, 1, shape(6, 7), 0.3),
    conv(3, 2, shape(6, 7), shape(6, 4), window(3, 1, 2), 3),
    conv(4, 2, shape(6, 7), shape(6, 4), window(1, 0, 2)),
    {
      ...base,
      id: 5,
      name: 's',
      op: 'scale' as const,
      shape: shape(6, 4),
      inputs: [4],
      factor: random.normal(6, 1),
      shift: null,
    },
    { ...base, id: 6, name: 'a', op: 'add' as const, shape: shape(6, 4), inputs: [3, 5, 3] },
    quant(7, 6, shape(6, 4), 0.25, false),
    conv(8, 7, shape(6, 4), shape(6, 4), window(3, 2, 1, 2), 6, true),
    { ...base, id: 9, name: 'r', op: 'relu' as const, shape: shape(6, 4), inputs: [8], max: 1.5, trailingAxes: 2 },
    { ...base, id: 10, name: 'm', op: 'maxpool' as const, shape: shape(6, 2), inputs: [9], window: window(3, 1, 2) },
    {
      ...base,
      id: 11,
      name: 'p',
      op: 'avgpool' as const,
      shape: shape(6, 2),
      inputs: [7],
      window: window(2, 0, 2),
      factor: new Float32Array(4).fill(0.25),
    },
    {
      ...base,
      id: 12,
      name: 'cat',
      op: 'route' as const,
      shape: shape(12, 2),
      inputs: [10, 11],
      index: Int32Array.from({ length: 48 }, (_, i) => (i % 7 === 0 ? -1 : (i * 5) % 48)),
    },
    conv(13, 12, shape(12, 2), shape(3, 4), window(1, 1)),
  ];
  return {
    nodes,
    outputs: [13, 7],
    units: [Float64Array.of(1)],
    reach: Float64Array.of(4),
    rounding: [],
    most: 127,
    levels: 4,
    smooth: true,
    schedule: { iterations: 40, batch: 6, rates: { weight: 0.01, bias: 0.01, step: 0.01 }, drop: 0, seed: 3 },
  };
}

function data(images: number): BlockData {
  const from = new Random(9);
  return {
    inputs: [from.normal(images * 196, 1)],
    exact: [from.normal(images * 196, 1)],
    targets: [from.normal(images * 48, 1), from.normal(images * 96, 1)],
    images,
  };
}

test('gradients agree with finite differences, for every operator', async () => {
  const description = block();
  const images = data(3);
  const trainer = new (addon().BlockTrainer)(description);
  const { loss, parameters } = await trainer.gradient(images, { threads: 1 });
  expect(loss).toBeGreaterThan(0);
  const lossWith = async (node: number, kind: 'weight' | 'bias' | 'step', index: number, change: number) => {
    const copy = structuredClone(description);
    if (kind === 'step') {
      const { stepIn, offset, stepOut } = copy.nodes[node] as QuantNode;
      stepIn[index]! *= Math.exp(change);
      offset[index] = stepIn[index]! / 2;
      stepOut[index] = stepIn[index]!;
    } else {
      (copy.nodes[node] as ConvNode)[kind]![index]! += change;
    }
    return (await new (addon().BlockTrainer)(copy).gradient(images, { threads: 1 })).loss;
  };
  let checked = 0;
  let agreed = 0;
  for (const { node, kind, values } of parameters) {
    const stride = Math.max(1, Math.floor(values.length / 12));
    for (let i = 0; i < values.length; i += stride) {
      const h = 2e-3;
      const slope = ((await lossWith(node, kind, i, h)) - (await lossWith(node, kind, i, -h))) / (2 * h);
      checked++;
      if (Math.abs(slope - values[i]!) < 2e-3 + 0.02 * Math.abs(slope)) agreed++;
    }
  }
  expect(checked).toBeGreaterThan(80);
  // A kink (of a clip, a maximum) within h of some value bends a difference now and then.
  expect(agreed / checked).toBeGreaterThan(0.95);
});

test('the same bits with 1, 2 and 3 threads, in one call or several; the loss falls', async () => {
  const runs = [];
  for (const [threads, calls] of [
    [1, 1],
    [2, 1],
    [3, 4],
  ] as const) {
    const description = block();
    description.smooth = false;
    description.rounding = [
      { convs: [1], quant: 2 },
      { convs: [3, 4], quant: 7 },
      { convs: [13], quant: null },
    ];
    description.schedule.drop = 0.5;
    const trainer = new (addon().BlockTrainer)(description);
    const losses = [];
    for (let i = 0; i < calls; i++) losses.push(await trainer.train(data(11), 40 / calls, { threads }));
    runs.push({ losses, parameters: trainer.parameters() });
  }
  expect(runs[1]).toEqual(runs[0]);
  expect(runs[2]!.parameters).toEqual(runs[0]!.parameters);
  expect(runs[2]!.losses[3]).toBeLessThan(0.9 * runs[2]!.losses[0]!);
});

test('an abort ends a run between images, and the trainer goes on from there', async () => {
  const trainer = new (addon().BlockTrainer)(block());
  const abort = new (addon().AbortFlag)();
  const long = trainer.train(data(11), 1 << 20, { threads: 2, abort });
  expect(() => trainer.train(data(11), 1, { threads: 1 })).toThrow('at work');
  abort.abort();
  await expect(long).rejects.toMatchObject({ code: 'ERR_CASC_ABORTED' });
  expect(await trainer.train(data(11), 1, { threads: 2 })).toBeGreaterThan(0);
});

describe('wrong arguments', () => {
  const make = (change: (description: BlockDescription) => void) => () => {
    const description = block();
    change(description);
    return new (addon().BlockTrainer)(description);
  };
  test.each<[string, (d: BlockDescription) => void]>([
    ['units', (d) => d.units.pop()],
    ['units', (d) => d.units[0]!.fill(Number.NaN)],
    ['reach', (d) => (d.reach = new Float64Array(0))],
    ['reach', (d) => (d.reach = Float64Array.of(4, 4))],
    ['reach', (d) => d.reach.fill(0)],
    ['reach', (d) => d.reach.fill(Number.NaN)],
    ['reach', (d) => delete (d as Partial<BlockDescription>).reach],
    ['rounding', (d) => d.rounding.push({ convs: [2], quant: 7 })],
    ['rounding', (d) => d.rounding.push({ convs: [1], quant: 3 })],
    ['rounding', (d) => d.rounding.push({ convs: [], quant: null })],
    ['rounding', (d) => d.rounding.push({ convs: [13], quant: 7 })],
    ['output', (d) => d.outputs.push(99)],
    ['output', (d) => d.outputs.splice(0)],
    ['iterations', (d) => (d.schedule.iterations = 0)],
    ['batch', (d) => (d.schedule.batch = 0)],
    ['drop', (d) => (d.schedule.drop = Number.NaN)],
    ['rates', (d) => (d.schedule.rates.step = -1)],
    ['stepIn', (d) => ((d.nodes[2] as QuantNode).stepIn[0] = Number.NaN)],
    ['stepOut', (d) => Object.assign(d.nodes[2]!, { stepOut: (d.nodes[2] as QuantNode).stepIn.map((s) => 2 * s) })],
    ['no such operator', (d) => Object.assign(d.nodes[9]!, { op: 'unary', kind: 'tanh' })],
  ])('%s', (text, change) => {
    expect(make(change)).toThrow(
      expect.objectContaining({ code: 'ERR_CASC_ARGUMENT', message: expect.stringContaining(text) }),
    );
  });

  test('data of the wrong length, detached, resizable, missing; NaN targets', async () => {
    const trainer = make(() => {})();
    const run = async (change: (d: BlockData) => void, count = 1) => {
      const wrong = data(4);
      change(wrong);
      return trainer.train(wrong, count, { threads: 1 });
    };
    const refused = { code: 'ERR_CASC_ARGUMENT' };
    await expect(run((d) => (d.images = 5))).rejects.toMatchObject(refused);
    await expect(
      run((d) => structuredClone(0, { transfer: [d.inputs[0]!.buffer as ArrayBuffer] })),
    ).rejects.toMatchObject(refused);
    await expect(run((d) => d.targets.pop())).rejects.toMatchObject(refused);
    await expect(run((d) => (d.exact = []))).rejects.toMatchObject(refused);
    await expect(run(() => {}, -1)).rejects.toMatchObject(refused);
    await expect(run((d) => d.targets[0]!.fill(Number.NaN))).rejects.toMatchObject({ code: 'ERR_CASC_CALIBRATION' });
    trainer.dispose();
    await expect(run(() => {})).rejects.toMatchObject({ code: 'ERR_CASC_DISPOSED' });
  });
});
