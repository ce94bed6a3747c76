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
  private readonly options: Required<Omit<PopulationOptions, 'isa'>> & { isa?: string };
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
    if (type === 'int32') this.membrane = new Int32Array(size).fill(Math.floor(shift * threshold));
    else this.membrane = new Float32Array(size).fill(shift * threshold);
    this.count = new Int32Array(size);
    this.spikes = new Int8Array(size);
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
}
