/**
 * Micro-benchmark of the CIF neuron update: size × density × type × instruction set as data.
 * `npm run bench:kernels -- [filter]` prints updates a second; `--json` prints data with machine, version and commit.
 */
import Benchmark from 'benchmark';
import { info, NeuronPopulation } from 'casc-snn';
import { setting } from './machine';

interface Case {
  name: string;
  size: number;
  /** Share of neurons that fire in a step, roughly. */
  density: number;
  type: 'float32' | 'int32';
  isa: string;
}

const cases: Case[] = [];
for (const isa of info().found) {
  for (const type of ['int32', 'float32'] as const) {
    for (const size of [1_000, 16_384, 262_144]) {
      for (const density of [0.02, 0.2]) {
        cases.push({ name: `${type} ${size} at ${density} ${isa}`, size, density, type, isa });
      }
    }
  }
}

function benchmark({
  name,
  size,
  density,
  type,
  isa,
}: Case): Promise<{ name: string; updatesPerSecond: number; error: number }> {
  const threshold = 1024;
  const population = new NeuronPopulation(size, { threshold, type, isa });
  // A constant current of `density` thresholds fires that often; alternating signs keep counts near zero.
  const currents = [1, -1].map((sign) => {
    const values = Array.from({ length: size }, (_, i) =>
      Math.round((sign * 2 * density * threshold * ((i * 7919) % 1000)) / 1000),
    );
    return type === 'int32' ? Int32Array.from(values) : Float32Array.from(values);
  });
  let t = 0;
  return new Promise((resolve) => {
    new Benchmark(name, () => population.step(currents[(t++ >> 3) & 1]!, 'wake'))
      .on('complete', function (this: Benchmark) {
        resolve({ name, updatesPerSecond: size / this.stats.mean, error: this.stats.rme });
      })
      .run();
  });
}

async function main(): Promise<void> {
  const json = process.argv.includes('--json');
  const filter = process.argv.slice(2).find((argument) => !argument.startsWith('--')) ?? '';
  const results = [];
  for (const one of cases.filter(({ name }) => name.includes(filter))) {
    const result = await benchmark(one);
    results.push({ ...one, ...result });
    if (!json) {
      const rate = (result.updatesPerSecond / 1e9).toFixed(3);
      console.log(
        `${result.name.padEnd(36)} ${rate.padStart(8)} billion updates a second  ±${result.error.toFixed(1)} %`,
      );
    }
  }
  if (json) console.log(JSON.stringify({ ...setting(), results }, null, 2));
}

void main();
