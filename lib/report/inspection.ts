/** The table of `casc inspect`. */
import type { Network } from '../graph/network';
import { plural, type Row, table } from './table';

/**
 * One line a node of the ONNX file, except constants, which are counted; then what to do next.
 *
 * @example
 * console.log(inspectTable(await inspect('net.onnx')));
 */
export function inspectTable(network: Network): string {
  const shown = network.verdicts.filter(({ verdict, note }) => verdict !== 'folded' || note !== 'constant');
  const rows = shown.map(({ name, opType, verdict, note }): Row => [name, opType, verdict, note]);
  const counts = new Map<string, number>();
  for (const { verdict } of shown) counts.set(verdict, (counts.get(verdict) ?? 0) + 1);
  const constants = network.verdicts.length - shown.length;
  const summary = [
    ...[...counts].map(([verdict, n]) => `${n} ${verdict}`),
    ...(constants > 0 ? [`${plural(constants, 'constant')} (not shown; --json has them)`] : []),
  ];
  return [
    table(['node', 'operator', 'verdict', 'note'], rows),
    '',
    `${network.file}: ${summary.join(', ')}`,
    next(network),
  ].join('\n');
}

function next({ verdicts, nodes }: Network): string {
  const refused = verdicts.filter(({ verdict }) => verdict === 'refused').length;
  if (refused > 0) return `cannot be converted: ${plural(refused, 'node')} refused, with the reason in the note`;
  const plain = nodes.filter((node) => node.op === 'relu' && !node.tail).length;
  return plain > 0
    ? `can be converted once its ${plural(plain, 'activation')} ${plain === 1 ? 'is' : 'are'} quantised: casc quantize`
    : 'quantised: ready for casc simulate and casc evaluate';
}
