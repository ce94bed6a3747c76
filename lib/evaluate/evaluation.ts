/** What evaluate takes and gives. */
import type { Network } from '../graph';
import type { Divergence, NeuronModel, Profile, ScheduleOptions, Step } from '../simulate';
import type { EnergyPrices } from './energy';
import type { JournalHeader, Shard } from './header';
import type { RunRaster } from './record';
import type { Interval } from './wilson';

interface CommonOptions extends ScheduleOptions {
  /** The original fp32 net, evaluated on the same images. */
  ann?: string | Network;
  /** Images simulated at a time. Default: up to 32, fewer where images, or readouts after every step, are large, or steps take long. Changes no figure. */
  batchSize?: number;
  threads?: number;
  /**
   * A file that every image's record is appended to as soon as it is known. Where it exists already its images are not evaluated
   * again; ERR_CASC_JOURNAL where it is of another model, data set, setting or version.
   */
  journal?: string;
  /** Only every `of`-th image, from the `index`-th on, 1 ≤ index ≤ of. */
  shard?: Shard;
  /** Energy of an operation. Default: 45 nm CMOS at 32 bits. */
  energy?: EnergyPrices;
  /** Ends as soon as possible; rejects with the signal's reason. What the journal has stays. */
  signal?: AbortSignal;
  /** Ends after the batch in hand; the figures are then of the images so far. */
  stop?: AbortSignal;
  /** Called after every batch. */
  onProgress?: (progress: EvaluateProgress) => void;
}

export interface EvaluateProgress {
  /** Images that have a record. */
  done: number;
  total: number;
  /** Of `done`, those that the journal had at the start. */
  resumed: number;
  /** Of `done`, those that could not be read. */
  skipped: number;
  /** Of a classifier's spiking net, so far. */
  top1?: number;
  /** Of a detector's, so far, renewed now and then: AP at an overlap of 0.5, as the area under the curve. */
  ap50?: number;
}

export interface EvaluateOptions extends CommonOptions {
  /** 'full' (default): every step is simulated. For 'rest' see RestEvaluateOptions. */
  mode?: 'full';
  /**
   * Images whose every neuron is compared with the quantised ANN: 'all', 'none', or the first n. Default: all for the CIF
   * neuron with its bounds and with sleep (a certificate in fixed point, a measurement in float32), else none.
   */
  certify?: 'all' | 'none' | number;
  /** Say where time, spikes and additions went, by layer, awake and asleep. Not with a journal. */
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

/** Shares of images, 0 to 1, with the 95 % Wilson interval of each. */
export interface Accuracy {
  top1: number;
  top5: number;
  interval: { top1: Interval; top5: Interval };
}

/** Mean, quantiles (nearest rank) and greatest of a whole number. */
export interface Distribution {
  mean: number;
  p50: number;
  p95: number;
  max: number;
}

/** What every evaluation has, whatever the task and the mode. */
export interface EvaluationFrame {
  /** Of the package. */
  version: string;
  /** What was evaluated. */
  model: { file: string; hash: string; format: string; levels: number; isa: string };
  data: string;
  /** Images that were evaluated. */
  images: number;
  /** Images that were to be: more than `images` and `skipped` together where the evaluation was stopped. */
  selected: number;
  /** Images that could not be read, in order. */
  skipped: { id: string; code: string; message: string }[];
  /** Only where the figures are of one shard. */
  shard?: Shard;
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
  schedule: Omit<JournalHeader['settings']['schedule'], 'neuron'> & { neuron: NeuronModel };
  scaling: Record<string, unknown>;
  machine: JournalHeader['machine'];
  /** Simulation, oracle and certificate together, of one process; decoding of images runs beside it. */
  throughput: { imagesPerSecond: number };
  notes: string[];
}

/** What a simulation has, and the computation of the answers at rest has not. */
export interface TransientFigures {
  steps: {
    wake: number;
    /** Of the last sleep phase. */
    sleep: Distribution;
    /** Steps of the whole run until every neuron is at rest, of the images that come to rest; null where none does. */
    toRest: (Distribution & { histogram: { steps: number; images: number }[] }) | null;
    notAtRest: number;
  };
  /** Of all images together. The hash is over layer, neuron, step and sign of every spike, and the image's place. */
  spikes: { positive: number; negative: number; hash: string };
  /** Neuron layers in order of execution. */
  layers: {
    name: string;
    neurons: number;
    /** Spikes of all images together. */
    positive: number;
    negative: number;
    /** Spikes of either sign per neuron and step. */
    firingRate: number;
  }[];
  /** Additions caused by spikes, and multiply-adds of the dense ANN and of its first layer; all per image. */
  operations: { synaptic: number; wake: number; sleep: number; denseMacs: number; firstLayerMacs: number };
  /** Joules per image. */
  energy: {
    /** additions · addition + first layer's multiply-adds · multiplyAdd. */
    snn: number;
    /** Dense multiply-adds · multiplyAdd. */
    ann: number;
    prices: EnergyPrices;
    /** What is counted and what is not, in words. */
    counted: string;
  };
  /** Of the first image that could be read; null where no record at hand has it. */
  raster: EvaluationRaster | null;
}

/** When some neurons of each layer fired: up to 8 of a layer and, of deep nets, fewer, evenly chosen from those that fired. */
export interface EvaluationRaster extends RunRaster {
  /** Its id. */
  image: string;
  /** Its sleep steps by phase: with the schedule they say when it slept. */
  sleep: number[];
}

/** What stands in its place in mode 'rest'. */
export interface WithoutTransient {
  steps: null;
  spikes: null;
  layers: null;
  operations: { synaptic: null; wake: null; sleep: null; denseMacs: number; firstLayerMacs: number };
  energy: Omit<TransientFigures['energy'], 'snn'> & { snn: null };
  raster: null;
}

/** One step of the simulation, over all images. An image whose phase ended earlier carries its answer forward. */
export interface StepAccuracy extends Step {
  top1: number;
  top5: number;
}

/** The end of a sleep phase: at rest, the answer of the net quantised at `wake` levels. */
export interface AnytimePoint extends Accuracy {
  /** Awake steps so far: the level. */
  wake: number;
  /** Steps so far, awake and asleep, of an image; mean. */
  steps: number;
  /** Images that were not at rest then. */
  notAtRest: number;
}

/** What is known of a classifier. */
export interface ClassificationFigures {
  task: 'classification';
  ann?: Accuracy & { file: string; hash: string };
  /** The quantised ANN (at `levels` levels: the awake steps), from the integer oracle. */
  quantized: Accuracy & { levels: number };
  snn: Accuracy & {
    /** Null in mode 'rest'. */
    top1PerStep: StepAccuracy[] | null;
    /** One point for each sleep phase; null without sleep, and in mode 'rest'. */
    anytime: AnytimePoint[] | null;
  };
  /** Shares of the images whose first class is the same. */
  agreement: { quantizedSnn: number; annQuantized?: number; annSnn?: number };
  /** Images on which any two of the nets differ, in order; classes, −1 where outputs were NaN. */
  disagreeing: { id: string; label: number; ann?: number; quantized: number; snn: number }[];
  /** How often the SNN answered what, where it ever did; by label, then answer. */
  confusion: { label: number; answer: number; images: number }[];
  classNames: string[] | null;
}

export interface Evaluation extends EvaluationFrame, ClassificationFigures, TransientFigures {
  mode: 'full';
  snn: ClassificationFigures['snn'] & { top1PerStep: StepAccuracy[] };
  /** If asked for. */
  profile?: Profile;
}

/** Computed without the transient: what only a simulation has is null. */
export interface RestEvaluation extends EvaluationFrame, ClassificationFigures, WithoutTransient {
  mode: 'rest';
  /** At rest: the quantised ANN's. */
  snn: ClassificationFigures['snn'] & { top1PerStep: null; anytime: null };
}
