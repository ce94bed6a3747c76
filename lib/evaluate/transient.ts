import type { LayerProfile, Profile, SimulationResult } from '../simulate';
import { StepAccuracy } from './accuracy';
import { RunTotals } from './run-totals';

/** What only a simulation has, over all batches: steps, spikes, additions, accuracy at every step. */
export class Transient {
  private readonly perStep = new StepAccuracy();
  private readonly totals = new RunTotals();
  private profile: Profile | undefined;

  /** correct[s]: how many of the batch's images are right after step s. */
  add(result: SimulationResult, correct: readonly number[]): void {
    this.perStep.add(result.steps, correct, result.images);
    this.totals.add(result);
    if (result.profile) this.profile = this.profile ? addProfiles(this.profile, result.profile) : result.profile;
  }

  /** Of at least one image. */
  figures(wake: number) {
    const { profile } = this;
    return {
      top1PerStep: this.perStep.curve(),
      ...this.totals.figures(wake),
      ...(profile ? { profile } : {}),
    };
  }
}

function addProfiles(a: Profile, b: Profile): Profile {
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
