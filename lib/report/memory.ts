/** The memory of `casc info --model`. */
import type { MemoryBound, Schedule } from '../simulate';
import { count, megabytes, plural, table } from './table';

/**
 * What a net takes as loaded, and at most while it runs.
 *
 * @example
 * console.log(memoryTable(snn.memory(), snn.schedule(), 2));
 */
export function memoryTable(memory: MemoryBound, schedule: Schedule, threads: number): string {
  const { plan, perThread, perImage } = memory;
  const { wake, sleep, cap } = schedule;
  const asleep = sleep < 0 ? `asleep until silent (at most ${count(cap)} steps)` : `${sleep} asleep`;
  const total = plan + threads * (perThread.simulation + perThread.oracle);
  return [
    `a run of ${plural(wake, 'step')} awake and ${asleep}, on ${plural(threads, 'thread')}, takes at most ${megabytes(total)} and its batch:`,
    table(
      null,
      [
        ['weights and tables', megabytes(plan), 'shared by all threads'],
        [
          'a thread, to simulate',
          `${megabytes(perThread.simulation)}`,
          'at most: spikes of all steps, membranes, counts',
        ],
        ['and to certify', megabytes(perThread.oracle), 'at most: the quantised ANN; in mode rest this alone'],
        ['an image of a batch', megabytes(perImage), 'input and readout'],
      ],
      [1],
    ),
  ].join('\n');
}
