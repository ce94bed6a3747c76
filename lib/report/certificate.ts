/** What an evaluation proved, in a line. */
import type { EvaluationFrame } from '../evaluate';
import { count, plural } from './table';

type Exact = EvaluationFrame['exact'];

export function certificateLine(exact: Exact, images: number, notes: readonly string[]): string {
  const { file, format } = exact;
  if (exact.images === 0) {
    return `not certified: ${notes.length > 0 ? 'see the note' : 'no certificate was asked for'}`;
  }
  const which = exact.images < images ? `the first ${count(exact.images)} of ` : '';
  const scope = `${count(exact.checkedNeurons)} neurons and readouts of ${which}${plural(images, 'image')}`;
  if (exact.measured) {
    return `measured, not certified: ${file} in float32: ${count(exact.mismatches)} of ${scope} differ from the quantised ANN; --format int8 or int16 is exact`;
  }
  if (exact.certified)
    return `certified: ${file} in ${format}: the spike counts equal the quantised ANN at all ${scope}`;
  return `NOT CERTIFIED: ${file} in ${format}: ${differences(exact, scope)}`;
}

export function verificationLine({ exact, images }: Pick<EvaluationFrame, 'exact' | 'images'>): string {
  const { file, format } = exact;
  if (exact.images === 0) {
    return 'not verified: no image was simulated; --verify 0.01 simulates one in a hundred in full and compares every neuron';
  }
  const which = exact.images < images ? `an even choice of ${count(exact.images)} of ` : '';
  const scope = `${count(exact.checkedNeurons)} neurons and readouts of ${which}${plural(images, 'image')}, simulated in full`;
  if (exact.certified) return `verified: ${file} in ${format}: the spike counts equal these answers at all ${scope}`;
  return `VERIFICATION FAILED: ${file} in ${format}: ${differences(exact, `${scope},`)}`;
}

function differences({ mismatches, first }: Exact, scope: string): string {
  if (!first) return `${count(mismatches)} of ${scope} differ`;
  const { layer, neuron, image, snnCount, annCount, lastSpike } = first;
  const fired = lastSpike ? `last spike at wake ${lastSpike.wake}, sleep ${lastSpike.sleep}` : 'never fired';
  return `${count(mismatches)} of ${scope} differ; first: layer ${layer}, neuron ${neuron}, image ${image}: SNN ${snnCount}, ANN ${annCount}, ${fired}`;
}
