/** The table of `casc quantize`. */
import type { QuantizeResult } from '../quantize';
import { count, plural, type Row, table } from './table';

/**
 * Clip values, and the file that was written. `data` names what it was calibrated on.
 *
 * @example
 * console.log(quantizeTable(await quantize('net.onnx', options)));
 */
export function quantizeTable(result: QuantizeResult, file: string, data?: string): string {
  const { layers, levels, format, bytes, images } = result;
  const calibrated = images > 0;
  const rows = layers.map(
    ({ name, clips, max }): Row => [name, range(clips), ...(calibrated ? [(max ?? 0).toPrecision(5)] : [])],
  );
  const source = calibrated ? `calibrated on ${plural(images, 'image')} of ${data}` : 'clip values as they were';
  return [
    table(['activation', 'clip value', ...(calibrated ? ['largest seen'] : [])], rows, [1, 2]),
    '',
    `${file}: ${plural(levels, 'level')}, ${format}, ${count(bytes.length)} bytes, ${source}`,
  ].join('\n');
}

/** One clip value, or the smallest and largest of a layer's channels. */
function range(clips: readonly number[]): string {
  const ends = [clips.reduce((a, b) => Math.min(a, b)), clips.reduce((a, b) => Math.max(a, b))];
  return [...new Set(ends.map((clip) => clip.toPrecision(5)))].join(' … ');
}
