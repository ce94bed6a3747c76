/** The table of `casc quantize`. */
import type { QuantizedLayer, QuantizeResult } from '../quantize';
import { count, percent, plural, type Row, table } from './table';

/**
 * One line an activation: clip values, its error before and after, neurons at both ends; the answers beside the fp32 net; and the
 * file that was written. `data` names what it was calibrated on.
 *
 * @example
 * console.log(quantizeTable(await quantize('net.onnx', options), 'q.onnx', calibration.name));
 */
export function quantizeTable(result: QuantizeResult, file: string, data?: string): string {
  const { layers, levels, format, method, bytes, images, answers } = result;
  const columns: [string, (layer: QuantizedLayer) => string | null][] = [
    ['clip value', ({ clips }) => range(clips)],
    ['neurons', ({ copies }) => (layers.every((layer) => layer.copies === 1) ? null : `× ${copies.toFixed(2)}`)],
    ['largest seen', ({ max }) => max?.toPrecision(5) ?? null],
    ['error before', ({ errorBefore }) => (errorBefore === null ? null : percent(errorBefore))],
    ['error', ({ error }) => (error === null ? null : percent(error))],
    ['at 0', ({ zero }) => (zero === null ? null : percent(zero))],
    ['at Q', ({ top }) => (top === null ? null : percent(top))],
  ];
  const shown = columns.filter(([, figure]) => layers.some((layer) => figure(layer) !== null));
  const rows = layers.map((layer): Row => [layer.name, ...shown.map(([, figure]) => figure(layer) ?? '')]);
  const right = shown.map((_, i) => i + 1);
  const source = method ? `${method} on ${plural(images, 'image')} of ${data}` : 'clip values as they were';
  return [
    table(['activation', ...shown.map(([name]) => name)], rows, right),
    '',
    ...(answers ? [answersLine(answers)] : []),
    `${file}: ${plural(levels, 'level')}, ${format}, ${count(bytes.length)} bytes, ${source}`,
  ].join('\n');
}

function answersLine({ images, agreement, top1 }: NonNullable<QuantizeResult['answers']>): string {
  const accuracy = top1 ? `, top-1 ${percent(top1.ann)} in fp32, ${percent(top1.quantized)} quantised` : '';
  return `on ${plural(images, 'calibration image')}: ${percent(agreement)} answered as in fp32${accuracy}`;
}

/** One clip value, or the smallest and largest of a layer's channels. */
function range(clips: readonly number[]): string {
  const ends = [clips.reduce((a, b) => Math.min(a, b)), clips.reduce((a, b) => Math.max(a, b))];
  return [...new Set(ends.map((clip) => clip.toPrecision(5)))].join(' … ');
}
