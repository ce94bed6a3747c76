/**
 * Mode 'rest': by the loss-free theorem the quantised ANN's answer is the spiking net's at rest, so the integer oracle alone
 * gives it, without a step of time.
 */
import { positions } from '../datasets/selection';
import { argumentError, CascError } from '../errors';
import type { PlanFormat } from '../native';
import type { Schedule, ScheduleOptions } from './schedule';
import type { Certificate } from './simulation';

export interface RestOptions extends ScheduleOptions {
  /**
   * The outputs and counts at rest, computed as the quantised ANN: no step, no spike. Only where the loss-free theorem holds:
   * fixed point, the CIF neuron with its bounds, sleep 'auto'.
   */
  mode: 'rest';
  /** Share of the images, above 0 up to 1, evenly spread, that are simulated in full and compared at every neuron. Default: none. */
  verify?: number;
  /** Worker threads, 1 to 256. Default: all hardware threads. */
  threads?: number;
  /** Return the spike counts of every neuron. */
  counts?: boolean;
  signal?: AbortSignal;
}

/** Computed without the transient: what only a simulation has is null. */
export interface RestResult {
  mode: 'rest';
  images: number;
  schedule: Schedule;
  /** Readout accumulated until rest (not divided), [images × outputs]. */
  accumulated: Float32Array;
  /** The net's outputs at rest, tail included: one per output of the ONNX file, [images × numel]. */
  outputs: Float32Array[];
  /** Net spike counts by neuron layer, [images × numel] in C×H×W order, if asked for. */
  counts: Record<string, Int32Array> | null;
  /** Of the images that were simulated in full, with `verify`. */
  certificate: Certificate | null;
  steps: null;
  sleepSteps: null;
  quietSteps: null;
  atRest: null;
  phases: null;
  spikes: null;
  layerSpikes: null;
  synapticOperations: null;
  imageOperations: null;
  hash: null;
  profile: null;
  raster: null;
}

/** What stands in the place of a simulation's figures. */
export const WITHOUT_TRANSIENT = {
  steps: null,
  sleepSteps: null,
  quietSteps: null,
  atRest: null,
  phases: null,
  spikes: null,
  layerSpikes: null,
  synapticOperations: null,
  imageOperations: null,
  hash: null,
  profile: null,
  raster: null,
} as const;

/** Options that ask for what only a simulation has. */
const OF_A_SIMULATION = ['everyStep', 'profile', 'oracle', 'certify', 'raster'] as const;

interface Given {
  mode?: unknown;
  verify?: unknown;
}

/** Whether mode 'rest' is asked for. Throws ERR_CASC_ARGUMENT naming the option that does not go with the mode. */
export function isRest(options: Given): boolean {
  const { mode = 'full', verify } = options;
  if (mode !== 'full' && mode !== 'rest') throw argumentError('mode', '"full" or "rest"', mode);
  if (mode === 'full') {
    if (verify !== undefined) throw mismatch('verify', 'full', 'simulates every image anyhow: use certify');
    return false;
  }
  for (const option of OF_A_SIMULATION) {
    const value = (options as Record<string, unknown>)[option];
    if (value !== undefined && value !== false) {
      throw mismatch(option, 'rest', `simulates no steps${option === 'certify' ? ': use verify' : ''}`);
    }
  }
  if (verify !== undefined && !(typeof verify === 'number' && verify > 0 && verify <= 1)) {
    throw argumentError('verify', 'a share of the images above 0, up to 1', verify);
  }
  return true;
}

function mismatch(option: string, mode: string, reason: string): CascError {
  return new CascError('ERR_CASC_ARGUMENT', `${option} does not go with mode "${mode}", which ${reason}`, { option });
}

/** Throws ERR_CASC_ARGUMENT where the theorem does not promise that the net comes to rest as its quantised ANN. */
export function checkTheorem(schedule: Schedule, format: PlanFormat): void {
  const reason = whyNot(schedule, format);
  if (reason === null) return;
  throw new CascError(
    'ERR_CASC_ARGUMENT',
    `mode "rest" answers by the loss-free theorem, which does not hold ${reason}; or simulate, with mode "full"`,
    { option: 'mode' },
  );
}

function whyNot({ lossFree, neuron, gamma, upper, sleep }: Schedule, format: PlanFormat): string | null {
  if (format === 'float32') return 'in float32, where sums are rounded: use format int8 or int16';
  if (sleep === 0) return 'without sleep: use sleep "auto"';
  if (!lossFree) {
    const bound = upper ? '' : ', no upper bound';
    return `for neuron ${neuron} with gamma ${gamma}${bound}: use neuron cif with gamma 1`;
  }
  if (sleep > 0) return `for a sleep of ${sleep} steps, which may be too short: use sleep "auto"`;
  return null;
}

/** Positions of the images to verify: ceil(share · count), evenly spread, the same every time. */
export function verifiedImages(count: number, share: number): number[] {
  return positions(count, Math.ceil(share * count), true);
}

/** The images at these positions, one after the other. */
export function gather(images: Float32Array, size: number, at: readonly number[]): Float32Array {
  const chosen = new Float32Array(at.length * size);
  at.forEach((position, i) => {
    chosen.set(images.subarray(position * size, (position + 1) * size), i * size);
  });
  return chosen;
}
