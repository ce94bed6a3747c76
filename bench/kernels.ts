/**
 * Micro-benchmarks of the neuron and synapse kernels: sizes × density × phase × path × instruction set (kernel-cases.ts).
 * `npm run bench:kernels -- [filter…] [--seconds n] [--json]`; a row runs where its name has every filter. See docs/benchmarks.md.
 * Exit codes: 0 done, 1 an error, 2 wrong usage.
 */
import { parseArgs } from 'node:util';
import { info, type SynapsePath } from 'casc-snn';
import { type Convolution, convolutions, type Load, neuronCases, paths, synapseLoads } from './kernel-cases';
import { describe, setting, watchOthers } from './machine';
import { type NeuronRow, neuronName, neuronRow, neuronTable } from './neurons';
import {
  higherRoofs,
  roofTable,
  synapseName,
  synapseRow,
  synapsesOf,
  synapseTable,
  type Timed,
  wantedLines,
  withShares,
} from './synapses';

/** Of two roofs of one instruction set together. */
const LEAST_ROOF_SECONDS = 0.1;
const USAGE = 'usage: npm run bench:kernels -- [filter…] [--seconds n] [--json]';

interface Options {
  filters: string[];
  /** Per row, roughly. */
  seconds: number;
  json: boolean;
}

/** The command line; throws on what is not known. */
function readArguments(args: string[]): Options {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { seconds: { type: 'string', default: '0.2' }, json: { type: 'boolean', default: false } },
  });
  const seconds = Number(values.seconds);
  if (!(seconds > 0 && seconds <= 60)) throw new Error(`--seconds: above 0, at most 60, not ${values.seconds}`);
  return { filters: positionals.map((filter) => filter.toLowerCase()), seconds, json: values.json };
}

interface SynapseSetup {
  convolution: Convolution;
  isa: string;
  path: SynapsePath;
  loads: Load[];
}

/** The rows that the filters take, those of one convolution and path together. */
function chosen({ filters }: Options) {
  const isas = process.env.CASC_ISA ? [info().isa] : info().found;
  const takes = (name: string) => filters.every((filter) => name.toLowerCase().includes(filter));
  const neurons = isas
    .flatMap((isa) => neuronCases.map((one) => ({ one, isa })))
    .filter(({ one, isa }) => takes(neuronName(one, isa)));
  const synapses: SynapseSetup[] = [];
  for (const isa of isas) {
    for (const convolution of convolutions) {
      for (const path of paths) {
        const loads = synapseLoads.filter((load) => takes(synapseName(convolution, load, path, isa)));
        if (loads.length > 0) synapses.push({ convolution, isa, path, loads });
      }
    }
  }
  return { neurons, synapses };
}

/** Rows, their roofs, and the names of those whose path cannot compute the convolution. */
function measureSynapses(setups: readonly SynapseSetup[], seconds: number) {
  const isas = new Set(setups.map(({ isa }) => isa));
  const before = higherRoofs(isas, Math.max(seconds, LEAST_ROOF_SECONDS));
  const timed: Timed[] = [];
  const impossible: string[] = [];
  for (const { convolution, isa, path, loads } of setups) {
    const synapses = synapsesOf(convolution, path, isa);
    if (synapses) {
      timed.push(...loads.map((load) => synapseRow(synapses, convolution, load, seconds)));
      synapses.dispose();
    } else {
      impossible.push(...loads.map((load) => synapseName(convolution, load, path, isa)));
    }
  }
  const roofs = higherRoofs(isas, Math.max(seconds, LEAST_ROOF_SECONDS), before);
  return { roofs, synapses: withShares(timed, roofs), impossible };
}

async function main(): Promise<void> {
  let options: Options;
  try {
    options = readArguments(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n${USAGE}\n`);
    process.exitCode = 2;
    return;
  }
  const { seconds, json, filters } = options;
  const setups = chosen(options);
  if (setups.neurons.length + setups.synapses.length === 0) {
    const [one, load] = [convolutions[0]!, synapseLoads[0]!];
    const examples = [neuronName(neuronCases[0]!, 'avx2'), synapseName(one, load, 'rows', 'avx2')];
    process.stderr.write(
      `no row has ${filters.map((f) => `"${f}"`).join(' and ')} in its name, which is like "${examples.join('" or "')}"\n`,
    );
    process.exitCode = 2;
    return;
  }
  const where = { ...setting(), seconds };
  const others = watchOthers();
  const neurons: NeuronRow[] = [];
  for (const { one, isa } of setups.neurons) neurons.push(await neuronRow(one, isa, seconds));
  const { roofs, synapses, impossible } = measureSynapses(setups.synapses, seconds);
  const otherLoad = others();

  if (json) {
    console.log(JSON.stringify({ ...where, otherLoad, roofs, neurons, synapses, impossible }, null, 2));
    return;
  }
  console.log(`${describe(where)}; other load meanwhile ${otherLoad.toFixed(2)} cores`);
  if (neurons.length > 0) console.log(`\n${neuronTable(neurons)}`);
  if (synapses.length > 0) console.log(`\n${roofTable(roofs)}\n\n${synapseTable(synapses)}`);
  const lines = wantedLines(synapses);
  if (impossible.length > 0)
    lines.push(`not measured, the path cannot compute these: ${impossible.length} rows, such as ${impossible[0]}`);
  if (lines.length > 0) console.log(`\n${lines.join('\n')}`);
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
