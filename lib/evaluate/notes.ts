/** What a reader of the figures should know about the file. */
import type { SpikingNetwork } from '../simulate';

export function evaluationNotes({ converted: { format, metadata, network } }: SpikingNetwork): string[] {
  const notes: string[] = [];
  if (metadata.format === 'int16' && format === 'int8') {
    notes.push('the file is in int16 and was rounded anew to int8: other integers than a runtime finds in the file');
  }
  const ties = network.nodes.filter((node) => node.op === 'quant' && node.tiesToEven).length;
  if (ties > 0) {
    notes.push(
      `${ties} activations of the file round ties to even; neurons, and the quantised ANN here, round them up`,
    );
  }
  return notes;
}
