import { Command } from 'commander';
import { inspect } from '../graph';
import { inspectTable } from '../report';

const EXAMPLES = `
Examples:
  casc inspect net.onnx
  casc inspect net.onnx --json | jq '.nodes[] | select(.verdict == "refused")'`;

export function inspectCommand(): Command {
  return new Command('inspect')
    .description('one line a node: folded, neuron, linear, pool, tail, or why it cannot be converted')
    .argument('<model.onnx>')
    .option('--json', 'as JSON')
    .addHelpText('after', EXAMPLES)
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
