import type { SpikingNetwork } from '../simulate';
import type { JournalHeader } from './header';

/** Neuron layers in order of execution, with how many neurons each has. */
export function neuronLayers({ converted: { plan } }: SpikingNetwork): JournalHeader['layers'] {
  return plan.layers
    .filter((layer) => layer.kind === 'neuron')
    .map(({ name, c, h, w }) => ({ name, neurons: c * h * w }));
}
