import { Command } from 'commander';
import { whyNotConvertible } from '../convert';
import { inspect } from '../graph';
import { inspectTable } from '../report';

export function inspectCommand(): Command {
  return new Command('inspect')
    .description('one line a node: folded, neuron, linear, pool, tail, or why it cannot be converted')
    .argument('<model.onnx>')
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  casc inspect net.onnx\n  casc inspect net.onnx --json | jq \'.nodes[] | select(.verdict == "refused")\'',
    )
    .action(async (file: string, flags: { json?: boolean }) => {
      const network = await inspect(file);
      const refused = network.verdicts.some(({ verdict }) => verdict === 'refused');
      const error = refused ? undefined : whyNotConvertible(network);
      // A net that is not quantised yet is no problem of its own.
      const problem = error && error.code !== 'ERR_CASC_NOT_QUANTIZED' ? error.message : undefined;
      const convertible = !refused && !problem;
      if (flags.json) {
        console.log(JSON.stringify({ file: network.file, convertible, problem, nodes: network.verdicts }, null, 2));
      } else {
        console.log(inspectTable(network, problem));
      }
    });
}
