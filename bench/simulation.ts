/** Our side: the SNN simulated to exact rest, with what a run that is not timed says of it. */
import type { ScheduleOptions, SimulationResult, SpikingNetwork } from 'casc-snn';
import type { Prepared } from './prepared';

/** How the SNN answers: simulated with a stagger, or by the integer oracle alone. */
export type Mode = number | 'rest';

export const modeName = (mode: Mode) => (mode === 'rest' ? 'rest' : `stagger ${mode}`);

/** One untraced answer; what both modes have in common. */
export function answer(
  snn: SpikingNetwork,
  pixels: Float32Array,
  count: number,
  mode: Mode,
  threads: number,
): Promise<{ outputs: Float32Array[] }> {
  if (mode === 'rest') return snn.simulate(pixels, count, { mode, threads });
  return snn.simulate(pixels, count, { ...toRest(mode), threads });
}

const toRest = (stagger: number): ScheduleOptions => ({ sleep: 'auto', stagger });

export interface Facts {
  outputs: Float32Array;
  /** Of every neuron, or in mode rest of every output against those of the simulation. */
  certificate: { certified: boolean; checked: number; mismatches: number };
  /** All of these are of the simulation: null in mode rest. */
  simulation: {
    steps: { wake: number; sleep: { mean: number; max: number } };
    spikes: { positive: number; negative: number };
    /** Spikes per neuron and wake step. */
    rate: { positive: number; negative: number };
    synapticOperations: number;
    /** Additions that spikes caused over the multiply-adds of one dense pass through the layers that spikes feed. */
    additionsPerMac: number;
  } | null;
}

/** Runs the timed images once with the integer oracle. */
export async function certify(snn: SpikingNetwork, { images, one }: Prepared, stagger: number): Promise<Facts> {
  const { batch } = one;
  const result = await snn.simulate(images.pixels, batch, { ...toRest(stagger), certify: true });
  const { checkedNeurons: checked, mismatches } = result.certificate!;
  const { spikes, synapticOperations, schedule } = result;
  const sleep = [...result.sleepSteps];
  const neuronSteps = batch * neurons(snn) * schedule.wake;
  const { total, input } = snn.denseMacs;
  return {
    outputs: result.outputs[0]!,
    certificate: { certified: mismatches === 0 && atRest(result), checked, mismatches },
    simulation: {
      steps: {
        wake: schedule.wake,
        sleep: { mean: sleep.reduce((a, b) => a + b, 0) / batch, max: Math.max(...sleep) },
      },
      spikes,
      rate: { positive: spikes.positive / neuronSteps, negative: spikes.negative / neuronSteps },
      synapticOperations,
      additionsPerMac: synapticOperations / (batch * (total - input)),
    },
  };
}

/** Runs the timed images once in mode rest; `simulated` is what must come out. */
export async function checkRest(snn: SpikingNetwork, { images, one }: Prepared, simulated: Facts): Promise<Facts> {
  const result = await answer(snn, images.pixels, one.batch, 'rest', 2);
  const outputs = result.outputs[0]!;
  const mismatches = outputs.filter((value, i) => value !== simulated.outputs[i]).length;
  const certified = mismatches === 0 && simulated.certificate.certified;
  return { outputs, certificate: { certified, checked: outputs.length, mismatches }, simulation: null };
}

function atRest({ atRest, schedule }: SimulationResult): boolean {
  return atRest.every(Boolean) && schedule.lossFree;
}

function neurons({ converted }: SpikingNetwork): number {
  const layers = converted.plan.layers.filter(({ kind }) => kind === 'neuron');
  return layers.reduce((sum, { c, h, w }) => sum + c * h * w, 0);
}
