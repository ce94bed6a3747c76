import { Command, InvalidArgumentError } from 'commander';
import { openDataset, parseInputScaling } from '../datasets';
import { classesOf, evaluate } from '../evaluate';
import { checkWritable, writeWhole } from '../files/atomic-write';
import { importModel } from '../graph';
import { inputRangeOf } from '../quantize/metadata';
import { evaluationTable } from '../report';
import { SpikingNetwork } from '../simulate';
import { ExitCode } from './exit-code';
import { interruptible } from './interrupt';
import {
  addScaling,
  addSchedule,
  formatOption,
  parseFormat,
  type ScalingFlags,
  type ScheduleFlags,
  scalingOf,
  scheduleOf,
  wholeNumber,
} from './options';
import { Progress } from './progress';

interface Flags extends ScheduleFlags, ScalingFlags {
  data: string;
  ann?: string;
  format?: string;
  limit?: number;
  certify?: 'all' | 'none' | number;
  threads?: number;
  json?: string;
}

export function evaluateCommand(done: (exitCode: number) => void): Command {
  const command = new Command('evaluate')
    .description('accuracy at every step beside the ANN, and a certificate that both compute the same')
    .argument('<q.onnx>')
    .requiredOption('--data <data>', 'labelled images, as kind:path[#split] (cifar10, cifar100, mnist, imagenet)')
    .option('--ann <fp32.onnx>', 'also evaluate the original net')
    .addOption(formatOption())
    .option('--limit <n>', 'only the first n images', wholeNumber)
    .option(
      '--certify <all|none|n>',
      'images whose every neuron is compared (default: all in fixed point)',
      certifyCount,
    )
    .option('--threads <n>', 'worker threads (default: all)', wholeNumber)
    .option('--json <out.json>', 'write the figures as JSON');
  addSchedule(command);
  return addScaling(command)
    .addHelpText(
      'after',
      `
Exit code 3: the certificate failed.

Examples:
  casc evaluate q8.onnx --data cifar10:cifar-10-batches-bin --ann resnet20.onnx
  casc evaluate q8.onnx --data mnist:fashion-mnist#test --format int16 --mean 0.2860 --std 0.3530 --json result.json
  casc evaluate q8.onnx --data cifar10:cifar-10-batches-bin --neuron if --sleep 0      a baseline of the literature`,
    )
    .action(async (file: string, flags: Flags) => {
      if (flags.json) await checkWritable(flags.json);
      const network = await importModel(file);
      const scaling = scalingOf(flags, network);
      const snn = SpikingNetwork.from(network, {
        format: parseFormat(flags.format),
        inputRange: scaling && inputRangeOf(parseInputScaling(scaling)),
      });
      const progress = new Progress('evaluating');
      try {
        const result = await interruptible(async (signal) => {
          const dataset = await openDataset(flags.data, {
            scaling,
            limit: flags.limit,
            classes: classesOf(network),
            signal,
          });
          return evaluate(snn, dataset, {
            ...scheduleOf(flags),
            ann: flags.ann,
            certify: flags.certify,
            threads: flags.threads,
            signal,
            onProgress: ({ done: n, total, top1 }) => progress.update(n, total, `| top-1 ${(100 * top1).toFixed(2)} %`),
          });
        });
        progress.stop();
        console.log(evaluationTable(result));
        if (flags.json) await writeWhole(flags.json, `${JSON.stringify(result, null, 2)}\n`);
        if (result.exact.images > 0 && !result.exact.certified) done(ExitCode.CertificateFailed);
      } finally {
        progress.stop();
        snn.dispose();
      }
    });
}

function certifyCount(text: string): 'all' | 'none' | number {
  if (text === 'all' || text === 'none') return text;
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('Expected all, none or a number of images.');
  return Number(text);
}
