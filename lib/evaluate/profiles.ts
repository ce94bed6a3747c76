/** Profiles of batches, as one. */
import type { LayerProfile, Profile } from '../simulate';

export function addProfiles(a: Profile, b: Profile): Profile {
  return {
    layers: a.layers.map(({ layer, wake, sleep }, i) => ({
      layer,
      wake: addPhases(wake, b.layers[i]!.wake),
      sleep: addPhases(sleep, b.layers[i]!.sleep),
    })),
    workingBytes: {
      simulation: Math.max(a.workingBytes.simulation, b.workingBytes.simulation),
      oracle: Math.max(a.workingBytes.oracle, b.workingBytes.oracle),
    },
  };
}

function addPhases(a: LayerProfile['wake'], b: LayerProfile['wake']): LayerProfile['wake'] {
  return {
    seconds: a.seconds + b.seconds,
    spikes: {
      positive: a.spikes.positive + b.spikes.positive,
      negative: a.spikes.negative + b.spikes.negative,
    },
    additions: a.additions + b.additions,
    steps: {
      skip: a.steps.skip + b.steps.skip,
      neurons: a.steps.neurons + b.steps.neurons,
      scatter: a.steps.scatter + b.steps.scatter,
      rows: a.steps.rows + b.steps.rows,
      dense: a.steps.dense + b.steps.dense,
    },
  };
}
