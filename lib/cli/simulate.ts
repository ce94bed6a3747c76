import { Command } from 'commander';
import { readNpy } from '../datasets';
import { CascError } from '../errors';
import { checkWritable, writeWhole } from '../files/atomic-write';
import { traceOf } from '../report/trace';
import { SpikingNetwork } from '../simulate';
import { interruptible } from './interrupt';
import { addSchedule, formatOption, parseFormat, type ScheduleFlags, scheduleOf, wholeNumber } from './options';

interface Flags extends ScheduleFlags {
  input: string;
  format?: string;
  trace?: string;
  threads?: number;
}

export function simulateCommand(): Command {
  const command = new Command('simulate')
    .description('runs one batch through the spiking net and shows its outputs')
    .argument('<q.onnx>')
    .requiredOption('--input <x.npy>', 'preprocessed images, as the ONNX input has them ([N, C, H, W] or one image)')
    .addOption(formatOption())
    .option('--trace <out.json>', 'write steps, accumulated outputs and spike counts')
    .option('--threads <n>', 'worker threads (default: all)', wholeNumber);
  return addSchedule(command)
    .addHelpText(
      'after',
      '\nExamples:\n  casc simulate q8.onnx --input x.npy\n  casc simulate q8.onnx --input x.npy --neuron if --sleep 0 --trace trace.json',
    )
    .action(async (file: string, flags: Flags) => {
      if (flags.trace) await checkWritable(flags.trace);
      const input = await readNpy(flags.input);
      const images = Float32Array.from(input.data as ArrayLike<number>);
      if (images.length === 0 || !images.every(Number.isFinite)) {
        throw new CascError(
          'ERR_CASC_DATA',
          `${flags.input} ${images.length === 0 ? 'holds no values' : 'holds NaN or infinite values'}`,
          { file: flags.input },
        );
      }
      const range = images.reduce(({ min, max }, x) => ({ min: Math.min(min, x), max: Math.max(max, x) }), {
        min: Number.POSITIVE_INFINITY,
        max: Number.NEGATIVE_INFINITY,
      });
      const snn = await SpikingNetwork.load(file, { format: parseFormat(flags.format), inputRange: range });
      try {
        // A wrong length is the network's to report, with the shape it wants.
        const count = Math.max(1, Math.floor(images.length / snn.inputSize));
        const result = await interruptible((signal) =>
          snn.simulate(images, count, {
            ...scheduleOf(flags),
            threads: flags.threads,
            everyStep: flags.trace !== undefined,
            counts: flags.trace !== undefined,
            signal,
          }),
        );
        for (const note of result.schedule.notes) console.error(`note: ${note}`);
        snn.converted.network.outputs.forEach(({ name }, i) => {
          const values = result.outputs[i]!;
          const width = values.length / count;
          for (let image = 0; image < count; image++) {
            const row = Array.from(values.subarray(image * width, image * width + Math.min(width, 10)), (x) =>
              x.toPrecision(6),
            );
            console.log(`${name}[${image}]  ${row.join('  ')}${width > 10 ? `  … (${width} values)` : ''}`);
          }
        });
        if (!result.atRest.every(Boolean))
          console.log(`not at rest: ${result.atRest.filter((rest) => !rest).length} of ${count} images`);
        if (flags.trace) await writeWhole(flags.trace, JSON.stringify(traceOf(result, snn.readoutSize)));
      } finally {
        snn.dispose();
      }
    });
}
