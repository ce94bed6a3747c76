import { Command } from 'commander';
import { evaluationTable, mergeJournals } from '..';
import { exitCodeOf } from './evaluate';
import { interruptible } from './interrupt';
import { printResult } from './json-output';
import { addEnergy, type EnergyFlags } from './options';

interface Flags extends EnergyFlags {
  json?: string;
}

const HELP = `
Every image must be in one of the journals, and in one only. The result is that of one run over all images, apart from times.

Example:
  casc merge shard-*.jsonl --json result.json`;

export function mergeCommand(done: (exitCode: number) => void): Command {
  const command = new Command('merge')
    .description('one result from the journals of the shards of an evaluation')
    .argument('<journals...>')
    .option('--json <out.json>', 'write the figures as JSON; - for stdout, instead of the table');
  return addEnergy(command)
    .addHelpText('after', HELP)
    .action((files: string[], { json, energy }: Flags) =>
      interruptible(async (signal) => {
        const result = await printResult(json, () => mergeJournals(files, { energy, signal }), evaluationTable);
        done(exitCodeOf(result));
      }),
    );
}
