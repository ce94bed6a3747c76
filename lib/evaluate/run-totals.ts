import type { SimulationResult } from '../simulate';
import type { Evaluation } from './evaluation';
import { mix } from './hash';

/** Steps, spikes and additions over all batches. */
export class RunTotals {
  private readonly sleep: number[] = [];
  private notAtRest = 0;
  private readonly spikes = { positive: 0, negative: 0, hash: 0n };
  private synaptic = 0;
  private images = 0;

  add(result: SimulationResult): void {
    for (const steps of result.sleepSteps) this.sleep.push(steps);
    this.notAtRest += result.atRest.filter((rest) => !rest).length;
    this.spikes.positive += result.spikes.positive;
    this.spikes.negative += result.spikes.negative;
    result.hash.forEach((hash, i) => {
      this.spikes.hash = BigInt.asUintN(64, this.spikes.hash + mix(hash, this.images + i));
    });
    this.synaptic += result.synapticOperations;
    this.images += result.images;
  }

  /** Of at least one image. Additions are per image, spikes of all. */
  figures(wake: number): Pick<Evaluation, 'steps' | 'spikes'> & { synaptic: number } {
    const { sleep, spikes, notAtRest } = this;
    sleep.sort((a, b) => a - b);
    const mean = sleep.reduce((sum, n) => sum + n, 0) / sleep.length;
    const p95 = sleep[Math.ceil(0.95 * sleep.length) - 1]!;
    return {
      steps: { wake, sleep: { mean, p95, max: sleep.at(-1)! }, notAtRest },
      spikes: { ...spikes, hash: spikes.hash.toString(16).padStart(16, '0') },
      synaptic: this.synaptic / this.images,
    };
  }
}
