import { Command } from 'commander';
import { CascError, readNpy, SpikingNetwork, simulationTable, traceOf } from '..';
import { checkWritable, writeWhole } from '../files/atomic-write';
import { interruptible } from './interrupt';
import { addSchedule, addThreads, formatOption, parseFormat, type ScheduleFlags, scheduleOf } from './options';

interface Flags extends ScheduleFlags {
  input: string;
  format?: string;
  trace?: string;
  threads?: number;
}

const EXAMPLES = `
Examples:
  casc simulate q8.onnx --input x.npy
  casc simulate q8.onnx --input x.npy --neuron if --sleep 0 --trace trace.json`;

export function simulateCommand(): Command {
  const command = new Command('simulate')
    .description('runs one batch through the spiking net and shows its outputs')
    .argument('<q.onnx>')
    .requiredOption('--input <x.npy>', 'preprocessed images, as the ONNX input has them ([N, C, H, W] or one image)')
    .addOption(formatOption())
    .option('--trace <out.json>', 'write steps, accumulated outputs and spike counts');
  return addSchedule(addThreads(command))
    .addHelpText('after', EXAMPLES)
    .action((file: string, flags: Flags) => interruptible((signal) => simulate(file, flags, signal)));
}

async function simulate(file: string, flags: Flags, signal: AbortSignal): Promise<void> {
  if (flags.trace) await checkWritable(flags.trace);
  const { images, range } = await readImages(flags.input);
  const snn = await SpikingNetwork.load(file, { format: parseFormat(flags.format), inputRange: range });
  try {
    // A wrong length is the network's to report, with the shape it wants.
    const count = Math.max(1, Math.floor(images.length / snn.inputSize));
    const traced = flags.trace !== undefined;
    const options = { ...scheduleOf(flags), threads: flags.threads, everyStep: traced, counts: traced, signal };
    const result = await snn.simulate(images, count, options);
    if (flags.trace) await writeWhole(flags.trace, JSON.stringify(traceOf(result, snn.readoutSize)));
    const names = snn.converted.network.outputs.map(({ name }) => name);
    console.log(simulationTable(result, names));
    for (const note of result.schedule.notes) console.error(`note: ${note}`);
    const restless = result.atRest.filter((rest) => !rest).length;
    if (restless > 0) console.error(`note: not at rest at the end: ${restless} of ${count} images`);
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
