/** What one unit of a plane is worth, per channel: λ/Q for a neuron's spike, the grid step for an input. */
import type { LinearTerm, Values } from './compose';
import type { Layer, RelayLayer } from './layered';
import { numel } from './network';

/** The term with its weights multiplied by the units of what it reads. A pool's units pass through it. */
export function inUnits(term: LinearTerm, unit: Values, channels: number): LinearTerm {
  if (term.op === 'avgpool') return term;
  if (term.op === 'scale') return { ...term, factor: term.factor.map((f, c) => f * unit[c]!) };
  const taps = term.window.kernel[0] * term.window.kernel[1];
  const perGroup = unit.length / term.groups;
  const outPerGroup = channels / term.groups;
  const weight = term.weight.map((w, i) => {
    const m = Math.floor(i / (perGroup * taps));
    return w * unit[Math.floor(m / outPerGroup) * perGroup + (Math.floor(i / taps) % perGroup)]!;
  });
  return { ...term, weight };
}

/**
 * Units of a relay's output channels (1 where a channel is all padding), or the first channel whose elements have
 * different units, which no single weight can serve.
 */
export function relayUnits(
  relay: RelayLayer,
  layers: readonly Layer[],
  units: readonly Values[],
): { units: Values } | { mixed: number } {
  const result = new Float64Array(relay.shape.c);
  const plane = numel(relay.shape) / relay.shape.c;
  const starts = [0];
  for (const source of relay.sources) starts.push(starts.at(-1)! + numel(layers[source]!.shape));
  for (let i = 0; i < relay.index.length; i++) {
    const from = relay.index[i]!;
    if (from < 0) continue;
    let s = 0;
    while (from >= starts[s + 1]!) s++;
    const { h, w } = layers[relay.sources[s]!]!.shape;
    const value = units[relay.sources[s]!]![Math.floor((from - starts[s]!) / (h * w))]!;
    const c = Math.floor(i / plane);
    if (result[c] === 0) result[c] = value;
    else if (result[c] !== value) return { mixed: c };
  }
  return { units: result.map((unit) => unit || 1) };
}
