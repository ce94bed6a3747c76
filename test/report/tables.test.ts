/** The tables: what a person reads of results that are known. */

import type {
  Accuracy,
  Evaluation,
  EvaluationFrame,
  Network,
  NodeVerdict,
  PhaseProfile,
  Profile,
  QuantizeResult,
  RestEvaluation,
  RestResult,
  SimulationResult,
} from '../../lib';
import { ENERGY } from '../../lib';
import { evaluationTable, inspectTable, profileTable, quantizeTable, simulationTable } from '../../lib/report';

const step = (wake: number, sleep: number, top1 = 0.5) => ({ wake, sleep, top1, top5: 1 });
const accuracy = (top1: number): Accuracy => ({ top1, top5: 1, interval: { top1: [0.3, top1 + 0.1], top5: [0.9, 1] } });

/** What both modes have. */
const frame: EvaluationFrame & Pick<Evaluation, 'task' | 'agreement' | 'disagreeing' | 'confusion' | 'classNames'> = {
  version: '0.1.0',
  model: { file: 'q.onnx', hash: 'ab', format: 'int8', levels: 2, isa: 'scalar' },
  data: 'cifar10 test_batch.bin',
  images: 40,
  selected: 40,
  skipped: [],
  exact: {
    measured: false,
    certified: true,
    file: 'q.onnx',
    format: 'int8',
    images: 40,
    checkedNeurons: 123_456,
    mismatches: 0,
  },
  schedule: {
    ...{ neuron: 'cif', gamma: 1, negative: true, upper: true, shift: null },
    ...{ wake: 2, margin: 2, sleep: -1, cap: 9, stagger: 0 },
  },
  scaling: {},
  machine: { platform: 'linux-x64', cpu: '', threads: 1, node: 'v20' },
  throughput: { imagesPerSecond: 12.34 },
  notes: [],
  task: 'classification',
  agreement: { quantizedSnn: 1 },
  disagreeing: [],
  confusion: [],
  classNames: null,
};

function evaluation(changes: Partial<Evaluation> = {}): Evaluation {
  return {
    mode: 'full',
    ...frame,
    quantized: { levels: 2, ...accuracy(0.5) },
    snn: { ...accuracy(0.5), top1PerStep: [step(1, 0, 0.25), step(2, 0, 0.525), step(2, 1)], anytime: null },
    steps: { wake: 2, sleep: { mean: 1.25, p50: 1, p95: 2, max: 3 }, toRest: null, notAtRest: 0 },
    spikes: { positive: 4000, negative: 400, hash: '00ff' },
    layers: [
      { name: '/act1', neurons: 10, positive: 3000, negative: 0, firingRate: 0.5 },
      { name: '/act2', neurons: 30, positive: 1000, negative: 400, firingRate: 0.1 },
    ],
    operations: { synaptic: 1000, wake: 900, sleep: 100, denseMacs: 2000, firstLayerMacs: 10 },
    energy: { snn: 1e-6, ann: 9.2e-9, prices: ENERGY, counted: '' },
    raster: null,
    ...changes,
  };
}

const last = (text: string) => text.split('\n').at(-1);
const rows = (text: string) => text.split('\n').filter((line) => /^ +\d+ {2}(wake|sleep)/.test(line));

describe('evaluation', () => {
  test('the whole table', () => {
    const agreement = { quantizedSnn: 0.975, annSnn: 1, annQuantized: 1 };
    const disagreeing = [{ id: 'a', label: 1, ann: 1, quantized: 2, snn: 1 }];
    const ann = { file: 'ann.onnx', hash: 'cd', ...accuracy(0.55) };
    expect(evaluationTable(evaluation({ ann, agreement, disagreeing }))).toBe(
      [
        'q.onnx: 2 levels, int8, 40 images of cifar10 test_batch.bin',
        '',
        'step  phase    SNN top-1  vs quantised ANN',
        '   1  wake 1     25.00 %            -25.00',
        '   2  wake 2     52.50 %             +2.50',
        '   3  sleep 1    50.00 %              0.00',
        '',
        '                              top-1    95 % interval     top-5',
        'ANN, fp32                   55.00 %  30.00 – 65.00 %  100.00 %',
        'ANN, quantised at 2 levels  50.00 %  30.00 – 60.00 %  100.00 %',
        'SNN, at the end             50.00 %  30.00 – 60.00 %  100.00 %',
        '',
        'same answer: SNN and quantised ANN 97.50 %, SNN and fp32 ANN 100.00 % (1 image answered differently; --json lists them)',
        '',
        'steps to rest        2 awake + 1.3 asleep (half of the images within 1, 95 % within 2, most 3)',
        'spikes per image     100 positive, 10 negative (hash 00ff)',
        'firing rate          0.2000 per neuron and step, at most 0.5000 (/act1)',
        'additions per image  1,000, 100 of them asleep (0.50 per multiply-add of the dense ANN)',
        'energy per image     1 µJ, ANN 9.2 nJ (4.6 pJ a multiply-add, 0.9 pJ an addition; memory not counted)',
        'throughput           12.3 images per second (scalar)',
        '',
        'certified: q.onnx in int8: the spike counts equal the quantised ANN at all 123,456 neurons and readouts of 40 images',
      ].join('\n'),
    );
  });

  test('many steps: an even choice with the last awake step and the last of all', () => {
    const curve = [
      ...Array.from({ length: 64 }, (_, i) => step(i + 1, 0)),
      ...Array.from({ length: 37 }, (_, i) => step(64, i + 1)),
    ];
    const text = evaluationTable(evaluation({ snn: { ...evaluation().snn, top1PerStep: curve } }));
    expect(rows(text).length).toBeLessThanOrEqual(26);
    for (const row of ['1  wake 1 ', '64  wake 64 ', '101  sleep 37 ']) expect(text).toContain(row);
    expect(text).toMatch(/\(\d\d of 101 steps; --json writes all\)/);
  });

  test('several sleep phases: each is named after its awake step, and its end is shown', () => {
    const curve = Array.from({ length: 8 }, (_, i) => [
      step(i + 1, 0),
      ...Array.from({ length: 9 }, (__, s) => step(i + 1, s + 1)),
    ]).flat();
    const text = evaluationTable(evaluation({ snn: { ...evaluation().snn, top1PerStep: curve } }));
    expect(rows(text).length).toBeLessThanOrEqual(26);
    for (let wake = 1; wake <= 8; wake++) expect(text).toContain(`wake ${wake}, sleep 9 `);
  });

  test('a failed certificate names the first divergence', () => {
    const exact = {
      ...evaluation().exact,
      certified: false,
      mismatches: 1234,
      first: { layer: '/act1', neuron: 7, image: 'b:3', snnCount: 2, annCount: 3, lastSpike: { wake: 2, sleep: 1 } },
    };
    expect(last(evaluationTable(evaluation({ exact })))).toBe(
      'NOT CERTIFIED: q.onnx in int8: 1,234 of 123,456 neurons and readouts of 40 images differ; ' +
        'first: layer /act1, neuron 7, image b:3: SNN 2, ANN 3, last spike at wake 2, sleep 1',
    );
  });

  test('a certificate of some images, and none', () => {
    const { exact } = evaluation();
    const none = { ...exact, certified: false, images: 0 };
    expect(last(evaluationTable(evaluation({ exact: { ...exact, images: 8 } })))).toContain(
      'of the first 8 of 40 images',
    );
    expect(last(evaluationTable(evaluation({ exact: none })))).toContain('no certificate was asked for');
    const measured = { ...exact, measured: true, certified: false, format: 'float32', mismatches: 3 };
    expect(last(evaluationTable(evaluation({ exact: measured })))).toMatch(
      /^measured, not certified: .* 3 of 123,456 neurons .* differ.*--format int8 or int16/,
    );
    const baseline = evaluationTable(evaluation({ exact: none, notes: ['neuron if is not loss-free'] }));
    expect(baseline).toMatch(/not certified: see the note\nnote: neuron if is not loss-free$/);
  });

  test('a fixed sleep, and images that are not at rest', () => {
    const text = evaluationTable(
      evaluation({ steps: { ...evaluation().steps, sleep: { mean: 4, p50: 4, p95: 4, max: 4 }, notAtRest: 3 } }),
    );
    expect(text).toContain('steps                2 awake + 4 asleep\nnot at rest          3 of 40 images\n');
  });

  test('several levels: the anytime curve', () => {
    const point = (wake: number, notAtRest = 0) => ({ wake, steps: 1.5 * wake, notAtRest, ...accuracy(wake / 4) });
    const snn = { ...evaluation().snn, anytime: [point(1, 3), point(2)] };
    expect(evaluationTable(evaluation({ snn }))).toContain(
      [
        'level  steps  SNN top-1    95 % interval',
        '    1    1.5    25.00 %  30.00 – 35.00 %  3 not at rest',
        '    2    3.0    50.00 %  30.00 – 60.00 %',
      ].join('\n'),
    );
    expect(evaluationTable(evaluation({ snn: { ...snn, anytime: [point(2)] } }))).not.toContain('level  steps');
  });

  test('what is missing: images that could not be read, an interrupt, a shard', () => {
    const skipped = Array.from({ length: 12 }, (_, i) => ({ id: `${i}.jpg`, code: 'ERR_CASC_IMAGE', message: '' }));
    const text = evaluationTable(evaluation({ selected: 60, skipped, shard: { index: 2, of: 3 } }));
    expect(text).toContain('40 of 60 images of cifar10 test_batch.bin (shard 2/3)\n');
    expect(text).toContain('SKIPPED: 12 images could not be read: 0.jpg, 1.jpg');
    expect(text).toContain('9.jpg, … (12; --json names all)\nINTERRUPTED: 8 images still to be evaluated');
    expect(evaluationTable(evaluation())).not.toMatch(/SKIPPED|INTERRUPTED/);
  });
});

const phase = (changes: Partial<PhaseProfile> = {}): PhaseProfile => ({
  seconds: 0,
  spikes: { positive: 0, negative: 0 },
  additions: 0,
  steps: { skip: 0, neurons: 0, scatter: 0, rows: 0, dense: 0 },
  ...changes,
});
const layers: Profile['layers'] = [
  {
    layer: '/act1',
    wake: phase({
      seconds: 0.0003,
      spikes: { positive: 4000, negative: 0 },
      steps: { skip: 80, neurons: 0, scatter: 0, rows: 0, dense: 0 },
    }),
    sleep: phase({ steps: { skip: 50, neurons: 0, scatter: 0, rows: 0, dense: 0 } }),
  },
  {
    layer: '/act2',
    wake: phase({
      seconds: 0.0004,
      additions: 12_345_670,
      steps: { skip: 0, neurons: 0, scatter: 0.1, rows: 0, dense: 79.9 },
    }),
    sleep: phase({
      seconds: 0.0001,
      spikes: { positive: 10, negative: 200 },
      additions: 1000,
      steps: { skip: 15, neurons: 0, scatter: 30, rows: 5, dense: 0 },
    }),
  },
];

const profile = { layers, workingBytes: { simulation: 1_234_567, oracle: 45_678 } };

test('profile: figures per image, shares of time, totals', () => {
  expect(profileTable(profile, 10)).toBe(
    [
      'per image   phase       µs      time  spikes +  spikes −  additions  steps by path',
      '/act1       awake     30.0   37.50 %       400         0          0  skip 8',
      '            asleep     0.0    0.00 %         0         0          0  skip 5',
      '/act2       awake     40.0   50.00 %         0         0  1,234,567  dense 8, scatter <0.1',
      '            asleep    10.0   12.50 %         1        20        100  rows 0.5, scatter 3, skip 1.5',
      'all layers  awake     70.0   87.50 %       400         0  1,234,567',
      '            asleep    10.0   12.50 %         1        20        100',
      '            together  80.0  100.00 %       401        20  1,234,667',
      '(skip: no spike reached the layer; at most its neurons were updated. Of several inputs the path named first counts.)',
      '',
      'working memory of a thread: 1.2 MB to simulate, 0.046 MB for the quantised ANN',
    ].join('\n'),
  );
  expect(evaluationTable(evaluation({ profile }))).toContain('\n\nper image   phase');
});

describe('at rest', () => {
  const { ann, exact } = evaluation({ ann: { file: 'ann.onnx', hash: 'cd', ...accuracy(0.55) } });
  const rest: RestEvaluation = {
    mode: 'rest',
    ...frame,
    ann,
    agreement: { quantizedSnn: 1, annSnn: 0.9, annQuantized: 0.9 },
    quantized: { levels: 2, ...accuracy(0.5) },
    snn: { ...accuracy(0.5), top1PerStep: null, anytime: null },
    exact: { ...exact, images: 2 },
    steps: null,
    spikes: null,
    layers: null,
    operations: { synaptic: null, wake: null, sleep: null, denseMacs: 2000, firstLayerMacs: 10 },
    energy: { snn: null, ann: 9.2e-9, prices: ENERGY, counted: '' },
    raster: null,
  };

  test('the whole table', () => {
    expect(evaluationTable(rest)).toBe(
      [
        'q.onnx: 2 levels, int8, 40 images of cifar10 test_batch.bin',
        '',
        'mode rest: computed without the transient, as the quantised ANN; no steps, no spikes',
        '',
        '                                            top-1    95 % interval     top-5',
        'ANN, fp32                                 55.00 %  30.00 – 65.00 %  100.00 %',
        'SNN at rest = ANN, quantised at 2 levels  50.00 %  30.00 – 60.00 %  100.00 %',
        '',
        'same answer: SNN and fp32 ANN 90.00 %',
        '',
        'multiply-adds per image  2,000',
        'throughput               12.3 images per second (scalar), not simulated',
        '',
        'verified: q.onnx in int8: the spike counts equal these answers at all 123,456 neurons and readouts of an even choice of 2 of 40 images, simulated in full',
      ].join('\n'),
    );
  });

  test('not verified, and a verification that failed', () => {
    expect(last(evaluationTable({ ...rest, exact: { ...exact, images: 0, certified: false } }))).toMatch(
      /^not verified: .*--verify 0\.01/,
    );
    const first = { layer: '/act1', neuron: 7, image: 'b:3', snnCount: 2, annCount: 3, lastSpike: null };
    const failed = { ...exact, certified: false, mismatches: 4, first };
    expect(last(evaluationTable({ ...rest, exact: failed }))).toBe(
      'VERIFICATION FAILED: q.onnx in int8: 4 of 123,456 neurons and readouts of 40 images, simulated in full, differ; ' +
        'first: layer /act1, neuron 7, image b:3: SNN 2, ANN 3, never fired',
    );
  });

  test('of one batch', () => {
    const result = { mode: 'rest', images: 2, outputs: [Float32Array.of(-1, 1)], certificate: null } as RestResult;
    expect(last(simulationTable(result, ['score']))).toMatch(
      /^mode rest: computed without the transient.*; not verified$/,
    );
    const certificate = { images: 1, checkedNeurons: 9, mismatches: 0, failedImages: 0, first: null, byImage: [] };
    expect(last(simulationTable({ ...result, certificate }, ['score']))).toMatch(
      /; verified: the spike counts equal these answers at all 9 neurons and readouts of 1 of 2 images, simulated in full$/,
    );
    const failed = { ...certificate, mismatches: 1 };
    expect(last(simulationTable({ ...result, certificate: failed }, ['score']))).toMatch(
      /; VERIFICATION FAILED: 1 of 9/,
    );
  });
});

describe('inspection', () => {
  const verdict = (name: string, kind: NodeVerdict['verdict'], note = ''): NodeVerdict => ({
    name,
    opType: 'Op',
    verdict: kind,
    note,
  });
  const network = (verdicts: NodeVerdict[], relus = 0) =>
    ({
      file: 'net.onnx',
      verdicts,
      nodes: Array.from({ length: relus }, () => ({ op: 'relu', tail: false })),
    }) as unknown as Network;

  test('constants are counted, not shown', () => {
    const text = inspectTable(
      network([verdict('/conv', 'linear'), verdict('/k', 'folded', 'constant'), verdict('/k2', 'folded', 'constant')]),
    );
    expect(text).not.toContain('/k');
    expect(text).toContain('net.onnx: 1 linear, 2 constants (not shown; --json has them)');
    expect(last(text)).toContain('ready');
  });

  test('what to do next', () => {
    expect(last(inspectTable(network([verdict('/relu', 'neuron')], 1)))).toBe(
      'can be converted once its 1 activation is quantised: casc quantize',
    );
    expect(last(inspectTable(network([verdict('/a', 'refused', 'why')], 1)))).toBe(
      'cannot be converted: 1 node refused, with the reason in the note',
    );
  });
});

describe('quantisation', () => {
  const figures = { error: 0.125, errorBefore: 0.25, zero: 0.5, top: 0.0025 };
  const result = {
    layers: [
      { name: '/act', clips: [1.5], max: 2.25, copies: 1, ...figures },
      { name: '/act2', clips: [0.5, 2, 1], max: 3, copies: 1, ...figures, error: 0 },
    ],
    levels: 8,
    format: 'int8',
    bytes: new Uint8Array(1234),
    images: 512,
    method: 'refit',
    answers: { images: 256, agreement: 0.9375 },
  } as unknown as QuantizeResult;
  const answers = 'on 256 calibration images: 93.75 % answered as in fp32';

  test('one line an activation', () => {
    expect(quantizeTable(result, 'q.onnx', 'cifar10 test.bin')).toBe(
      'activation        clip value  largest seen  error before    error     at 0    at Q\n' +
        '/act                  1.5000        2.2500       25.00 %  12.50 %  50.00 %  0.25 %\n' +
        '/act2       0.50000 … 2.0000        3.0000       25.00 %   0.00 %  50.00 %  0.25 %\n\n' +
        `${answers}\n` +
        'q.onnx: 8 levels, int8, 1,234 bytes, refit on 512 images of cifar10 test.bin',
    );
  });

  test('top-1 where there are labels', () => {
    const labelled = { ...result, answers: { images: 256, agreement: 0.9375, top1: { ann: 0.75, quantized: 0.5 } } };
    expect(quantizeTable(labelled, 'q.onnx', 'data')).toContain(`${answers}, top-1 75.00 % in fp32, 50.00 % quantised`);
  });

  test('neurons beside those of the imported net, where channels were split', () => {
    const layers = result.layers.map((layer, i) => ({ ...layer, copies: [1, 1.3333333][i]! }));
    expect(
      quantizeTable({ ...result, layers }, 'q.onnx', 'data')
        .split('\n')
        .slice(0, 3),
    ).toEqual([
      'activation        clip value  neurons  largest seen  error before    error     at 0    at Q',
      '/act                  1.5000   × 1.00        2.2500       25.00 %  12.50 %  50.00 %  0.25 %',
      '/act2       0.50000 … 2.0000   × 1.33        3.0000       25.00 %   0.00 %  50.00 %  0.25 %',
    ]);
  });

  test('no column without a figure', () => {
    const layers = result.layers.map((layer) => ({ ...layer, errorBefore: null }));
    expect(quantizeTable({ ...result, layers }, 'q.onnx')).not.toContain('before');
    const kept = layers.map(({ name, clips }) => ({
      name,
      clips,
      copies: 1,
      max: null,
      error: null,
      errorBefore: null,
      zero: null,
      top: null,
    }));
    const text = quantizeTable({ ...result, layers: kept, method: null, answers: undefined, images: 0 }, 'q.onnx');
    expect(text).toMatch(/^activation {8}clip value\n\/act/);
    expect(last(text)).toBe('q.onnx: 8 levels, int8, 1,234 bytes, clip values as they were');
  });
});

test('simulation: ten values of each output, and how many there are', () => {
  const result = {
    mode: 'full',
    images: 2,
    outputs: [Float32Array.from({ length: 24 }, (_, i) => i), Float32Array.of(-1, 1)],
    schedule: { wake: 8 },
    sleepSteps: Int32Array.of(3, 5),
    spikes: { positive: 1000, negative: 1 },
  } as unknown as SimulationResult;
  const text = simulationTable(result, ['logits', 'score']);
  expect(text).toMatch(/^image {2}logits\[0\] .*\[9\] {2}\(of 12\)\n {4}0 .*9\.0000 {2}…\n/);
  expect(text).toMatch(/image {2}score\[0\]\n {4}0 {3}-1\.0000\n {4}1 {4}1\.0000\n/);
  expect(last(text)).toBe('8 steps awake, up to 5 asleep; 1,000 positive spikes, 1 negative');
});
