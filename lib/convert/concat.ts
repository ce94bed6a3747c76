/** Concatenations that only convolutions read need not be made. */
import type { PlanDescription, PlanLayer, PlanTerm } from '../native';

type Relay = Extract<PlanLayer, { kind: 'relay' }>;
type Conv = Extract<PlanTerm, { op: 'conv' }>;

/**
 * A convolution of a concatenation along the channels is the sum of convolutions of its parts: each such term becomes one
 * per part, and the engine skips concatenations that nobody reads any more. For the fixed-point formats, where the order of
 * additions does not matter.
 */
export function readThroughConcats(plan: PlanDescription): PlanDescription {
  const { layers } = plan;
  const split = (term: PlanTerm): PlanTerm[] => {
    const source = layers[term.source]!;
    if (term.op !== 'conv' || term.groups !== 1 || source.kind !== 'relay' || !isConcat(source, layers)) return [term];
    return parts(term, source, layers).flatMap(split);
  };
  return {
    ...plan,
    layers: layers.map((layer) =>
      layer.kind === 'neuron' || layer.kind === 'linear' ? { ...layer, terms: layer.terms.flatMap(split) } : layer,
    ),
  };
}

/** Whole sources, one after the other: in C×H×W order, along the channels. */
function isConcat(relay: Relay, layers: readonly PlanLayer[]): boolean {
  return (
    relay.sources.every((s) => layers[s]!.h === relay.h && layers[s]!.w === relay.w) &&
    relay.sources.reduce((channels, s) => channels + layers[s]!.c, 0) === relay.c &&
    relay.index.every((from, i) => from === i)
  );
}

function parts(term: Conv, relay: Relay, layers: readonly PlanLayer[]): Conv[] {
  const taps = term.window.kernel[0] * term.window.kernel[1];
  const row = relay.c * taps;
  const outputs = term.weight.length / row;
  let first = 0;
  return relay.sources.map((source) => {
    const length = layers[source]!.c * taps;
    const weight = term.weight.slice(0, outputs * length);
    for (let m = 0; m < outputs; m++) {
      weight.set(term.weight.subarray(m * row + first, m * row + first + length), m * length);
    }
    first += length;
    return { ...term, source, weight };
  });
}
