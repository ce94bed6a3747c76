/** The table of `casc compare`: methods as rows, numbers of levels as columns. */
import { argumentError } from '../errors';
import type { ComparedMethod, MethodFigures, MethodsComparison, MethodsRow } from '../evaluate';
import { count, percent, plural, type Row, table } from './table';

export type ComparisonFormat = 'text' | 'markdown' | 'csv';

const NAMES: Readonly<Record<ComparedMethod, string>> = {
  if: 'IF',
  qcfs: 'IF from half the threshold (QCFS)',
  signed: 'signed IF',
  burst: 'burst, γ = 5',
  cif: 'CIF without sleep',
  'cif-sleep': 'CIF with sleep',
};

const METHODS = Object.keys(NAMES) as ComparedMethod[];

/**
 * As text or Markdown a table for each figure; as CSV one line for each method and number of levels, with all figures.
 * Throws ERR_CASC_ARGUMENT for another format.
 *
 * @example
 * console.log(comparisonTable(await compare('net.onnx', options), 'markdown'));
 */
export function comparisonTable(result: MethodsComparison, format: ComparisonFormat = 'text'): string {
  if (format === 'csv') return csv(result);
  if (format !== 'text' && format !== 'markdown') throw argumentError('format', 'text, markdown or csv', format);
  const { file, method, calibration, images, data, rows } = result;
  const write = format === 'text' ? table : markdown;
  const head = rows.map(({ levels }) => `T = ${levels}`);
  const right = head.map((_, i) => i + 1);
  const block = (title: string, lines: Row[]) => ['', write([title, ...head], lines, right)];
  const each = (figure: (figures: MethodFigures) => string): Row[] =>
    METHODS.map((name) => [NAMES[name], ...rows.map(({ methods }) => figure(methods[name]))]);
  return [
    `${file}: ${method} on ${plural(calibration.images, 'image')} of ${calibration.data}, ${result.format}; judged on ${plural(images, 'image')} of ${data}`,
    ...block('top-1', [
      ['ANN, fp32', ...rows.map(({ ann }) => percent(ann.top1))],
      ['ANN, quantised at T levels', ...rows.map(({ quantized }) => percent(quantized.top1))],
      ...each(({ top1, exact }) => `${exact ? '= ' : ''}${percent(top1)}`),
    ]),
    ...block(
      'same answer as the quantised ANN',
      each(({ agreement }) => percent(agreement)),
    ),
    ...block(
      'steps, mean',
      each(({ steps }) => (steps.wake + steps.sleep.mean).toFixed(1)),
    ),
    ...block(
      'additions per image',
      each(({ operations }) => count(operations.synaptic)),
    ),
    '',
    verdict(rows, images),
    ...restless(rows),
  ].join('\n');
}

/** Which methods equal the quantised ANN, at which T. */
function verdict(rows: readonly MethodsRow[], images: number): string {
  const equal = METHODS.flatMap((name) => {
    const levels = rows.filter(({ methods }) => methods[name].exact).map((row) => row.levels);
    if (levels.length === 0) return [];
    const { comparedAt } = rows[0]!.methods[name];
    return `${NAMES[name]} at T = ${levels.join(', ')} (${comparedAt === 'neurons' ? 'every neuron and output' : 'outputs'})`;
  });
  return `= equals the quantised ANN at ${images === 1 ? 'the image' : `all ${count(images)} images`}: ${equal.join('; ') || 'none'}`;
}

function restless(rows: readonly MethodsRow[]): string[] {
  return rows
    .filter(({ methods }) => methods['cif-sleep'].steps.notAtRest > 0)
    .map(({ levels, methods }) => {
      const { notAtRest } = methods['cif-sleep'].steps;
      return `${NAMES['cif-sleep']} at T = ${levels}: ${plural(notAtRest, 'image')} not at rest`;
    });
}

function markdown(head: string[], rows: Row[], right: number[]): string {
  const line = (cells: Row) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map((_, i) => (right.includes(i) ? '--:' : '---'))), ...rows.map(line)].join('\n');
}

/** Names and numbers only: nothing to quote. */
function csv({ rows }: MethodsComparison): string {
  const columns: [string, (figures: MethodFigures) => number | string][] = [
    ['agreement', ({ agreement }) => agreement],
    ['equal_images', ({ equal }) => equal],
    ['exact', ({ exact }) => String(exact)],
    ['compared_at', ({ comparedAt }) => comparedAt],
    ['wake_steps', ({ steps }) => steps.wake],
    ['sleep_steps_mean', ({ steps }) => steps.sleep.mean],
    ['sleep_steps_max', ({ steps }) => steps.sleep.max],
    ['positive_spikes', ({ spikes }) => spikes.positive],
    ['negative_spikes', ({ spikes }) => spikes.negative],
    ['additions', ({ operations }) => operations.synaptic],
    ['energy_joules', ({ energy }) => energy.snn],
  ];
  const none = columns.map(() => '');
  const lines = rows.flatMap(({ levels, ann, quantized, methods }): Row[] => [
    [levels, 'ann', ann.top1, ann.top5, ...none],
    [levels, 'quantised', quantized.top1, quantized.top5, ...none],
    ...METHODS.map((name): Row => {
      const figures = methods[name];
      return [levels, name, figures.top1, figures.top5, ...columns.map(([, figure]) => figure(figures))];
    }),
  ]);
  return [['levels', 'method', 'top1', 'top5', ...columns.map(([name]) => name)], ...lines]
    .map((cells) => cells.join(','))
    .join('\n');
}
