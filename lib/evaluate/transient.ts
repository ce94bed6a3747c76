import type { LayerProfile, Profile, SimulationResult } from '../simulate';
import { StepAccuracy } from './accuracy';
import type { Evaluation } from './evaluation';
import { mix } from './hash';

/** What only a simulation has, over all batches: steps, spikes, additions, accuracy at every step. */
export class Transient {
  private readonly perStep = new StepAccuracy();
  private readonly sleep: number[] = [];
  private notAtRest = 0;
  private readonly spikes = { positive: 0, negative: 0, hash: 0n };
  private synaptic = 0;
  private profile: Profile | undefined;
  private images = 0;

  /** correct[s]: how many of the batch's images are right after step s. */
  add(result: SimulationResult, correct: readonly number[]): void {
    this.perStep.add(result.steps, correct, result.images);
    for (const steps of result.sleepSteps) this.sleep.push(steps);
    this.notAtRest += result.atRest.filter((rest) => !rest).length;
    this.spikes.positive += result.spikes.positive;
    this.spikes.negative += result.spikes.negative;
    result.hash.forEach((hash, i) => {
      this.spikes.hash = BigInt.asUintN(64, this.spikes.hash + mix(hash, this.images + i));
    });
    this.synaptic += result.synapticOperations;
    if (result.profile) this.profile = this.profile ? addProfiles(this.profile, result.profile) : result.profile;
    this.images += result.images;
  }

  /** Of at least one image. */
  figures(wake: number) {
    const { sleep, spikes, profile } = this;
    sleep.sort((a, b) => a - b);
    const steps: Evaluation['steps'] = {
      wake,
      sleep: {
        mean: sleep.reduce((sum, n) => sum + n, 0) / sleep.length,
        p95: sleep[Math.ceil(0.95 * sleep.length) - 1]!,
        max: sleep.at(-1)!,
      },
      notAtRest: this.notAtRest,
    };
    return {
      top1PerStep: this.perStep.curve(),
      steps,
      spikes: { ...spikes, hash: spikes.hash.toString(16).padStart(16, '0') },
      synaptic: this.synaptic / this.images,
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
