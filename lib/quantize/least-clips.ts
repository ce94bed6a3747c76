/** The smallest clip values that fixed point has room for. */
import { toLayers } from '../graph/layered';
import type { Network } from '../graph/network';
import { type ClipValues, withQuantizedActivations } from '../graph/quantized';
import { relayUnits } from '../graph/units';
import { Rows } from './rows';
import { LEAST_STEP } from './weight-grid';
import { windowSums } from './window-sums';

/**
 * `clips` with those raised of channels that hardly ever fire. By itself the least squared error would give such a channel
 * a threshold far below what a single spike adds to it, and weights of 8 bits then have no unit left. Clip values per layer
 * stay as they are. The result is float32, as the file holds it.
 */
export function raiseClips(network: Network, clips: ClipValues, levels: number): ClipValues {
  const raised = new Map([...clips].map(([id, values]) => [id, values.map(Math.fround)]));
  const { layers } = toLayers(withQuantizedActivations(network, levels, 0, (id) => clips.get(id)!));
  const activations = network.nodes.filter(({ op, tail }) => (op === 'relu' || op === 'quant') && !tail);
  // Of the input and of graded planes the units are small: fixed point chooses them.
  const units: Float64Array[] = [];
  const bounds = layers.map(() => levels);
  for (const [index, layer] of layers.entries()) {
    const { c } = layer.shape;
    units.push(new Float64Array(c));
    if (layer.kind === 'maxpool') units[index] = units[layer.source]!;
    if (layer.kind === 'relay') {
      const result = relayUnits(layer, layers, units);
      if ('units' in result) units[index] = result.units;
    }
    if (layer.kind === 'linear') {
      const [term] = layer.terms;
      if (term?.op !== 'avgpool') continue;
      const { fraction } = windowSums(term, layers[term.source]!.shape, layer.shape);
      units[index] = units[term.source]!.map((unit) => unit * fraction);
    }
    if (layer.kind !== 'neuron') continue;
    const activation = activations.shift()!;
    const values = raised.get(activation.id);
    units[index] = layer.stepOut;
    if (activation.op !== 'relu' || !values || values.length === 1) continue;
    const rows = new Rows(layer, units, bounds, levels);
    for (let channel = 0; channel < c; channel++) {
      const least = Math.min(activation.max, LEAST_STEP * rows.largest(channel) * levels);
      values[channel] = Math.fround(Math.max(values[channel]!, least));
    }
    units[index] = values.map((clip) => clip / levels);
  }
  return raised;
}
