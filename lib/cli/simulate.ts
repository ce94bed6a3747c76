import { Command } from 'commander';
import { CascError, readNpy, SpikingNetwork, simulationTable, traceOf } from '..';
import { checkWritable, writeWhole } from '../files/atomic-write';
import { ExitCode } from './exit-code';
import { interruptible } from './interrupt';
import {
  addMode,
  addSchedule,
  addThreads,
  formatOption,
  MODE_HELP,
  type ModeFlags,
  parseFormat,
  type ScheduleFlags,
  scheduleOf,
} from './options';

interface Flags extends ModeFlags, ScheduleFlags {
  input: string;
  format?: string;
  trace?: string;
  threads?: number;
}

const HELP = `${MODE_HELP}
Examples:
  casc simulate q8.onnx --input x.npy
  casc simulate q8.onnx --input x.npy --neuron if --sleep 0 --trace trace.json
  casc simulate q8.onnx --input x.npy --mode rest --verify 0.01`;

export function simulateCommand(done: (exitCode: number) => void): Command {
  const command = new Command('simulate')
    .description('runs one batch through the spiking net and shows its outputs')
    .argument('<q.onnx>')
    .requiredOption('--input <x.npy>', 'preprocessed images, as the ONNX input has them ([N, C, H, W] or one image)')
    .addOption(formatOption())
    .option('--trace <out.json>', 'write steps, accumulated outputs and spike counts');
  return addSchedule(addThreads(addMode(command)))
    .addHelpText('after', HELP)
    .action((file: string, flags: Flags) =>
      interruptible(async (signal) => {
        const verified = await simulate(file, flags, signal);
        if (!verified) done(ExitCode.CertificateFailed);
      }),
    );
}

/** False where a certificate was asked for and failed. */
async function simulate(file: string, flags: Flags, signal: AbortSignal): Promise<boolean> {
  if (flags.trace && flags.mode === 'rest') {
    throw new CascError(
      'ERR_CASC_ARGUMENT',
      '--trace writes every step, and --mode rest simulates none: leave one out',
      {
        option: 'trace',
      },
    );
  }
  if (flags.trace) await checkWritable(flags.trace);
  const { images, range } = await readImages(flags.input);
  const snn = await SpikingNetwork.load(file, { format: parseFormat(flags.format), inputRange: range });
  try {
    // A wrong length is the network's to report, with the shape it wants.
    const count = Math.max(1, Math.floor(images.length / snn.inputSize));
    const traced = flags.trace !== undefined;
    const { mode, verify, threads } = flags;
    const options = { ...scheduleOf(flags), verify, threads, everyStep: traced, counts: traced, signal };
    const result =
      mode === 'rest'
        ? await snn.simulate(images, count, { ...options, mode })
        : await snn.simulate(images, count, { ...options, mode });
    const names = snn.converted.network.outputs.map(({ name }) => name);
    if (flags.trace && result.mode === 'full') {
      await writeWhole(flags.trace, JSON.stringify(traceOf(result, snn.readoutSize)));
    }
    console.log(simulationTable(result, names));
    for (const note of result.schedule.notes) console.error(`note: ${note}`);
    const restless = result.atRest?.filter((rest) => !rest).length ?? 0;
    if (restless > 0) console.error(`note: not at rest at the end: ${restless} of ${count} images`);
    return (result.certificate?.mismatches ?? 0) === 0;
  } finally {
    snn.dispose();
  }
}

async function readImages(file: string): Promise<{ images: Float32Array; range: { min: number; max: number } }> {
  const { data } = await readNpy(file);
  const images = Float32Array.from(data as ArrayLike<number>);
  const range = { min: Number.POSITIVE_INFINITY, max: Number.NEGATIVE_INFINITY };
  for (const value of images) {
    range.min = Math.min(range.min, value);
    range.max = Math.max(range.max, value);
  }
  if (images.length === 0 || !images.every(Number.isFinite)) {
    const problem = images.length === 0 ? 'holds no values' : 'holds NaN or infinite values';
    throw new CascError('ERR_CASC_DATA', `${file} ${problem}; write the preprocessed images again`, { file });
  }
  return { images, range };
}
