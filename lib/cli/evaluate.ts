import { Command, InvalidArgumentError } from 'commander';
import {
  classesOf,
  type Evaluation,
  evaluate,
  evaluationTable,
  importModel,
  openDataset,
  type RestEvaluation,
  SpikingNetwork,
} from '..';
import { ExitCode } from './exit-code';
import { interruptible } from './interrupt';
import { printResult } from './json-output';
import {
  addMode,
  addScaling,
  addSchedule,
  addThreads,
  DATA_HELP,
  formatOption,
  MODE_HELP,
  type ModeFlags,
  noteDefaultScaling,
  parseFormat,
  type ScalingFlags,
  type ScheduleFlags,
  scalingOf,
  scheduleOf,
  wholeNumber,
} from './options';
import { Progress } from './progress';

interface Flags extends ModeFlags, ScheduleFlags, ScalingFlags {
  data: string;
  ann?: string;
  format?: string;
  limit?: number;
  certify?: 'all' | 'none' | number;
  profile?: boolean;
  threads?: number;
  json?: string;
}

const HELP = `${DATA_HELP}${MODE_HELP}
Examples:
  casc evaluate q8.onnx --data cifar10:cifar-10-batches-bin --ann resnet20.onnx
  casc evaluate q8.onnx --data mnist:fashion-mnist#test --format int16 --mean 0.2860 --std 0.3530 --json result.json
  casc evaluate q8.onnx --data imagenet:val --limit 100 --json - | jq .snn.top1
  casc evaluate q8.onnx --data cifar10:cifar-10-batches-bin --neuron if --sleep 0      a baseline of the literature
  casc evaluate q8.onnx --data cifar10:cifar-10-batches-bin --profile --certify none   where the time goes
  casc evaluate q8.onnx --data cifar10:cifar-10-batches-bin --mode rest --verify 0.01`;

export function evaluateCommand(done: (exitCode: number) => void): Command {
  const command = new Command('evaluate')
    .description('accuracy at every step beside the ANN, and a certificate that both compute the same')
    .argument('<q.onnx>')
    .requiredOption('--data <data>', 'labelled images')
    .option('--ann <fp32.onnx>', 'also evaluate the original net')
    .addOption(formatOption())
    .option('--limit <n>', 'only the first n images', wholeNumber(1))
    .option(
      '--certify <all|none|n>',
      'images whose every neuron is compared (default: all in fixed point)',
      certifyCount,
    )
    .option('--profile', 'time, spikes, additions and path by layer, awake and asleep')
    .option('--json <out.json>', 'write the figures as JSON; - for stdout, instead of the table');
  return addScaling(addSchedule(addThreads(addMode(command))))
    .addHelpText('after', HELP)
    .action((file: string, flags: Flags) =>
      interruptible(async (signal) => {
        const result = await printResult(flags.json, () => run(file, flags, signal), evaluationTable);
        if (result.exact.images > 0 && !result.exact.certified && !result.exact.measured)
          done(ExitCode.CertificateFailed);
      }),
    );
}

async function run(file: string, flags: Flags, signal: AbortSignal): Promise<Evaluation | RestEvaluation> {
  const network = await importModel(file);
  const scaling = scalingOf(flags, network);
  const snn = SpikingNetwork.from(network, { format: parseFormat(flags.format), scaling });
  const progress = new Progress('evaluating');
  try {
    const { limit, ann, certify, profile, mode, verify, threads } = flags;
    const dataset = await openDataset(flags.data, { scaling, limit, classes: classesOf(network), signal });
    if (!scaling) noteDefaultScaling(file);
    const options = {
      ...scheduleOf(flags),
      ann,
      certify,
      profile,
      verify,
      threads,
      signal,
      onProgress: ({ done, total, top1 }: { done: number; total: number; top1: number }) =>
        progress.update(done, total, `, top-1 ${(100 * top1).toFixed(2)} %`),
    };
    return mode === 'rest'
      ? await evaluate(snn, dataset, { ...options, mode })
      : await evaluate(snn, dataset, { ...options, mode });
  } finally {
    progress.stop();
    snn.dispose();
  }
}

function certifyCount(text: string): 'all' | 'none' | number {
  if (text === 'all' || text === 'none') return text;
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('Expected all, none or a number of images.');
  return Number(text);
}
