/** What the commands share that quantise a net at several numbers of levels. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { importModel, type LevelsOptions, type Network, openDataset } from '..';
import {
  addScaling,
  addThreads,
  addTraining,
  formatOption,
  iterationsOf,
  methodOption,
  noteDefaultScaling,
  parseFormat,
  parseShift,
  type ScalingFlags,
  scalingOf,
  type TrainingFlags,
  wholeNumber,
} from './options';
import { StagedProgress } from './progress';

export interface LevelsFlags extends ScalingFlags, TrainingFlags {
  calibration: string;
  data: string;
  levels: number[];
  samples: number;
  limit?: number;
  shift?: string;
  format?: string;
}

/** `judged`: what `--data` are for; `options`: the command's own, which the help lists before training, threads and scaling. */
export function addLevelsStudy(command: Command, judged: string, options: readonly Option[]): Command {
  command
    .argument('<ann.onnx>')
    .requiredOption('--calibration <data>', 'images that the net is quantised on (no labels needed)')
    .requiredOption('--data <data>', judged)
    .option('--levels <list>', 'numbers of levels to try', levelList, [4, 8, 16, 32])
    .option('--samples <n>', 'calibration images, spread evenly over the data', wholeNumber(1), 512)
    .option('--limit <n>', 'images to judge on, spread evenly (default: all)', wholeNumber(1))
    .addOption(methodOption())
    .addOption(formatOption('weights and arithmetic').default('int8'))
    .addOption(new Option('--shift <phi>', 'shift of the activations (default: 0.5)').choices(['0', '0.5']));
  for (const option of options) command.addOption(option);
  return addScaling(addThreads(addTraining(command)));
}

/**
 * Opens what the flags name, calls `study` and shows its progress. `classesOf`: the number of classes that labels are checked
 * against; undefined where no labels are needed.
 */
export async function runLevelsStudy<T>(
  file: string,
  flags: LevelsFlags,
  signal: AbortSignal,
  classesOf: (network: Network) => number | undefined,
  study: (options: LevelsOptions) => Promise<T>,
): Promise<T> {
  const network = await importModel(file);
  const scaling = scalingOf(flags, network);
  const classes = classesOf(network);
  const { samples, limit, levels, method, split, threads } = flags;
  const calibration = await openDataset(flags.calibration, {
    ...{ scaling, limit: samples, spread: true, labelled: false, signal },
  });
  const data = await openDataset(flags.data, {
    ...{ scaling, limit, spread: true, labelled: classes !== undefined, signal },
    ...(classes === undefined ? {} : { classes }),
  });
  if (!scaling) noteDefaultScaling(file);
  const iterations = await iterationsOf(flags, network, signal);
  const progress = new StagedProgress();
  try {
    return await study({
      ...{ levels, calibration, data, method, iterations, split, threads, signal },
      format: parseFormat(flags.format),
      shift: parseShift(flags.shift),
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
