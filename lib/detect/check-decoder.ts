/** Whether a decoder is the net's. */
import { argumentError, CascError } from '../errors';
import { type Network, numel } from '../graph/network';
import { gridOf, HeadMaps } from './decode';
import type { Decoder } from './decoder';

/**
 * Number of the net's classes, by the channels that the decoder reads.
 *
 * @throws CascError ERR_CASC_SHAPE where an output is missing or is no map of the channels it should have, or heads differ;
 * ERR_CASC_ARGUMENT where the decoder names more classes than there are, or fewer.
 */
export function checkDecoder(decoder: Decoder, { nodes, outputs, input }: Network): number {
  const { h: height, w: width } = nodes[input]!.shape;
  const empty = outputs.map(({ node }) => new Float32Array(numel(nodes[node]!.shape)));
  const counts = decoder.heads.map((head) => {
    const { rows, columns } = gridOf(head, { height, width });
    return new HeadMaps(empty, head, rows * columns).classCount;
  });
  const [classes] = counts as [number, ...number[]];
  if (counts.some((count) => count !== classes)) {
    throw new CascError(
      'ERR_CASC_SHAPE',
      `the decoder's heads read ${counts.join(' and ')} classes; say with "count" how many there are`,
    );
  }
  const names = decoder.classNames?.length;
  if (names !== undefined && names !== classes) {
    throw argumentError('decoder.classNames', `${classes} names, one for each class channel`, names);
  }
  return classes;
}
