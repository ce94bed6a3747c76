import { Command, Option } from 'commander';
import { CascError, calibrateLevels, calibrationTable, classCount, type LevelsCalibration, type Network } from '..';
import { interruptible } from './interrupt';
import { printResult } from './json-output';
import { addLevelsStudy, type LevelsFlags, runLevelsStudy } from './levels-study';
import { DATA_HELP, METHOD_HELP, points } from './options';

interface Flags extends LevelsFlags {
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
  const command = new Command('calibrate').description(
    'what each number of levels costs and gives, and the fewest awake steps that are good enough',
  );
  return addLevelsStudy(command, 'images that it is judged on', [
    new Option('--loss <points>', 'loss that is good enough, in percent').argParser(points).default(0.5),
    new Option('--agreement', 'judge by agreement with the fp32 net: the data need no labels'),
    new Option('--json <out.json>', 'write the figures as JSON; - for stdout, instead of the table'),
  ])
    .addHelpText('after', HELP)
    .action((file: string, flags: Flags) =>
      interruptible(async (signal) => {
        await printResult(flags.json, () => run(file, flags, signal), calibrationTable, { kept: [file] });
      }),
    );
}

async function run(file: string, flags: Flags, signal: AbortSignal): Promise<LevelsCalibration> {
  const labels = (network: Network) => {
    const classes = classCount(network);
    if (flags.agreement && classes === undefined) {
      throw new CascError('ERR_CASC_ARGUMENT', `${file} is no classifier: leave out --agreement`, {
        option: 'agreement',
      });
    }
    return flags.agreement ? undefined : classes;
  };
  return runLevelsStudy(file, flags, signal, labels, (options) =>
    calibrateLevels(file, {
      ...options,
      judge: flags.agreement ? 'agreement' : undefined,
      loss: flags.loss / 100,
    }),
  );
}
