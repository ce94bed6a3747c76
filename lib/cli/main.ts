#!/usr/bin/env node
/** The command line. Exit codes: 0 done, 1 error or skipped images, 2 wrong usage, 3 the certificate failed, 130 interrupted. */
import { Command, CommanderError } from 'commander';
import { CascError, version } from '..';
import { calibrateCommand } from './calibrate';
import { evaluateCommand } from './evaluate';
import { ExitCode } from './exit-code';
import { infoCommand } from './info';
import { inspectCommand } from './inspect';
import { mergeCommand } from './merge';
import { quantizeCommand } from './quantize';
import { simulateCommand } from './simulate';

const EXAMPLES = `
Examples:
  casc inspect net.onnx
  casc quantize net.onnx -o q16.onnx --levels 16 --format int8 --calibration cifar10:cifar-10-batches-bin#train
  casc calibrate net.onnx --calibration cifar10:cifar-10-batches-bin#train --data cifar10:cifar-10-batches-bin
  casc evaluate q16.onnx --data cifar10:cifar-10-batches-bin --ann net.onnx --journal run.jsonl

Results go to stdout, progress and notes to stderr.
Exit codes: 0 done, 1 an error or skipped images, 2 wrong usage, 3 the certificate failed, 130 interrupted.`;

async function main(argv: string[]): Promise<number> {
  let code: number = ExitCode.Done;
  const done = (exit: number) => {
    code = exit;
  };
  const program = new Command('casc')
    .description('Turns a trained ANN (ONNX) into a spiking network that computes exactly the same, and proves it.')
    .version(version())
    .showHelpAfterError('(--help shows the options)')
    .addHelpText('after', EXAMPLES)
    .exitOverride();
  for (const command of [
    quantizeCommand(),
    calibrateCommand(),
    inspectCommand(),
    simulateCommand(done),
    evaluateCommand(done),
    mergeCommand(done),
    infoCommand(),
  ]) {
    program.addCommand(command.exitOverride().showHelpAfterError('(--help shows the options)'));
  }
  try {
    await program.parseAsync(argv);
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? ExitCode.Done : ExitCode.Usage;
    if (error instanceof CascError) {
      console.error(`casc: ${error.message} [${error.code}]`);
      return error.code === 'ERR_CASC_ARGUMENT' ? ExitCode.Usage : ExitCode.Failed;
    }
    if ((error as Error).name === 'AbortError') {
      console.error('casc: interrupted');
      return ExitCode.Interrupted;
    }
    console.error('casc: an unexpected error; please report it with what follows\n', error);
    return ExitCode.Failed;
  }
}

// A reader that has enough (`| head`) is no error; a full disk is.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') return;
  console.error(`casc: stdout cannot be written: ${error.message} [ERR_CASC_FILE]`);
  process.exitCode = ExitCode.Failed;
});

void main(process.argv).then((code) => {
  process.exitCode ||= code;
});
