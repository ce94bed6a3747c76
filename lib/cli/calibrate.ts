import { Command, InvalidArgumentError, Option } from 'commander';
import {
  CascError,
  calibrateLevels,
  calibrationTable,
  classCount,
  importModel,
  type LevelsCalibration,
  openDataset,
} from '..';
import { interruptible } from './interrupt';
import { printResult } from './json-output';
import {
  addScaling,
  addThreads,
  addTraining,
  DATA_HELP,
  formatOption,
  iterationsOf,
  METHOD_HELP,
  methodOption,
  noteDefaultScaling,
  parseFormat,
  parseShift,
  points,
  type ScalingFlags,
  scalingOf,
  type TrainingFlags,
  wholeNumber,
} from './options';
import { StagedProgress } from './progress';

interface Flags extends ScalingFlags, TrainingFlags {
  calibration: string;
  data: string;
  levels: number[];
  samples: number;
  limit?: number;
  shift?: string;
  format?: string;
  loss: number;
  agreement?: boolean;
  json?: string;
}

const HELP = `${DATA_HELP}${METHOD_HELP}
For each number of levels the net is quantised on the calibration images, then simulated on the data until it rests: T awake steps,
T = levels, and as many asleep as it takes. The loss is judged by top-1 where the data have labels, else (--agreement) by the share
of images answered as by the fp32 net; of a net that is no classifier by the relative error of its outputs.
Energy: 4.6 pJ a multiply-add, 0.9 pJ an addition (45 nm), memory not counted.

Examples:
  casc calibrate resnet20.onnx --calibration cifar10:cifar-10-batches-bin#train --data cifar10:cifar-10-batches-bin \\
      --limit 500 --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225
  casc calibrate net.onnx --calibration mnist:train --data mnist:test --levels 2,4,8 --method refit --loss 0.2 --json t.json
  casc calibrate detector.onnx --calibration imagenet:photos --data imagenet:others --loss 3`;

export function calibrateCommand(): Command {
  const command = new Command('calibrate')
    .description('what each number of levels costs and gives, and the fewest awake steps that are good enough')
    .argument('<ann.onnx>')
    .requiredOption('--calibration <data>', 'images that the net is quantised on (no labels needed)')
    .requiredOption('--data <data>', 'images that it is judged on')
    .option('--levels <list>', 'numbers of levels to try', levelList, [4, 8, 16, 32])
    .option('--samples <n>', 'calibration images, spread evenly over the data', wholeNumber(1), 512)
    .option('--limit <n>', 'images to judge on, spread evenly (default: all)', wholeNumber(1))
    .addOption(methodOption())
    .addOption(formatOption('weights and arithmetic').default('int8'))
    .addOption(new Option('--shift <phi>', 'shift of the activations (default: 0.5)').choices(['0', '0.5']))
    .option('--loss <points>', 'loss that is good enough, in percent', points, 0.5)
    .option('--agreement', 'judge by agreement with the fp32 net: the data need no labels')
    .option('--json <out.json>', 'write the figures as JSON; - for stdout, instead of the table');
  return addScaling(addThreads(addTraining(command)))
    .addHelpText('after', HELP)
    .action((file: string, flags: Flags) =>
      interruptible(async (signal) => {
        await printResult(flags.json, () => run(file, flags, signal), calibrationTable);
      }),
    );
}

async function run(file: string, flags: Flags, signal: AbortSignal): Promise<LevelsCalibration> {
  const network = await importModel(file);
  const scaling = scalingOf(flags, network);
  const classes = classCount(network);
  const { samples, limit, levels, method, threads } = flags;
  if (flags.agreement && classes === undefined) {
    throw new CascError('ERR_CASC_ARGUMENT', `${file} is no classifier: leave out --agreement`, {
      option: 'agreement',
    });
  }
  const labelled = classes !== undefined && !flags.agreement;
  const calibration = await openDataset(flags.calibration, {
    scaling,
    limit: samples,
    spread: true,
    labelled: false,
    signal,
  });
  const data = await openDataset(flags.data, {
    scaling,
    limit,
    spread: true,
    labelled,
    ...(labelled ? { classes } : {}),
    signal,
  });
  if (!scaling) noteDefaultScaling(file);
  const iterations = await iterationsOf(flags, network, signal);
  const progress = new StagedProgress();
  try {
    return await calibrateLevels(file, {
      levels,
      calibration,
      data,
      method,
      iterations,
      split: flags.split,
      threads,
      signal,
      judge: flags.agreement ? 'agreement' : undefined,
      format: parseFormat(flags.format),
      shift: parseShift(flags.shift),
      loss: flags.loss / 100,
      onProgress: ({ levels: q, stage, done, total }) => progress.update(`${q} levels, `, stage, done, total),
    });
  } finally {
    progress.stop();
  }
}

function levelList(text: string): number[] {
  const levels = text.split(',').map((part) => (/^\d+$/.test(part.trim()) ? Number(part) : Number.NaN));
  if (levels.every((n) => n >= 1 && n <= 255)) return levels;
  throw new InvalidArgumentError('Expected whole numbers from 1 to 255, as 4,8,16.');
}
