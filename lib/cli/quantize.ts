import { Command, Option } from 'commander';
import { openDataset, parseInputScaling } from '../datasets';
import { checkWritable, writeWhole } from '../files/atomic-write';
import { importModel } from '../graph';
import { quantize } from '../quantize';
import type { ClipMethod } from '../quantize/clip-values';
import { quantizeTable } from '../report';
import { interruptible } from './interrupt';
import {
  addScaling,
  formatOption,
  parseFormat,
  positiveNumber,
  type ScalingFlags,
  scalingOf,
  wholeNumber,
} from './options';
import { Progress } from './progress';

interface Flags extends ScalingFlags {
  output: string;
  levels?: number;
  calibration?: string;
  samples: number;
  format?: string;
  shift?: string;
  method: ClipMethod;
  percentile: number;
  threads?: number;
}

export function quantizeCommand(): Command {
  const command = new Command('quantize')
    .description('quantises the activations of a trained net; the result is an ordinary ONNX file')
    .argument('<ann.onnx>')
    .requiredOption('-o, --output <q.onnx>', 'file to write')
    .option('--levels <n>', 'levels of an activation, 1 to 255 (not for a net that is quantised already)', wholeNumber)
    .option('--calibration <data>', 'images to calibrate on, as kind:path[#split] (cifar10, cifar100, mnist, imagenet)')
    .option('--samples <n>', 'images to calibrate on', wholeNumber, 512)
    .addOption(formatOption())
    .addOption(
      new Option('--shift <phi>', 'shift of the activations: 0 as in the paper, 0.5 rounds (default: 0.5)').choices([
        '0',
        '0.5',
      ]),
    )
    .addOption(
      new Option('--method <method>', 'how clip values are chosen').choices(['mse', 'percentile']).default('mse'),
    )
    .option('--percentile <p>', 'quantile of the percentile method', positiveNumber, 0.999)
    .option('--threads <n>', 'worker threads (default: all)', wholeNumber);
  return addScaling(command)
    .addHelpText(
      'after',
      `
Examples:
  casc quantize resnet20.onnx -o q8.onnx --levels 8 --format int8 --calibration cifar10:cifar-10-batches-bin#train \\
      --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225
  casc quantize trained-with-8-levels.onnx -o q8-int16.onnx --format int16 --mean 0.5 --std 0.25`,
    )
    .action(async (file: string, flags: Flags) => {
      await checkWritable(flags.output);
      const network = await importModel(file);
      const scaling = scalingOf(flags, network);
      const progress = new Progress('calibrating');
      const result = await interruptible(async (signal) => {
        const calibration = flags.calibration
          ? await openDataset(flags.calibration, { scaling, limit: flags.samples, signal })
          : undefined;
        try {
          return await quantize(file, {
            levels: flags.levels,
            calibration,
            format: parseFormat(flags.format),
            shift: flags.shift === undefined ? undefined : (Number(flags.shift) as 0 | 0.5),
            method: flags.method,
            percentile: flags.percentile,
            scaling: calibration?.scaling ?? (scaling && parseInputScaling(scaling)),
            threads: flags.threads,
            signal,
            onProgress: (done, total) => progress.update(done, total),
          });
        } finally {
          progress.stop();
        }
      });
      await writeWhole(flags.output, result.bytes);
      console.log(quantizeTable(result));
      console.log(`\n${flags.output}: ${result.levels} levels, ${result.format}, ${result.bytes.length} bytes`);
    });
}
