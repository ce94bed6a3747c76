import { Command } from 'commander';
import { inspect, inspectTable } from '..';

const HELP = `
Verdicts: input (rounds the input), neuron, linear, pool, tail (computed after the last neuron), folded into another node,
refused with the reason. The table leaves constants out; --json has every node. Exit code 0 also where nodes are refused.

Examples:
  casc inspect net.onnx
  casc inspect net.onnx --json | jq '.nodes[] | select(.verdict == "refused")'`;

export function inspectCommand(): Command {
  return new Command('inspect')
    .description('one line a node: what becomes of it, or why it cannot be converted')
    .argument('<model.onnx>')
    .option('--json', 'as JSON')
    .addHelpText('after', HELP)
    .action(async (file: string, flags: { json?: boolean }) => {
      const network = await inspect(file);
      const convertible = network.verdicts.every(({ verdict }) => verdict !== 'refused');
      console.log(
        flags.json
          ? JSON.stringify({ file: network.file, convertible, nodes: network.verdicts }, null, 2)
          : inspectTable(network),
      );
    });
}
