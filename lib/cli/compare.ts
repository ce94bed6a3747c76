import { Command, Option } from 'commander';
import { type ComparisonFormat, classesOf, compare, comparisonTable } from '..';
import { ExitCode } from './exit-code';
import { interruptible } from './interrupt';
import { printResult } from './json-output';
import { addLevelsStudy, type LevelsFlags, runLevelsStudy } from './levels-study';
import { DATA_HELP, METHOD_HELP } from './options';

interface Flags extends LevelsFlags {
  table: ComparisonFormat;
  json?: string;
}

const HELP = `${DATA_HELP}${METHOD_HELP}
For each number of levels T the net is quantised on the calibration images, then simulated on the data in T awake steps as
  IF                 membranes start at 0
  IF, QCFS           the same neuron from half the threshold
  signed IF          negative spikes, no bound on positive ones
  burst              up to 5 spikes a step
  CIF without sleep
  CIF with sleep     until no neuron fires: equals the quantised ANN
all of them on the same quantised net. docs/evaluation.md says what each figure is.
Exit code 3: CIF with sleep differs from the quantised ANN in fixed point.

Examples:
  casc compare resnet20.onnx --calibration cifar10:cifar-10-batches-bin#train --data cifar10:cifar-10-batches-bin \\
      --limit 500 --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225
  casc compare net.onnx --calibration mnist:train --data mnist:test --levels 4,8 --table markdown
  casc compare net.onnx --calibration mnist:train --data mnist:test --table csv --json methods.json > methods.csv`;

export function compareCommand(done: (exitCode: number) => void): Command {
  const command = new Command('compare').description(
    'the methods of the literature beside each other, at several numbers of levels',
  );
  return addLevelsStudy(command, 'labelled images that the methods are judged on', [
    new Option('--table <text|markdown|csv>', 'form of the table').choices(['text', 'markdown', 'csv']).default('text'),
    new Option('--json <out.json>', 'write the figures as JSON; - for stdout, instead of the table'),
  ])
    .addHelpText('after', HELP)
    .action((file: string, flags: Flags) =>
      interruptible(async (signal) => {
        const { format, rows } = await printResult(
          flags.json,
          () => runLevelsStudy(file, flags, signal, classesOf, (options) => compare(file, options)),
          (result) => comparisonTable(result, flags.table),
          { kept: [file] },
        );
        const differs = rows.some(({ methods }) => !methods['cif-sleep'].exact);
        if (differs && format !== 'float32') done(ExitCode.CertificateFailed);
      }),
    );
}
