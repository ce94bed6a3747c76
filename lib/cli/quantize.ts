import { Command, Option } from 'commander';
import {
  CascError,
  type Dataset,
  importModel,
  type Network,
  openDataset,
  parseInputScaling,
  type QuantizeOptions,
  quantize,
  quantizeTable,
} from '..';
import { checkWritable, isSameFile, writeWhole } from '../files/atomic-write';
import { decoderOf, decoderOption } from './detection';
import { interruptible, lastChance } from './interrupt';
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
  type ScalingFlags,
  scalingOf,
  share,
  type TrainingFlags,
  wholeNumber,
} from './options';
import { StagedProgress } from './progress';

interface Flags extends ScalingFlags, TrainingFlags {
  output: string;
  levels?: number;
  calibration?: string;
  samples: number;
  format?: string;
  shift?: string;
  decoder?: string;
  clips?: 'layer' | 'channel';
  percentile?: number;
}

const HELP = `${DATA_HELP}${METHOD_HELP}
No labels are needed; where the data have them, top-1 on calibration images is shown.

Examples:
  casc quantize resnet20.onnx -o q16.onnx --levels 16 --format int8 --calibration cifar10:cifar-10-batches-bin#train \\
      --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225
  casc quantize resnet20.onnx -o q8.onnx --levels 8 --method refit --samples 1024 --format int8 \\
      --calibration cifar10:cifar-10-batches-bin#train --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225
  casc quantize squeezenet.onnx -o q32.onnx --levels 32 --format int16 --calibration imagenet:val \\
      --scale 1 --mean 123,117,104 --resize 256 --crop 227
  casc quantize fastestdet.onnx -o q32.onnx --levels 32 --format int16 --method refit --calibration coco:coco128 \\
      --resize 352x352 --no-antialias --channels bgr --decoder fastestdet
  casc quantize trained-with-8-levels.onnx -o q8-int16.onnx --format int16 --mean 0.5 --std 0.25`;

export function quantizeCommand(): Command {
  const command = new Command('quantize')
    .description('quantises the activations of a trained net; the result is an ordinary ONNX file')
    .argument('<ann.onnx>')
    .requiredOption('-o, --output <q.onnx>', 'file to write')
    .option(
      '--levels <n>',
      'levels of an activation, 1 to 255 (not for a net that is quantised already)',
      wholeNumber(1, 255),
    )
    .option('--calibration <data>', 'images that the clip values are chosen on (no labels needed)')
    .option('--samples <n>', 'how many of them, spread evenly over the data', wholeNumber(1), 512)
    .addOption(formatOption('weights and arithmetic (default: float32)'))
    .addOption(
      new Option('--shift <phi>', 'shift of the activations: 0 as in the paper, 0.5 rounds (default: 0.5)').choices([
        '0',
        '0.5',
      ]),
    )
    .addOption(methodOption())
    .addOption(
      new Option(
        '--clips <by>',
        'one clip value per layer or per channel (default: channel; percentile: layer)',
      ).choices(['layer', 'channel']),
    )
    .addOption(
      new Option(
        '--percentile <p>',
        'share of activations below the clip value (default: 0.999; implies --method percentile)',
      )
        .argParser(share)
        .implies({ method: 'percentile' }),
    );
  command.addOption(decoderOption('of a detector, what its outputs mean, which is recorded in the file'));
  return addScaling(addThreads(addTraining(command)))
    .addHelpText('after', HELP)
    .action((file: string, flags: Flags) => interruptible((signal) => run(file, flags, signal)));
}

async function run(file: string, flags: Flags, signal: AbortSignal): Promise<void> {
  if (await isSameFile(file, flags.output)) {
    throw new CascError('ERR_CASC_ARGUMENT', `${flags.output} is the net itself; choose another name for --output`, {
      file,
      option: 'output',
    });
  }
  await checkWritable(flags.output);
  const network = await importModel(file);
  checkComplete(network, flags);
  const decoder = flags.decoder === undefined ? undefined : await decoderOf(flags.decoder);
  const scaling = scalingOf(flags, network);
  const calibration = flags.calibration
    ? await openDataset(flags.calibration, { scaling, limit: flags.samples, spread: true, labelled: false, signal })
    : undefined;
  if (calibration && !scaling) noteDefaultScaling(file);
  const result = await quantizeWith(file, flags, calibration, {
    scaling: calibration?.scaling ?? (scaling && parseInputScaling(scaling)),
    decoder,
    iterations: await iterationsOf(flags, network, signal),
    signal,
  });
  await lastChance(signal);
  await writeWhole(flags.output, result.bytes);
  console.log(quantizeTable(result, flags.output, calibration?.name));
}

async function quantizeWith(
  file: string,
  flags: Flags,
  calibration: Dataset | undefined,
  options: Pick<QuantizeOptions, 'scaling' | 'decoder' | 'iterations' | 'signal'>,
) {
  const progress = new StagedProgress();
  try {
    return await quantize(file, {
      ...options,
      levels: flags.levels,
      calibration,
      format: parseFormat(flags.format),
      shift: parseShift(flags.shift),
      method: flags.method,
      clips: flags.clips,
      percentile: flags.percentile,
      split: flags.split,
      threads: flags.threads,
      onProgress: (done, total, stage) => progress.update('', stage, done, total),
    });
  } finally {
    progress.stop();
  }
}

/** A net with plain ReLUs needs levels and images; said with the options' names before any data is opened. */
function checkComplete(network: Network, flags: Flags): void {
  if (!network.nodes.some((node) => node.op === 'relu' && !node.tail)) return;
  const missing = [flags.levels ? [] : '--levels', flags.calibration ? [] : '--calibration'].flat();
  if (missing.length === 0) return;
  throw new CascError(
    'ERR_CASC_ARGUMENT',
    `${network.file} is not quantised yet: ${missing.join(' and ')} missing, as in --levels 8 --calibration cifar10:cifar-10-batches-bin#train`,
    { file: network.file, option: missing[0]!.slice(2) },
  );
}
