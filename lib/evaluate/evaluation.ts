/** What evaluate takes and gives. */
import type { Network } from '../graph';
import type { Divergence, Profile, ScheduleOptions, Step } from '../simulate';

interface CommonOptions extends ScheduleOptions {
  /** The original fp32 net, evaluated on the same images. */
  ann?: string | Network;
  /** Images simulated at a time. Default 32. Does not change any figure. */
  batchSize?: number;
  threads?: number;
  signal?: AbortSignal;
  /** Called after every batch. */
  onProgress?: (progress: { done: number; total: number; top1: number }) => void;
}

export interface EvaluateOptions extends CommonOptions {
  /** 'full' (default): every step is simulated. For 'rest' see RestEvaluateOptions. */
  mode?: 'full';
  /**
   * Images whose every neuron is compared with the quantised ANN: 'all', 'none', or the first n. Default: all for the CIF
   * neuron with its bounds and with sleep (a certificate in fixed point, a measurement in float32), else none.
   */
  certify?: 'all' | 'none' | number;
  /** Say where time, spikes and additions went, by layer, awake and asleep. */
  profile?: boolean;
}

export interface RestEvaluateOptions extends CommonOptions {
  /**
   * The answers at rest, computed as the quantised ANN: no step, no spike. Only where the loss-free theorem holds: fixed point,
   * the CIF neuron with its bounds, sleep 'auto'.
   */
  mode: 'rest';
  /** Share of the images, above 0 up to 1, evenly spread, that are simulated in full and compared at every neuron. Default: none. */
  verify?: number;
}

/** Shares of images, 0 to 1. */
export interface Accuracy {
  top1: number;
  top5: number;
}

export interface Evaluation {
  mode: 'full';
  /** What was evaluated. */
  model: { file: string; hash: string; format: string; levels: number; isa: string };
  data: string;
  images: number;
  ann?: Accuracy & { file: string };
  /** The quantised ANN (at `levels` levels: the awake steps), from the integer oracle. */
  quantized: Accuracy & { levels: number };
  snn: Accuracy & { top1PerStep: (Step & { top1: number })[] };
  /**
   * The certificate. `certified`: no image differed, at any neuron or in the readout. In mode 'rest' `images` is how many were
   * simulated in full to verify it.
   */
  exact: {
    /** True where float32 was compared without being asked to: figures without a promise. */
    measured: boolean;
    certified: boolean;
    file: string;
    format: string;
    images: number;
    checkedNeurons: number;
    mismatches: number;
    first?: Omit<Divergence, 'image'> & { image: string };
  };
  steps: { wake: number; sleep: { mean: number; p95: number; max: number }; notAtRest: number };
  spikes: { positive: number; negative: number; hash: string };
  /** Additions caused by spikes, and multiply-adds of the dense ANN and of the first layer; all per image. */
  operations: { synaptic: number; denseMacs: number; firstLayerMacs: number };
  /** Simulation, oracle and certificate together; decoding of images runs beside it. */
  throughput: { imagesPerSecond: number };
  /** If asked for. */
  profile?: Profile;
  notes: string[];
}

/** Computed without the transient: what only a simulation has is null. */
export interface RestEvaluation
  extends Omit<Evaluation, 'mode' | 'snn' | 'steps' | 'spikes' | 'operations' | 'profile'> {
  mode: 'rest';
  /** At rest: the quantised ANN's. */
  snn: Accuracy & { top1PerStep: null };
  steps: null;
  spikes: null;
  operations: { synaptic: null; denseMacs: number; firstLayerMacs: number };
  /** Of the answers at rest, without their verification. */
  throughput: { imagesPerSecond: number };
}

/** What both modes have. */
export type CommonFigures = Pick<Evaluation, 'model' | 'data' | 'images' | 'ann' | 'throughput' | 'notes'>;
