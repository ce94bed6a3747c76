/** What evaluate takes and gives. */
import type { Network } from '../graph';
import type { Divergence, ScheduleOptions, Step } from '../simulate';

export interface EvaluateOptions extends ScheduleOptions {
  /** The original fp32 net, evaluated on the same images. */
  ann?: string | Network;
  /**
   * Images whose every neuron is compared with the quantised ANN: 'all', 'none', or the first n. Default: all for the CIF
   * neuron with its bounds and with sleep (a certificate in fixed point, a measurement in float32), else none.
   */
  certify?: 'all' | 'none' | number;
  /** Images simulated at a time. Default 32. Does not change any figure. */
  batchSize?: number;
  threads?: number;
  signal?: AbortSignal;
  /** Called after every batch. */
  onProgress?: (progress: { done: number; total: number; top1: number }) => void;
}

/** Shares of images, 0 to 1. */
export interface Accuracy {
  top1: number;
  top5: number;
}

export interface Evaluation {
  /** What was evaluated. */
  model: { file: string; hash: string; format: string; levels: number; isa: string };
  data: string;
  images: number;
  ann?: Accuracy & { file: string };
  /** The quantised ANN (at `levels` levels: the awake steps), from the integer oracle. */
  quantized: Accuracy & { levels: number };
  snn: Accuracy & { top1PerStep: (Step & { top1: number })[] };
  /** The certificate. `certified`: no image differed, at any neuron or in the readout. */
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
  notes: string[];
}
