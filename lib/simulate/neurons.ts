/** A population of CIF neurons without a network around it: for study, and for benchmarks of the kernels. */
import { argumentError } from '../errors';
import { addon, toCascError } from '../native';

export interface PopulationOptions {
  /** θ > 0; an integer for int32. Default 1. */
  threshold?: number;
  /** Most spikes in one step. Default 1. */
  gamma?: number;
  /** Negative spikes allowed. Default true. */
  negative?: boolean;
  /** No more spikes than awake steps. Default true. */
  upperBound?: boolean;
  /** Initial membrane φ in units of θ (floored in int32). Default 0. */
  shift?: number;
  /** Type of membranes and currents. Default float32. */
  type?: 'float32' | 'int32';
  /** Instruction set, by name. Default: the best one, or CASC_ISA. */
  isa?: string;
}

/** Counts of a spike train have eight bits. */
const MOST_TRAIN_STEPS = 127;

/**
 * `size` independent Consistent-IF neurons (Li, He, Kong, Zeng: Consistent Mapping Relations).
 *
 * @example
 * const population = new NeuronPopulation(3);
 * const spikes = population.step(Float32Array.of(0.5, 1.2, -0.1)); // Int8Array [0, 1, 0]
 */
export class NeuronPopulation {
  readonly membrane: Float32Array | Int32Array;
  /** Net spike counts. */
  readonly count: Int32Array;
  private readonly spikes: Int8Array;
  private trainSpikes = new Int8Array(0);
  private readonly options: Required<Omit<PopulationOptions, 'isa'>> & { isa?: string };
  private readonly start: number;
  private awakeSteps = 0;

  constructor(size: number, options: PopulationOptions = {}) {
    if (!Number.isInteger(size) || size < 1) throw argumentError('size', 'a whole number, at least 1', size);
    this.options = {
      threshold: 1,
      gamma: 1,
      negative: true,
      upperBound: true,
      shift: 0,
      type: 'float32',
      ...options,
    };
    const { threshold, shift, type } = this.options;
    if (!(threshold > 0) || (type === 'int32' && !Number.isInteger(threshold))) {
      throw argumentError('threshold', type === 'int32' ? 'a whole number above 0' : 'a number above 0', threshold);
    }
    this.membrane = type === 'int32' ? new Int32Array(size) : new Float32Array(size);
    this.start = type === 'int32' ? Math.floor(shift * threshold) : shift * threshold;
    this.count = new Int32Array(size);
    this.spikes = new Int8Array(size);
    this.reset();
  }

  /** Back to before the first step. */
  reset(): void {
    this.membrane.fill(this.start);
    this.count.fill(0);
    this.awakeSteps = 0;
  }

  /**
   * One time step with this input current. Asleep, the bound on spikes does not advance.
   * Returns the spikes of the step; the array is reused by the next one.
   */
  step(current: Float32Array | Int32Array, phase: 'wake' | 'sleep' = 'wake'): Int8Array {
    if (phase === 'wake') this.awakeSteps++;
    const { threshold, gamma, negative, upperBound: upper, isa } = this.options;
    try {
      addon().stepNeurons({
        membrane: this.membrane,
        count: this.count,
        current,
        spikes: this.spikes,
        threshold,
        gamma,
        negative,
        upper,
        awakeSteps: this.awakeSteps,
        isa,
      });
    } catch (error) {
      throw toCascError(error);
    }
    return this.spikes;
  }

  /**
   * Many time steps, [steps × size] currents, of one phase; the same as so many calls of `step`. Where the engine runs whole
   * spike trains (int32, γ = 1, upper bound, at most 127 awake steps), this does too.
   * Returns the spikes, [steps × size]; the array is reused by the next call.
   */
  run(currents: Float32Array | Int32Array, phase: 'wake' | 'sleep' = 'wake'): Int8Array {
    const size = this.count.length;
    if (!(currents instanceof this.membrane.constructor) || currents.length % size !== 0) {
      throw argumentError('currents', `a ${this.membrane.constructor.name} of whole steps of ${size}`, currents);
    }
    if (this.trainSpikes.length < currents.length) this.trainSpikes = new Int8Array(currents.length);
    const spikes = this.trainSpikes.subarray(0, currents.length);
    const steps = currents.length / size;
    const awake = phase === 'wake';
    const { threshold, gamma, negative, upperBound, isa } = this.options;
    const { membrane, count, awakeSteps } = this;
    const trains = gamma === 1 && upperBound && awakeSteps + (awake ? steps : 0) <= MOST_TRAIN_STEPS;
    if (!(trains && membrane instanceof Int32Array && currents instanceof Int32Array)) {
      for (let at = 0; at < currents.length; at += size) {
        spikes.set(this.step(currents.subarray(at, at + size), phase), at);
      }
      return spikes;
    }
    try {
      addon().trainNeurons({ membrane, count, currents, spikes, threshold, negative, awake, awakeSteps, isa });
    } catch (error) {
      throw toCascError(error);
    }
    if (awake) this.awakeSteps += steps;
    return spikes;
  }
}
