import { Command, InvalidArgumentError, Option } from 'commander';
import {
  type AnyEvaluation,
  classesOf,
  type EvaluateProgress,
  evaluate,
  evaluationTable,
  importModel,
  type OnError,
  openDataset,
  parseDataSpec,
  readMetadata,
  reportPage,
  type Shard,
  SpikingNetwork,
} from '..';
import { addDetection, type DetectionFlags, detectionOf } from './detection';
import { ExitCode } from './exit-code';
import { interruptible } from './interrupt';
import { printResult } from './json-output';
import {
  addEnergy,
  addMode,
  addScaling,
  addSchedule,
  addThreads,
  DATA_HELP,
  type EnergyFlags,
  formatOption,
  MODE_HELP,
  type ModeFlags,
  noteDefaultScaling,
  parseFormat,
  type ScalingFlags,
  type ScheduleFlags,
  scalingOf,
  scheduleOf,
  shardOf,
  wholeNumber,
} from './options';
import { Progress } from './progress';

interface Flags extends ModeFlags, ScheduleFlags, ScalingFlags, EnergyFlags, DetectionFlags {
  data: string;
  ann?: string;
  format?: string;
  limit?: number;
  certify?: 'all' | 'none' | number;
  profile?: boolean;
  threads?: number;
  json?: string;
  report?: string;
  journal?: string;
  shard?: Shard;
  onError: OnError;
}

const HELP = `${DATA_HELP}${MODE_HELP}
A journal holds one line an image. Killed at any moment and started again with the same command, the evaluation goes on where it was;
Ctrl-C ends it after the images in hand, with a table of the images so far, a second one at once. docs/evaluation.md explains every
figure, the journal and shards.

Examples:
  casc evaluate q8.onnx --data cifar10:cifar-10-batches-bin --ann resnet20.onnx
  casc evaluate q8.onnx --data mnist:fashion-mnist#test --format int16 --mean 0.2860 --std 0.3530 --json result.json
  casc evaluate q8.onnx --data imagenet:val --limit 100 --json - | jq .snn.top1
  casc evaluate q8.onnx --data imagenet:val --journal run.jsonl --on-error skip --report report.html
  casc evaluate q8.onnx --data imagenet:val --journal 2.jsonl --shard 2/4              one of four; then casc merge *.jsonl
  casc evaluate q8.onnx --data cifar10:cifar-10-batches-bin --margin 1                 accuracy at every number of levels
  casc evaluate q8.onnx --data cifar10:cifar-10-batches-bin --neuron if --sleep 0      a baseline of the literature
  casc evaluate q8.onnx --data cifar10:cifar-10-batches-bin --profile --certify none   where the time goes
  casc evaluate q8.onnx --data cifar10:cifar-10-batches-bin --mode rest --verify 0.01
  casc evaluate q32.onnx --data coco:coco#val2017 --decoder fastestdet --ann fastestdet.onnx --at 16,32,48`;

export function evaluateCommand(done: (exitCode: number) => void): Command {
  const command = new Command('evaluate')
    .description(
      'accuracy at every step (of a detector, average precision) beside the ANN, and a certificate that both compute the same',
    )
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
    .option('--journal <run.jsonl>', "append every image's figures, and go on where it ends")
    .option('--shard <i/n>', 'only every n-th image, from the i-th on', shardOf)
    .addOption(
      new Option('--on-error <fail|skip>', 'images that are missing or corrupt')
        .choices(['fail', 'skip'])
        .default('fail'),
    )
    .option('--profile', 'time, spikes, additions and path by layer, awake and asleep')
    .option('--json <out.json>', 'write the figures as JSON; - for stdout, instead of the table')
    .option('--report <out.html>', 'write a page with curves, histograms and tables, for a browser');
  return addDetection(addScaling(addSchedule(addThreads(addMode(addEnergy(command))))))
    .addHelpText('after', HELP)
    .action((file: string, flags: Flags) =>
      interruptible(async (stop) => {
        stop.addEventListener('abort', () =>
          console.error('casc: ends after the images in hand; Ctrl-C again: at once'),
        );
        const { json, report, ann, journal } = flags;
        const result = await printResult(json, () => run(file, flags, stop), evaluationTable, {
          kept: [file, ann, journal],
          isWhole,
          report: { path: report, text: reportPage },
        });
        if (!isWhole(result)) {
          const { images, selected, skipped } = result;
          console.error(`casc: interrupted after ${images + skipped.length} of ${selected} images`);
        }
        done(exitCodeOf(result));
      }),
    );
}

/** Of an evaluation as it was printed. */
export function exitCodeOf(result: AnyEvaluation): number {
  const { images, certified, measured } = result.exact;
  if (!isWhole(result)) return ExitCode.Interrupted;
  if (images > 0 && !certified && !measured) return ExitCode.CertificateFailed;
  return result.skipped.length > 0 ? ExitCode.Failed : ExitCode.Done;
}

function isWhole({ images, skipped, selected }: AnyEvaluation): boolean {
  return images + skipped.length === selected;
}

async function run(file: string, flags: Flags, stop: AbortSignal): Promise<AnyEvaluation> {
  const network = await importModel(file);
  const scaling = scalingOf(flags, network);
  const snn = SpikingNetwork.from(network, { format: parseFormat(flags.format), scaling });
  const progress = new Progress('evaluating');
  try {
    const { limit, ann, certify, profile, mode, verify, threads, journal, shard, energy, onError } = flags;
    const detection = await detectionOf(flags, readMetadata(network).decoder);
    const boxes = ['coco', 'voc'].includes(parseDataSpec(flags.data).kind);
    const classes = boxes || detection ? undefined : classesOf(network);
    const dataset = await openDataset(flags.data, { scaling, limit, classes, onError, signal: stop });
    if (!scaling) noteDefaultScaling(file);
    const options = {
      ...scheduleOf(flags),
      ...{ ann, certify, profile, verify, threads, journal, shard, energy, stop },
      onProgress: ({ done, total, resumed, skipped, top1, ap50 }: EvaluateProgress) => {
        const unread = skipped > 0 ? `, ${skipped} skipped` : '';
        const figure = top1 === undefined ? `AP50 ${ap50!.toFixed(3)}` : `top-1 ${(100 * top1).toFixed(2)} %`;
        progress.update(done, total, `, ${figure}${unread}`, resumed);
      },
    };
    if (detection) {
      return mode === 'rest'
        ? await evaluate(snn, dataset, { ...options, detection, mode })
        : await evaluate(snn, dataset, { ...options, detection, mode });
    }
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
