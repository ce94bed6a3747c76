/**
 * Macro benchmark: our SNN, simulated to exact rest, beside onnxruntime fp32 on the original net; same images, threads and batch.
 * `npm run bench:peers -- [filter] [--rounds n] [--json]`; the filter is part of a row's name. See docs/benchmarks.md.
 * Exit codes: 0 done (or the data are not here), 1 an error, 2 wrong usage, 3 a certificate failed.
 */
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { info, openDataset, quantize, SpikingNetwork, writeWhole } from 'casc-snn';
import { env, InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, setting, watchOthers } from './machine';
import { cases, namedUnits, type PeerCase } from './peer-cases';
import { median, type SideBySide, sideBySide } from './side-by-side';

interface Row {
  name: string;
  isa: string;
  threads: number;
  levels: number;
  format: string;
  batch: number;
  /** Of the images that are timed, by one run that is not. */
  certificate: { certified: boolean; checkedNeurons: number; mismatches: number };
  steps: { wake: number; sleep: { mean: number; max: number } };
  spikes: { positive: number; negative: number };
  synapticOperations: number;
  /** Images on which the SNN's first class is onnxruntime's: what quantisation costs, not the simulation. */
  sameTop1: number;
  secondsPerBatch: { snn: number[]; onnxruntime: number[] };
  imagesPerSecond: { snn: number; onnxruntime: number };
  ratio: SideBySide['ratio'];
  /** Cores that other processes kept busy meanwhile: near 0 on a quiet machine. */
  otherLoad: number;
}

interface Images {
  pixels: Float32Array;
  dims: number[];
}

const rowName = (one: PeerCase, threads: number, isa: string) =>
  `${one.name} batch ${one.batch} threads ${threads} ${isa}`;

async function imagesOf({ data, scaling, batch }: PeerCase): Promise<Images> {
  const dataset = await openDataset(data, { scaling, limit: batch, spread: true });
  const { c, h, w } = dataset.shape;
  for await (const { images, count } of dataset.batches(batch)) {
    if (count === batch) return { pixels: images, dims: [batch, c, h, w] };
  }
  throw new Error(`${data} has fewer than ${batch} images`);
}

/** Quantises the net into `folder`. */
async function quantized(one: PeerCase, folder: string): Promise<string> {
  const { levels, format, scaling, calibrationImages: limit } = one;
  const calibration = await openDataset(one.calibration, { scaling, limit, spread: true, labelled: false });
  const { bytes } = await quantize(one.model, { levels, format, calibration });
  const file = join(folder, `${one.name.replaceAll(' ', '-')}.onnx`);
  await writeWhole(file, bytes);
  return file;
}

async function compare(
  one: PeerCase,
  snn: SpikingNetwork,
  images: Images,
  threads: number,
  rounds: number,
): Promise<Row> {
  const { name, batch, levels, format } = one;
  const { pixels, dims } = images;
  const session = await InferenceSession.create(one.model, {
    executionProviders: ['cpu'],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    logSeverityLevel: 3,
  });
  try {
    const simulate = () => snn.simulate(pixels, batch, { sleep: 'auto', threads });
    const infer = () => session.run({ [session.inputNames[0]!]: new Tensor('float32', pixels, dims) });

    const certified = await snn.simulate(pixels, batch, { sleep: 'auto', threads, certify: true });
    const logits = (await infer())[session.outputNames[0]!]!.data as Float32Array;
    const theirs = topClasses(logits, batch);
    const { mismatches, checkedNeurons } = certified.certificate!;
    const sleep = [...certified.sleepSteps];

    const others = watchOthers();
    const { ours, peer, ratio } = await sideBySide(simulate, infer, rounds);
    const otherLoad = others();
    return {
      name,
      isa: snn.isa,
      threads,
      levels,
      format,
      batch,
      certificate: {
        certified: mismatches === 0 && certified.atRest.every(Boolean) && certified.schedule.lossFree,
        checkedNeurons,
        mismatches,
      },
      steps: {
        wake: certified.schedule.wake,
        sleep: { mean: sleep.reduce((a, b) => a + b, 0) / batch, max: Math.max(...sleep) },
      },
      spikes: certified.spikes,
      synapticOperations: certified.synapticOperations,
      sameTop1: topClasses(certified.outputs[0]!, batch).filter((top, i) => top === theirs[i]).length,
      secondsPerBatch: { snn: ours, onnxruntime: peer },
      imagesPerSecond: { snn: batch / median(ours), onnxruntime: batch / median(peer) },
      ratio,
      otherLoad,
    };
  } finally {
    await session.release();
  }
}

function topClasses(outputs: Float32Array, images: number): number[] {
  const width = outputs.length / images;
  return Array.from({ length: images }, (_, i) => {
    const row = outputs.subarray(i * width, (i + 1) * width);
    return row.indexOf(Math.max(...row));
  });
}

interface Setup {
  isa: string;
  threads: number;
}

/** The instruction sets and thread counts of a case that the filter takes. */
function setups(one: PeerCase, filter: string): Setup[] {
  if (one.hidden && filter !== one.name) return [];
  const isas = process.env.CASC_ISA ? [info().isa] : info().found;
  return isas
    .flatMap((isa) => one.threads.map((threads) => ({ isa, threads })))
    .filter(({ isa, threads }) => rowName(one, threads, isa).toLowerCase().includes(filter.toLowerCase()));
}

async function runCase(one: PeerCase, wanted: readonly Setup[], rounds: number, folder: string): Promise<Row[]> {
  const images = await imagesOf(one);
  const file = await quantized(one, folder);
  const rows: Row[] = [];
  for (const { isa, threads } of wanted) {
    process.stderr.write(`${rowName(one, threads, isa)} …\n`);
    const snn = await SpikingNetwork.load(file, { isa });
    try {
      rows.push(await compare(one, snn, images, threads, rounds));
    } finally {
      snn.dispose();
    }
  }
  return rows;
}

const HEAD = [
  'net',
  'batch',
  'threads',
  'isa',
  'SNN img/s',
  'ort img/s',
  'ratio',
  'min..max',
  'other load',
  'steps',
  'certified neurons',
  'same top-1',
];

function table(rows: readonly Row[]): string {
  const cells = rows.map(
    ({ name, batch, threads, isa, imagesPerSecond, ratio, otherLoad, steps, certificate, sameTop1 }) => [
      name,
      batch,
      threads,
      isa,
      imagesPerSecond.snn.toFixed(1),
      imagesPerSecond.onnxruntime.toFixed(1),
      ratio.median.toFixed(3),
      `${ratio.min.toFixed(3)}..${ratio.max.toFixed(3)}`,
      otherLoad.toFixed(2),
      `${steps.wake} + ${steps.sleep.mean.toFixed(1)}`,
      certificate.certified
        ? certificate.checkedNeurons.toLocaleString('en-US')
        : `FAILED at ${certificate.mismatches}`,
      `${sameTop1}/${batch}`,
    ],
  );
  const lines = [HEAD, ...cells].map((line) => line.map(String));
  const widths = HEAD.map((_, i) => Math.max(...lines.map((line) => line[i]!.length)));
  return lines
    .map((line) => line.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('  '))
    .join('\n');
}

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
  const chosen = cases.map((one) => ({ one, wanted: setups(one, filter) })).filter(({ wanted }) => wanted.length > 0);
  if (chosen.length === 0) {
    process.stderr.write(`no row has "${filter}" in its name, which is like "${rowName(cases[0]!, 1, info().isa)}"\n`);
    process.exitCode = 2;
    return;
  }
  const where = { ...setting(), onnxruntime: env.versions.node ?? 'unknown', rounds };
  const results: Row[] = [];
  const notMeasured: string[] = [];
  const folder = await mkdtemp(join(tmpdir(), 'casc-bench-'));
  try {
    for (const { one, wanted } of chosen) {
      const missing = one.needs.find((path) => !existsSync(path));
      if (missing === undefined) {
        results.push(...(await runCase(one, wanted, rounds, folder)));
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
  if (results.some(({ certificate }) => !certificate.certified)) process.exitCode = 3;

  if (json) {
    console.log(JSON.stringify({ ...where, results, notMeasured }, null, 2));
    return;
  }
  console.log(`${describe(where)}; onnxruntime ${where.onnxruntime} fp32; ${rounds} rounds`);
  if (results.length > 0) console.log(`\n${table(results)}`);
  if (notMeasured.length > 0) console.log(`\n${notMeasured.join('\n')}`);
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
