/** Results as tables that a person reads. Data for programs is the plain objects themselves, as JSON. */
import Table from 'cli-table3';
import type { Evaluation } from '../evaluate';
import type { Network } from '../graph/network';
import type { QuantizeResult } from '../quantize';

/** Rows of the accuracy table before steps are left out of it. */
const MOST_ROWS = 24;

type Row = (string | number)[];

function table(head: string[], rows: Row[], right: number[] = []): string {
  const made = new Table({
    head,
    style: { head: [], border: [], compact: true, 'padding-left': 0, 'padding-right': 0 },
    chars: {
      top: '',
      'top-mid': '',
      'top-left': '',
      'top-right': '',
      bottom: '',
      'bottom-mid': '',
      'bottom-left': '',
      'bottom-right': '',
      left: '',
      'left-mid': '',
      right: '',
      'right-mid': '',
      mid: '',
      'mid-mid': '',
      middle: '  ',
    },
    colAligns: head.map((_, i) => (right.includes(i) ? 'right' : 'left')),
  });
  made.push(...rows);
  return made
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}

const percent = (share: number) => `${(100 * share).toFixed(2)} %`;
const count = (n: number) => Math.round(n).toLocaleString('en-US');

/** Accuracy step by step beside the ANN's, the certificate, and what it cost. */
export function evaluationTable(result: Evaluation): string {
  const { snn, quantized, ann, exact, steps, spikes, operations } = result;
  const curve = snn.top1PerStep;
  const shown = thin(curve.length);
  const rows = shown.map((i): Row => {
    const { wake, sleep, top1 } = curve[i]!;
    return [i + 1, sleep === 0 ? `wake ${wake}` : `sleep ${sleep}`, percent(top1)];
  });
  const accuracies: Row[] = [
    ...(ann ? [['ANN, fp32', percent(ann.top1), percent(ann.top5)] satisfies Row] : []),
    [`ANN, quantised at ${quantized.levels} levels`, percent(quantized.top1), percent(quantized.top5)],
    ['SNN, after wake and sleep', percent(snn.top1), percent(snn.top5)],
  ];
  const perDense = operations.synaptic / operations.denseMacs;
  return [
    `${result.model.file}: ${result.model.levels} levels, ${result.model.format}, ${result.images} images of ${result.data}`,
    '',
    table(['step', 'phase', 'SNN top-1'], rows, [0, 2]),
    ...(shown.length < curve.length ? [`(${shown.length} of ${curve.length} steps)`] : []),
    '',
    table(['', 'top-1', 'top-5'], accuracies, [1, 2]),
    '',
    table(
      ['', ''],
      [
        [
          'steps to rest',
          `${steps.wake} awake + ${steps.sleep.mean.toFixed(1)} asleep (95 % within ${steps.sleep.p95}, most ${steps.sleep.max})`,
        ],
        ...(steps.notAtRest > 0
          ? [['not at rest', `${steps.notAtRest} of ${result.images} images`] satisfies Row]
          : []),
        [
          'spikes per image',
          `${count(spikes.positive / result.images)} positive, ${count(spikes.negative / result.images)} negative`,
        ],
        [
          'additions per image',
          `${count(operations.synaptic)} (${perDense.toFixed(2)} per multiply-add of the dense ANN)`,
        ],
        [
          'throughput',
          `${result.throughput.imagesPerSecond.toFixed(1)} images per second (${result.model.isa}), simulation and oracle`,
        ],
        ['spike hash', spikes.hash],
      ],
    ),
    '',
    certificateLine(exact, result.images),
    ...result.notes.map((note) => `note: ${note}`),
  ].join('\n');
}

function certificateLine(exact: Evaluation['exact'], images: number): string {
  if (exact.images === 0) return `not certified: ${exact.format} run without a certificate`;
  const scope = `${count(exact.checkedNeurons)} neurons and readouts of ${exact.images} of ${images} images`;
  if (exact.certified) {
    return `certified: ${exact.file} in ${exact.format}: spike counts equal the quantised ANN at all ${scope}`;
  }
  const { first } = exact;
  const fired = first?.lastSpike
    ? `last spike at wake ${first.lastSpike.wake}, sleep ${first.lastSpike.sleep}`
    : 'never fired';
  const where = first
    ? `; first: layer ${first.layer}, neuron ${first.neuron}, image ${first.image}: SNN ${first.snnCount}, ANN ${first.annCount}, ${fired}`
    : '';
  return `NOT CERTIFIED: ${exact.file} in ${exact.format}: ${count(exact.mismatches)} of ${scope} differ${where}`;
}

/** Indices of the rows to show: all, or an even choice with the first and the last. */
function thin(length: number): number[] {
  if (length <= MOST_ROWS) return [...new Array(length).keys()];
  const chosen = Array.from({ length: MOST_ROWS }, (_, i) => Math.round((i * (length - 1)) / (MOST_ROWS - 1)));
  return [...new Set(chosen)];
}

/** One line a node of the ONNX file. */
export function inspectTable(network: Network): string {
  const rows = network.verdicts.map(({ name, opType, verdict, note }): Row => [name, opType, verdict, note]);
  const counts = new Map<string, number>();
  for (const { verdict } of network.verdicts) counts.set(verdict, (counts.get(verdict) ?? 0) + 1);
  const summary = [...counts].map(([verdict, n]) => `${n} ${verdict}`).join(', ');
  return `${table(['node', 'operator', 'verdict', 'note'], rows)}\n\n${network.file}: ${summary}`;
}

export function quantizeTable(result: QuantizeResult): string {
  const rows = result.layers.map(
    ({ name, clip, max }): Row => [name, clip.toPrecision(5), max === null ? 'as in the file' : max.toPrecision(5)],
  );
  return table(['activation', 'clip value', 'largest seen'], rows, [1, 2]);
}
