/**
 * Macro benchmark: our SNN, simulated to exact rest, beside onnxruntime fp32 on the original net and int8 on the same net.
 * `npm run bench:peers -- [filter] [--rounds n] [--json]`; the filter is part of a row's name. See docs/benchmarks.md.
 * Exit codes: 0 done (or the data are not here), 1 an error, 2 wrong usage, 3 a certificate failed.
 */
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { info } from 'casc-snn';
import { runCase, type Tables } from './case-run';
import { latencyTable } from './latency';
import { describe, setting } from './machine';
import { memoryTable } from './memory';
import { onnxruntimeVersion } from './onnxruntime';
import { cases, namedUnits } from './peer-cases';
import { rowsOf } from './peer-rows';
import { scalingTable } from './scaling';
import { speedTable, workTable } from './throughput';

/** The command line; throws on an option that is not known. */
function readArguments(args: string[]): { filter: string; rounds: number; json: boolean } {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { rounds: { type: 'string', default: '7' }, json: { type: 'boolean', default: false } },
  });
  const rounds = Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 1)
    throw new Error(`--rounds: a whole number, at least 1, not ${values.rounds}`);
  if (positionals.length > 1) throw new Error(`one filter, not ${positionals.length}: quote what has spaces`);
  return { filter: positionals[0] ?? '', rounds, json: values.json };
}

function print({ throughput, latency, scaling, memory }: Tables): void {
  const tables = [
    throughput.length > 0 && speedTable(throughput),
    throughput.length > 0 && workTable(throughput),
    latency.length > 0 && latencyTable(latency),
    scaling.length > 0 && scalingTable(scaling),
    memory.length > 0 && memoryTable(memory),
  ];
  for (const text of tables) if (text) console.log(`\n${text}`);
}

async function main(): Promise<void> {
  let options: ReturnType<typeof readArguments>;
  try {
    options = readArguments(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\nusage: npm run bench:peers -- [filter] [--rounds n] [--json]\n`);
    process.exitCode = 2;
    return;
  }
  const { filter, rounds, json } = options;
  const chosen = cases.map((one) => ({ one, wanted: rowsOf(one, filter) })).filter(({ wanted }) => wanted.length > 0);
  if (chosen.length === 0) {
    const example = rowsOf(cases[0]!, '')[0]!.name;
    process.stderr.write(`no row has "${filter}" in its name, which is like "${example}"\n`);
    process.exitCode = 2;
    return;
  }
  const where = { ...setting(), onnxruntime: onnxruntimeVersion, rounds };
  const tables: Tables = { throughput: [], latency: [], scaling: [], memory: [], int8Kernels: {} };
  const notMeasured: string[] = [];
  const folder = await mkdtemp(join(tmpdir(), 'casc-bench-'));
  try {
    for (const { one, wanted } of chosen) {
      const missing = one.needs.find((path) => !existsSync(path));
      if (missing === undefined) {
        await runCase(one, wanted, rounds, folder, tables);
      } else {
        notMeasured.push(`${one.name} not measured: no ${missing}; set CASC_DATA to the folder with data/ and models/`);
        if (process.env.CASC_REQUIRE_DATA === '1') process.exitCode = 1;
      }
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  for (const unit of namedUnits.filter((unit) => !info().found.some((isa) => isa.startsWith(unit)))) {
    notMeasured.push(`${unit} not measured: this CPU or build has no ${unit}`);
  }
  if (tables.throughput.some(({ certificate }) => !certificate.certified)) process.exitCode = 3;

  if (json) {
    console.log(JSON.stringify({ ...where, ...tables, notMeasured }, null, 2));
    return;
  }
  console.log(`${describe(where)}; onnxruntime ${where.onnxruntime}; ${rounds} rounds`);
  print(tables);
  if (notMeasured.length > 0) console.log(`\n${notMeasured.join('\n')}`);
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
