/** The table of `casc simulate`. */
import type { RestResult, SimulationResult } from '../simulate';
import { count, plural, type Row, table } from './table';

/** Values of an output that are shown. */
const MOST_VALUES = 10;

/**
 * The outputs of each image, and how long it took; in mode 'rest' how they were verified. `names`: of the outputs.
 *
 * @example
 * console.log(simulationTable(await snn.simulate(images, count), ['logits']));
 */
export function simulationTable(result: SimulationResult | RestResult, names: readonly string[]): string {
  const { images, outputs } = result;
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
  return [...tables, result.mode === 'full' ? stepsLine(result) : restLine(result)].join('\n\n');
}

function stepsLine({ schedule, sleepSteps, spikes }: SimulationResult): string {
  const sleep = `up to ${Math.max(...sleepSteps)} asleep`;
  const fired = `${plural(spikes.positive, 'positive spike')}, ${count(spikes.negative)} negative`;
  return `${schedule.wake} steps awake, ${sleep}; ${fired}`;
}

function restLine({ images, certificate }: RestResult): string {
  const computed = 'mode rest: computed without the transient, as the quantised ANN; no steps, no spikes';
  if (!certificate) return `${computed}; not verified`;
  const { mismatches, checkedNeurons, images: verified } = certificate;
  const scope = `${count(checkedNeurons)} neurons and readouts of ${count(verified)} of ${plural(images, 'image')}, simulated in full`;
  return mismatches === 0
    ? `${computed}; verified: the spike counts equal these answers at all ${scope}`
    : `${computed}; VERIFICATION FAILED: ${count(mismatches)} of ${scope}, differ`;
}
