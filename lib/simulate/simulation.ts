/** What a simulation takes and gives. */
import type { PhaseProfile, WorkingBytes } from '../native';
import type { LayerRaster, RasterOptions } from './raster';
import type { Schedule, ScheduleOptions } from './schedule';

/** Time of a network: awake steps so far, and sleep steps of the sleep phase it is in (0 while awake). */
export interface Step {
  wake: number;
  sleep: number;
}

export interface SimulateOptions extends ScheduleOptions {
  /** 'full' (default): every step is simulated. For 'rest' see RestOptions. */
  mode?: 'full';
  /** Worker threads, 1 to 256. Default: all hardware threads. */
  threads?: number;
  /** Return the readout after every step instead of only the last. */
  everyStep?: boolean;
  /** Return the spike counts of every neuron. */
  counts?: boolean;
  /** Return where time, spikes and additions went, by layer, awake and asleep. */
  profile?: boolean;
  /** Also run the quantised ANN (dense, no neurons, no time). */
  oracle?: boolean;
  /**
   * Compare every neuron's spike count and the readout with the quantised ANN: of all images, or of the first n.
   * Implies oracle.
   */
  certify?: boolean | number;
  /** Return when some neurons of each layer fired, of the first image. */
  raster?: RasterOptions;
  signal?: AbortSignal;
}

/** Where a simulation's time, spikes and additions went. */
export interface Profile {
  /** In order of execution, layers without neurons too. */
  layers: LayerProfile[];
  /** The most that a thread held, in bytes; see SpikingNetwork.memory for its bound. */
  workingBytes: WorkingBytes;
}

/** Sums over all images and threads. */
export interface LayerProfile {
  layer: string;
  wake: PhaseProfile;
  sleep: PhaseProfile;
}

export interface Divergence {
  layer: string;
  /** Position in the layer's C×H×W values. */
  neuron: number;
  /** Position of the image in the batch. */
  image: number;
  snnCount: number;
  annCount: number;
  /** When the neuron last fired; null if it never did. */
  lastSpike: Step | null;
}

/** SNN and quantised ANN compared, neuron by neuron. */
export interface Certificate {
  /** How many images were simulated and compared. */
  images: number;
  checkedNeurons: number;
  mismatches: number;
  failedImages: number;
  /** Lowest image, then layer, then neuron. */
  first: Divergence | null;
  /** In the order of the images. */
  byImage: ImageCertificate[];
}

export interface ImageCertificate {
  checked: number;
  mismatches: number;
  first: Omit<Divergence, 'image'> | null;
}

export interface SimulationResult {
  mode: 'full';
  images: number;
  schedule: Schedule;
  /** One entry per step of the batch, aligned; images that came to rest earlier carry their readout forward. */
  steps: Step[];
  /** Sleep steps of each image in its last sleep phase, the silent one included. */
  sleepSteps: Int32Array;
  /** Of these, the steps through the first silent one (all of them where none was silent). */
  quietSteps: Int32Array;
  /** Whether each image was at rest at the end. */
  atRest: boolean[];
  /** Sleep steps of each image in each sleep phase, and whether it was at rest then, [images × phases]. */
  phases: { count: number; sleepSteps: Int32Array; atRest: Uint8Array };
  /**
   * Readout accumulated over the steps (not divided), [images × steps × outputs], or [images × outputs] without everyStep.
   * For a net with an analogue tail: what the tail reads.
   */
  accumulated: Float32Array;
  /** The net's outputs after the last step, tail included: one per output of the ONNX file, [images × numel]. */
  outputs: Float32Array[];
  /** The quantised ANN's outputs, if asked for. */
  oracle: Float32Array[] | null;
  /** Net spike counts by neuron layer, [images × numel] in C×H×W order, if asked for. */
  counts: Record<string, Int32Array> | null;
  spikes: { positive: number; negative: number };
  /** Spikes per image and neuron layer, [images × layers]. */
  layerSpikes: { layers: string[]; positive: Float64Array; negative: Float64Array };
  /** Additions that spikes caused, all images. */
  synapticOperations: number;
  /** The same by image, in awake steps and in sleep steps. */
  imageOperations: { wake: Float64Array; sleep: Float64Array };
  /** One 64-bit hash per image over (layer, neuron, step, sign) of all its spikes; equal on every machine in fixed point. */
  hash: BigUint64Array;
  /** If asked for. */
  profile: Profile | null;
  certificate: Certificate | null;
  /** Of the first image, by neuron layer, if asked for. */
  raster: LayerRaster[] | null;
}

/** Native memory of a spiking network, in bytes. Beside it lie the ONNX file's weights in JavaScript, and the analogue tail. */
export interface MemoryBound {
  /** Packed weights and tables, shared by all threads. */
  plan: number;
  /**
   * What a thread holds at most: planes of spikes of all steps, membranes, counts, sums, event lists. `oracle` comes on top where
   * there is a certificate, and stands alone in mode 'rest'.
   */
  perThread: WorkingBytes;
  /** Of each image of a batch: the copy of the input, and the readout after the last step. */
  perImage: number;
}
