import { Command } from 'commander';
import { evaluationTable, mergeJournals, reportPage } from '..';
import { exitCodeOf } from './evaluate';
import { interruptible } from './interrupt';
import { printResult } from './json-output';
import { addEnergy, type EnergyFlags } from './options';

interface Flags extends EnergyFlags {
  json?: string;
  report?: string;
}

const HELP = `
Every image must be in one of the journals, and in one only. The result is that of one run over all images, apart from times.

Example:
  casc merge shard-*.jsonl --json result.json --report report.html`;

export function mergeCommand(done: (exitCode: number) => void): Command {
  const command = new Command('merge')
    .description('one result from the journals of the shards of an evaluation')
    .argument('<journals...>')
    .option('--json <out.json>', 'write the figures as JSON; - for stdout, instead of the table')
    .option('--report <out.html>', 'write a page with curves, histograms and tables, for a browser');
  return addEnergy(command)
    .addHelpText('after', HELP)
    .action((files: string[], { json, report, energy }: Flags) =>
      interruptible(async (signal) => {
        const merge = () => mergeJournals(files, { energy, signal });
        const page = { path: report, text: reportPage };
        const result = await printResult(json, merge, evaluationTable, { kept: files, report: page });
        done(exitCodeOf(result));
      }),
    );
}
