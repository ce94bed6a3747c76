/** What the readers of a plane do to its sums: how many of the 24 bits it has to leave to them. */
import type { Layer } from '../graph/layered';
import { windowSums } from './window-sums';

export interface Demand {
  /** How much larger than the plane's values the sums are that average pools make of them; 1 without any. */
  gain: number;
  /** Largest Σ|w| / max|w| of what reads it (1 for a shortcut), pools between included; 0 without any. */
  spread: number;
}

export function demandOn(layers: readonly Layer[], index: number): Demand {
  let gain = 1;
  let spread = 0;
  layers.forEach((reader, at) => {
    if (reader.kind === 'relay' && reader.sources.includes(index)) {
      const beyond = demandOn(layers, at);
      gain = Math.max(gain, beyond.gain);
      spread = Math.max(spread, beyond.spread);
    }
    if (reader.kind !== 'neuron' && reader.kind !== 'linear') return;
    for (const term of reader.terms) {
      if (term.source !== index) continue;
      if (term.op === 'scale') {
        const beyond = reader.kind === 'linear' ? demandOn(layers, at).spread : 0;
        spread = Math.max(spread, 1, beyond);
      }
      if (term.op === 'conv') spread = Math.max(spread, relativeRowSum(term.weight, reader.shape.c));
      if (term.op !== 'avgpool') continue;
      const beyond = demandOn(layers, at);
      const pool = windowSums(term, layers[index]!.shape, reader.shape).gain;
      gain = Math.max(gain, pool * beyond.gain);
      spread = Math.max(spread, pool * beyond.spread);
    }
  });
  return { gain, spread };
}

/** Largest Σ|w| / max|w| over the output channels. */
function relativeRowSum(weight: Float64Array, channels: number): number {
  const row = weight.length / channels;
  let most = 1;
  for (let c = 0; c < channels; c++) {
    let sum = 0;
    let largest = 0;
    for (let i = c * row; i < (c + 1) * row; i++) {
      const w = Math.abs(weight[i]!);
      sum += w;
      if (w > largest) largest = w;
    }
    if (largest > 0) most = Math.max(most, sum / largest);
  }
  return most;
}
