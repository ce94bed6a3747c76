/** The synapses of one convolution without a network around it: for study, and for benchmarks of the kernels. */
import { argumentError, CascError } from '../errors';
import type { Shape, Window } from '../graph/network';
import { addon, type NativeSynapses, type SynapsePath, toCascError } from '../native';

export interface SynapsesOptions {
  /** One step's spikes. A Gemm has h = w = 1. */
  input: Shape;
  /** [M, C, kh, kw] in C order, where C = input.c. */
  weights: Int8Array;
  /** [kh, kw]. Default [1, 1]. M follows from it and the number of weights. */
  kernel?: readonly [number, number];
  /** Down and right. Default [1, 1]. */
  strides?: readonly [number, number];
  /** Top, left, bottom, right; zeros. Default none. */
  pads?: readonly [number, number, number, number];
  /** Down and right. Default [1, 1]. */
  dilations?: readonly [number, number];
  /**
   * How the currents are computed. `scatter`: every spike adds its weight row to 32-bit sums. `rows`: the weight rows of a pixel's
   * spikes are summed in 16-bit registers first (stride 1 only). `dense`: 8-bit products of all inputs, spikes or not.
   */
  path: SynapsePath;
  /** Instruction set, by name. Default: the best one, or CASC_ISA. */
  isa?: string;
}

/** What a repetition took and did; rates are quotients, such as `additions / seconds`. */
export interface SynapseTime {
  /** Of one repetition, in the fastest batch. */
  seconds: number;
  /** Measured repetitions. */
  repetitions: number;
  /** Additions that the spikes of one repetition cause (one per spike and output it reaches), whichever way they are computed. */
  additions: number;
  /** Multiply-adds of a dense product of the steps that have spikes. */
  macs: number;
}

/** The engine's own limits (native/engine/spiking/check.cc). */
const MOST_SIZE = 2 ** 26;
const MOST_WINDOW = 65_536;
const MOST_SECONDS = 60;

/**
 * A convolution of spikes with int8 weights, computed by the engine's kernels on a path of your choice.
 *
 * @example
 * // A 2×2 kernel of ones over a 3×3 image with a spike in its middle.
 * const synapses = new Synapses({
 *   input: { c: 1, h: 3, w: 3 },
 *   weights: new Int8Array(4).fill(1),
 *   kernel: [2, 2],
 *   path: 'rows',
 * });
 * synapses.currents(Int8Array.of(0, 0, 0, 0, 1, 0, 0, 0, 0)); // Int32Array [1, 1, 1, 1]
 * synapses.dispose();
 */
export class Synapses {
  readonly input: Shape;
  /** One step's currents. */
  readonly output: Shape;
  readonly path: SynapsePath;
  private readonly native: NativeSynapses;

  /**
   * Throws ERR_CASC_ARGUMENT naming the option; ERR_CASC_UNSUPPORTED where the path cannot compute this convolution, saying
   * why; ERR_CASC_ISA.
   */
  constructor(options: SynapsesOptions) {
    const { weights, path, isa } = options;
    const { c, h, w } = checkedShape(options.input);
    const window: Window = {
      kernel: checkedList('kernel', options.kernel ?? [1, 1], 1) as [number, number],
      strides: checkedList('strides', options.strides ?? [1, 1], 1) as [number, number],
      pads: checkedList('pads', options.pads ?? [0, 0, 0, 0], 0, 4) as [number, number, number, number],
      dilations: checkedList('dilations', options.dilations ?? [1, 1], 1) as [number, number],
    };
    if (path !== 'scatter' && path !== 'rows' && path !== 'dense') {
      throw argumentError('path', "'scatter', 'rows' or 'dense'", path);
    }
    if (isa !== undefined && typeof isa !== 'string') throw argumentError('isa', 'the name of an instruction set', isa);
    const each = c * window.kernel[0] * window.kernel[1];
    if (!(weights instanceof Int8Array)) throw argumentError('weights', 'an Int8Array', weights);
    if (weights.length === 0 || weights.length % each !== 0) {
      throw argumentError('weights', `a whole number of outputs of ${each} weights each`, weights);
    }
    this.input = { c, h, w };
    this.output = {
      c: weights.length / each,
      h: outputSize(window, 0, h),
      w: outputSize(window, 1, w),
    };
    this.path = path;
    try {
      this.native = new (addon().Synapses)({ input: this.input, output: this.output, weights, window, path, isa });
    } catch (error) {
      throw toCascError(error);
    }
  }

  /** Instruction set that the kernels use. */
  get isa(): string {
    return this.native.isa;
  }

  /**
   * The currents of spikes −1, 0 or 1: [steps, C, H, W] → [steps, M, oh, ow]. Exact, and the same on every path and instruction
   * set. Throws ERR_CASC_ARGUMENT, ERR_CASC_DISPOSED.
   */
  currents(spikes: Int8Array): Int32Array {
    checkSpikes(spikes);
    try {
      return this.native.currents(spikes);
    } catch (error) {
      throw toCascError(error);
    }
  }

  /**
   * Repeats what a simulation does for this layer (its lists, byte planes and sums, all steps together) on spikes that are laid out
   * already, for about `seconds` (above 0, at most 60; default 0.25), on this thread, which waits.
   * Throws ERR_CASC_ARGUMENT, ERR_CASC_DISPOSED.
   */
  time(spikes: Int8Array, { seconds = 0.25 }: { seconds?: number } = {}): SynapseTime {
    checkSpikes(spikes);
    if (spikes.length === 0) throw argumentError('spikes', 'at least one step', spikes);
    checkSeconds(seconds);
    try {
      return this.native.time(spikes, seconds);
    } catch (error) {
      throw toCascError(error);
    }
  }

  /** Frees the native memory; calls after it throw ERR_CASC_DISPOSED. */
  dispose(): void {
    this.native.dispose();
  }

  /**
   * What an instruction set can do at best on this machine, measured for about `seconds`: 16-bit additions of 8-bit weights from the
   * first-level cache, and 8-bit multiply-adds in registers, a second. Throws ERR_CASC_ARGUMENT, ERR_CASC_ISA.
   */
  static roofs({ isa, seconds = 0.25 }: { isa?: string; seconds?: number } = {}): { additions: number; macs: number } {
    if (isa !== undefined && typeof isa !== 'string') throw argumentError('isa', 'the name of an instruction set', isa);
    checkSeconds(seconds);
    try {
      return addon().roofs(isa, seconds);
    } catch (error) {
      throw toCascError(error);
    }
  }
}

function checkedShape(shape: Shape): Shape {
  if (typeof shape !== 'object' || shape === null) throw argumentError('input', '{ c, h, w }', shape);
  const { c, h, w } = shape;
  for (const [name, size] of Object.entries({ c, h, w })) {
    if (!isWhole(size, 1, MOST_SIZE)) throw argumentError(`input.${name}`, 'a whole number, at least 1', size);
  }
  return { c, h, w };
}

function checkedList(name: string, list: readonly number[], least: number, length = 2): readonly number[] {
  if (!Array.isArray(list) || list.length !== length || !list.every((n) => isWhole(n, least, MOST_WINDOW))) {
    throw argumentError(name, `${length} whole numbers from ${least} to ${MOST_WINDOW}`, list);
  }
  return [...list];
}

function isWhole(n: unknown, least: number, most: number): boolean {
  return Number.isInteger(n) && (n as number) >= least && (n as number) <= most;
}

function outputSize({ kernel, strides, pads, dilations }: Window, axis: 0 | 1, size: number): number {
  const padded = size + pads[axis] + pads[axis + 2]!;
  const extent = (kernel[axis] - 1) * dilations[axis] + 1;
  if (padded >= extent) return Math.floor((padded - extent) / strides[axis]) + 1;
  throw new CascError(
    'ERR_CASC_ARGUMENT',
    `the kernel reaches over ${extent} ${axis === 0 ? 'rows' : 'columns'} but the padded input has ${padded}`,
    { option: 'kernel' },
  );
}

function checkSpikes(spikes: Int8Array): void {
  if (!(spikes instanceof Int8Array)) throw argumentError('spikes', 'an Int8Array', spikes);
}

function checkSeconds(seconds: number): void {
  if (!(typeof seconds === 'number' && seconds > 0 && seconds <= MOST_SECONDS)) {
    throw argumentError('seconds', `a number above 0, at most ${MOST_SECONDS}`, seconds);
  }
}
