/** The schedule of a run: which neuron, how many awake steps, when and how long to sleep (DESIGN: WSC). */
import { argumentError } from '../errors';
import type { NativeSchedule, PlanFormat } from '../native';
import type { Step } from './simulation';

export type NeuronModel = 'cif' | 'if' | 'signed' | 'burst';

export interface ScheduleOptions {
  /** Neuron of the family: cif (loss-free, default), or a baseline of the literature. */
  neuron?: NeuronModel;
  /** Most spikes in one step, 1 to 127. Default: the neuron's (1; burst 5). More than 1 is not loss-free. */
  gamma?: number;
  /** Initial membrane φ in units of θ, 0 ≤ φ < 1. Default: what the net was quantised with. */
  shift?: number;
  /** Whether a neuron may not fire more often than there were awake steps. Default: the neuron's. */
  upperBound?: boolean;
  /** Awake steps T. Default: the net's levels, which is what makes spike counts equal its activations. */
  wake?: number;
  /** Steps of each sleep phase, or 'auto' (default): until no neuron fires in a whole step. */
  sleep?: number | 'auto';
  /** Sleep after every `margin` awake steps and after the last. Default: wake. */
  margin?: number;
  /**
   * A neuron layer at depth l integrates from the start but fires only from step ⌊stagger·l⌋ on: fewer spikes have to be
   * taken back, and the run takes more steps. Stays loss-free. Default 0.
   */
  stagger?: number;
}

export interface Schedule extends NativeSchedule {
  readonly neuron: NeuronModel;
  /** True for the CIF neuron with its bounds and with sleep: equal to the quantised ANN, in float32 up to rounding. */
  readonly consistent: boolean;
  /**
   * True where the theorem promises spike counts equal to the ANN's quantised at `wake` levels, once all neurons rest: a
   * fixed sleep may be too short for that.
   */
  readonly lossFree: boolean;
  /** What a user should know: T ≠ Q, a neuron that is not loss-free. */
  readonly notes: readonly string[];
}

const MODELS: Record<NeuronModel, { gamma: number; negative: boolean; upper: boolean }> = {
  cif: { gamma: 1, negative: true, upper: true },
  if: { gamma: 1, negative: false, upper: false },
  signed: { gamma: 1, negative: true, upper: false },
  burst: { gamma: 5, negative: false, upper: true },
};

/** Auto sleep of float32 and of the baselines, which has no proved bound, ends here. */
const CAP_WITHOUT_BOUND = 1000;
/** What the engine counts in. */
const MOST_AWAKE = 65_536;
const MOST_SLEEP = 1_000_000;
const MOST_STAGGER = 1000;

/**
 * Defaults and checks. `depth` is the number of neuron layers on the longest path.
 * Throws ERR_CASC_ARGUMENT naming the option.
 */
export function resolveSchedule(
  options: ScheduleOptions,
  net: { levels: number; format: PlanFormat; depth: number; metadata?: { shift?: number } },
): Schedule {
  const neuron = options.neuron ?? 'cif';
  const model = MODELS[neuron];
  if (!model) throw argumentError('neuron', 'one of cif, if, signed, burst', options.neuron);
  const whole = (name: 'gamma' | 'wake' | 'margin' | 'sleep', from: number, to: number, fallback: number) => {
    const value = options[name] ?? fallback;
    if (!Number.isInteger(value) || (value as number) < from || (value as number) > to) {
      throw argumentError(name, `a whole number from ${from} to ${to}${name === 'sleep' ? ' or "auto"' : ''}`, value);
    }
    return value as number;
  };
  const gamma = whole('gamma', 1, 127, model.gamma);
  const wake = whole('wake', 1, MOST_AWAKE, net.levels);
  const margin = whole('margin', 1, wake, wake);
  const auto = options.sleep === undefined || options.sleep === 'auto';
  const sleep = auto ? -1 : whole('sleep', 0, MOST_SLEEP, 0);
  const { shift = null } = options;
  if (shift !== null && !(shift >= 0 && shift < 1)) throw argumentError('shift', 'a number from 0 up to 1', shift);
  const { stagger = 0 } = options;
  if (!(stagger >= 0 && stagger <= MOST_STAGGER)) {
    throw argumentError('stagger', `a number from 0 to ${MOST_STAGGER}`, stagger);
  }
  const upper = options.upperBound ?? model.upper;

  // Steps of sleep before the last layer may fire; the bound on sleep counts from there.
  const waiting = Math.max(0, Math.floor(stagger * (net.depth - 1)) - margin);
  const bounded = gamma === 1 && model.negative && upper;
  const exact = net.format !== 'float32';
  const notes: string[] = [];
  if (!bounded) notes.push(`neuron ${describe(neuron, gamma, upper)} is not loss-free: a baseline for comparison`);
  if (wake !== net.levels) {
    notes.push(
      `${wake} awake steps on a net of ${net.levels} levels: the spiking net computes the net quantised at ${wake} levels, which is not the one that was calibrated`,
    );
  }
  if (shift !== null && shift !== net.metadata?.shift) {
    notes.push(
      `membranes start at ${shift} of the threshold instead of ${net.metadata?.shift ?? 'what the file has'}: the spiking net computes the net quantised with that shift, which is not the one that was calibrated`,
    );
  }
  if (sleep === 0) notes.push('without sleep the readout is approximate');
  return {
    neuron,
    gamma,
    negative: model.negative,
    upper,
    shift,
    wake,
    margin,
    sleep,
    cap: Math.min(MOST_SLEEP, waiting + (bounded && exact ? (net.depth - 1) * wake + 1 : CAP_WITHOUT_BOUND)),
    stagger,
    consistent: bounded && sleep !== 0,
    lossFree: bounded && exact && sleep !== 0,
    notes,
  };
}

/** The steps of a run that sleeps so long in each of its phases. */
export function stepsOf({ wake, margin }: Pick<Schedule, 'wake' | 'margin'>, sleep: ArrayLike<number>): Step[] {
  const steps: Step[] = [];
  for (let phase = 0; phase < sleep.length; phase++) {
    const last = Math.min(wake, (phase + 1) * margin);
    for (let awake = phase * margin + 1; awake <= last; awake++) steps.push({ wake: awake, sleep: 0 });
    for (let asleep = 1; asleep <= sleep[phase]!; asleep++) steps.push({ wake: last, sleep: asleep });
  }
  return steps;
}

function describe(neuron: NeuronModel, gamma: number, upper: boolean): string {
  const model = MODELS[neuron];
  const changes = [
    gamma !== model.gamma ? `gamma ${gamma}` : '',
    upper !== model.upper ? `upper bound ${upper ? 'on' : 'off'}` : '',
  ].filter(Boolean);
  return changes.length > 0 ? `${neuron} (${changes.join(', ')})` : neuron;
}
