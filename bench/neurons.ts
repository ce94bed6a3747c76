/** Updates a second of the CIF neuron, step by step and in whole spike trains. Timer: benchmark.js. */
import Benchmark from 'benchmark';
import { NeuronPopulation } from 'casc-snn';
import { type NeuronCase, percent } from './kernel-cases';
import { table } from './table';

export interface NeuronRow {
  name: string;
  kernel: NeuronCase['kernel'];
  type: NeuronCase['type'];
  size: number;
  load: NeuronCase['load'];
  isa: string;
  /** One neuron, one step. */
  updatesPerSecond: number;
  /** Relative error of the mean, in percent. */
  error: number;
}

const THRESHOLD = 1024;

export const neuronName = ({ kernel, type, size, load: { phase, steps, density } }: NeuronCase, isa: string): string =>
  `neurons ${kernel} ${type} ${size} ${phase} ${steps} ${percent(density)} ${isa}`;

/** Constant currents of `density` thresholds on average fire that often; in turns of eight steps their sign alternates. */
function currentsOf({ size, type, load: { density } }: NeuronCase, steps: number): Float32Array | Int32Array {
  const currents = type === 'int32' ? new Int32Array(steps * size) : new Float32Array(steps * size);
  for (let t = 0; t < steps; t++) {
    const most = (t >> 3) % 2 === 0 ? 2 * density * THRESHOLD : -2 * density * THRESHOLD;
    for (let i = 0; i < size; i++) currents[t * size + i] = Math.round((most * ((i * 7919) % 1000)) / 1000);
  }
  return currents;
}

/** What is timed: one call of `step`; or, of whole trains, the reset that an image begins with and the train. */
function workOf(one: NeuronCase, isa: string): () => unknown {
  const { kernel, type, size, load } = one;
  const population = new NeuronPopulation(size, { threshold: THRESHOLD, type, isa });
  if (kernel === 'train') {
    const currents = currentsOf(one, load.steps);
    return () => {
      population.reset();
      population.run(currents, load.phase);
    };
  }
  const currents = currentsOf(one, 16);
  const steps = Array.from({ length: 16 }, (_, t) => currents.subarray(t * size, (t + 1) * size));
  let t = 0;
  return () => population.step(steps[t++ % 16]!, load.phase);
}

export function neuronRow(one: NeuronCase, isa: string, seconds: number): Promise<NeuronRow> {
  const { size, load } = one;
  const name = neuronName(one, isa);
  return new Promise((resolve, reject) => {
    new Benchmark(name, workOf(one, isa), { maxTime: seconds, minTime: Math.min(0.05, seconds) })
      .on('error', function (this: Benchmark) {
        reject(this.error);
      })
      .on('complete', function (this: Benchmark) {
        const { mean, rme } = this.stats;
        resolve({ ...one, name, isa, updatesPerSecond: (size * load.steps) / mean, error: rme });
      })
      .run();
  });
}

export function neuronTable(rows: readonly NeuronRow[]): string {
  return table(
    'Neurons: billion updates a second (a neuron, a step)',
    ['kernel', 'type', 'size', 'phase', 'steps', 'density', 'isa', 'G/s', '± %'],
    rows.map(({ kernel, type, size, load, isa, updatesPerSecond, error }) => [
      ...[kernel, type, size, load.phase, load.steps, percent(load.density), isa],
      ...[(updatesPerSecond / 1e9).toFixed(2), error.toFixed(1)],
    ]),
  );
}
