/** Where a simulation's time, spikes and additions went. */
import type { PhaseProfile } from '../native';
import type { Profile } from '../simulate';
import { count, megabytes, percent, type Row, table } from './table';

/** In the order in which they are shown. */
const PATHS = ['dense', 'rows', 'scatter', 'neurons', 'skip'] as const;

/**
 * Two rows a layer, awake and asleep, then their totals, and the memory that a thread held. Figures are per image; time is of
 * all threads together.
 *
 * @example
 * const { profile, images } = await snn.simulate(batch, count, { profile: true });
 * console.log(profileTable(profile!, images));
 */
export function profileTable({ layers, workingBytes }: Profile, images: number): string {
  const wake = total(layers.map((layer) => layer.wake));
  const sleep = total(layers.map((layer) => layer.sleep));
  const all = total([wake, sleep]);
  const row = (name: string, phase: string, figures: PhaseProfile, paths: string): Row => [
    name,
    phase,
    microseconds(figures.seconds / images),
    percent(all.seconds > 0 ? figures.seconds / all.seconds : 0),
    count(figures.spikes.positive / images),
    count(figures.spikes.negative / images),
    count(figures.additions / images),
    paths,
  ];
  const rows = [
    ...layers.flatMap((layer) => [
      row(layer.layer, 'awake', layer.wake, pathsOf(layer.wake, images)),
      row('', 'asleep', layer.sleep, pathsOf(layer.sleep, images)),
    ]),
    row('all layers', 'awake', wake, ''),
    row('', 'asleep', sleep, ''),
    row('', 'together', all, ''),
  ];
  const head = ['per image', 'phase', 'µs', 'time', 'spikes +', 'spikes −', 'additions', 'steps by path'];
  const memory = [
    `${megabytes(workingBytes.simulation)} to simulate`,
    ...(workingBytes.oracle > 0 ? [`${megabytes(workingBytes.oracle)} for the quantised ANN`] : []),
  ];
  return [
    table(head, rows, [2, 3, 4, 5, 6]),
    '(skip: no spike reached the layer; at most its neurons were updated. Of several inputs the path named first counts.)',
    '',
    `working memory of a thread: ${memory.join(', ')}`,
  ].join('\n');
}

/** "dense 8, skip 6.5": steps per image. */
function pathsOf({ steps }: PhaseProfile, images: number): string {
  return PATHS.filter((path) => steps[path] > 0)
    .map((path) => `${path} ${Number((steps[path] / images).toFixed(1)) || '<0.1'}`)
    .join(', ');
}

function total(phases: readonly PhaseProfile[]): PhaseProfile {
  const sum = (of: (phase: PhaseProfile) => number) => phases.reduce((so, phase) => so + of(phase), 0);
  return {
    seconds: sum(({ seconds }) => seconds),
    spikes: { positive: sum(({ spikes }) => spikes.positive), negative: sum(({ spikes }) => spikes.negative) },
    additions: sum(({ additions }) => additions),
    steps: {
      skip: sum(({ steps }) => steps.skip),
      neurons: sum(({ steps }) => steps.neurons),
      scatter: sum(({ steps }) => steps.scatter),
      rows: sum(({ steps }) => steps.rows),
      dense: sum(({ steps }) => steps.dense),
    },
  };
}

const microseconds = (seconds: number): string => (seconds * 1e6).toFixed(1);
