/** The table of `casc simulate`. */
import type { SimulationResult } from '../simulate';
import { count, plural, type Row, table } from './table';

/** Values of an output that are shown. */
const MOST_VALUES = 10;

/**
 * The outputs of each image, and how long it took. `names`: of the outputs.
 *
 * @example
 * console.log(simulationTable(await snn.simulate(images, count), ['logits']));
 */
export function simulationTable(result: SimulationResult, names: readonly string[]): string {
  const { images, outputs, schedule, sleepSteps, spikes } = result;
  const tables = names.map((name, i) => {
    const values = outputs[i]!;
    const width = values.length / images;
    const shown = Math.min(width, MOST_VALUES);
    const rows = Array.from({ length: images }, (_, image): Row => {
      const row = values.subarray(image * width, image * width + shown);
      return [image, ...Array.from(row, (x) => x.toPrecision(5)), ...(shown < width ? ['…'] : [])];
    });
    const head = ['image', `${name}[0]`, ...Array.from({ length: shown - 1 }, (_, at) => `[${at + 1}]`)];
    if (shown < width) head.push(`(of ${count(width)})`);
    return table(head, rows, [...head.keys()].slice(0, shown + 1));
  });
  const sleep = `up to ${Math.max(...sleepSteps)} asleep`;
  const fired = `${plural(spikes.positive, 'positive spike')}, ${count(spikes.negative)} negative`;
  return [...tables, `${schedule.wake} steps awake, ${sleep}; ${fired}`].join('\n\n');
}
