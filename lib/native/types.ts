/** The native addon's whole surface, typed by hand. Nothing else in lib/ touches the addon. */
import type { NetworkNode, Shape, Window } from '../graph/network';

export interface AddonInfo {
  built: string[];
  found: string[];
  /** The instruction set in use. */
  isa: string;
  /** Hardware threads. */
  threads: number;
  /** What compiled the addon, with its version. */
  compiler: string;
  /** With which flags; empty where the build did not record them. Kernels choose their instruction set by themselves. */
  flags: string;
}

export interface NativeAbortFlag {
  abort(): void;
}

/* ---------------------------------------------------------------- the dense float pass */

/** Runs `nodes` in float32, no neurons, no time. Inputs of a node are indices into `nodes`. */
export interface DenseDescription {
  /** A node with op 'input' takes its values from the caller; several are possible (the tail has one per readout). */
  nodes: NetworkNode[];
  /** Indices of the nodes whose values are returned. */
  outputs: number[];
  /** Instruction set by name; default: the environment's. */
  isa?: string;
}

export interface DenseRunOptions {
  threads: number;
  /** Nodes whose values are counted into histograms instead of being returned (calibration). */
  observe?: number[];
  /** Also counts each channel of the observed nodes by itself. */
  channels?: boolean;
  abort?: NativeAbortFlag;
}

/**
 * Values of one node over all images. Positive values are counted by the upper 16 bits of their float32 pattern
 * (sign 0, 8 exponent bits, 7 mantissa bits): bin = bits >> 16, 0 ≤ bin < 32768; a bin is at most 1/128 wide, relative.
 */
export interface NativeHistogram {
  /** Counts of values > 0 by bin, length 32768. */
  positive: Float64Array;
  /** How many values were ≤ 0. */
  nonPositive: number;
  /** Largest and smallest value seen. */
  max: number;
  min: number;
  /** NaN or infinite values seen. */
  nonFinite: number;
}

/**
 * Values > 0 of one node, channel by channel, in bins as those of NativeHistogram. Of a channel only the bins of the eight
 * octaves up to its largest value are kept; smaller values are not counted.
 */
export interface NativeChannelHistogram {
  /** [C × 1024]: bin i of channel c counts values whose upper 16 bits are first[c] + i. */
  counts: Uint32Array;
  /** Per channel, may be negative; 0 where nothing was above zero. */
  first: Int32Array;
}

export interface DenseResult {
  /** One per description.outputs, [images × numel], C×H×W order. */
  outputs: Float32Array[];
  /** One per options.observe. */
  histograms: NativeHistogram[];
  /** One per options.observe where options.channels, else empty. */
  channels: NativeChannelHistogram[];
}

export interface NativeDensePlan {
  /** inputs: one array per input node, in node order, each [images × numel]. */
  run(inputs: Float32Array[], images: number, options: DenseRunOptions): Promise<DenseResult>;
  dispose(): void;
}

/* ---------------------------------------------------------------- training of a block */

/** A block whose weights, biases and clip values are trained on what it puts out in float32. */
export interface BlockDescription extends DenseDescription {
  /**
   * Input nodes take their values from the caller; the others are conv, add, scale, avgpool, maxpool, route, relu and quant,
   * the last with stepOut = stepIn. `outputs` are compared with the targets.
   */
  nodes: NetworkNode[];
  /** Per input node: what one spike of a channel is worth, length 1 or C. Weights are rounded in these units. */
  units: Float64Array[];
  /** Per input node: the largest sum of a channel over all levels, in its units. */
  reach: Float64Array;
  /**
   * Convolutions to be rounded as in fixed point (straight-through gradients): those that meet at one activation, or (null)
   * make one readout.
   */
  rounding: { convs: number[]; quant: number | null }[];
  /** Q: a bias is added once for each level, and rounded so. */
  levels: number;
  /** Largest integer of a rounded weight, 127 for int8. */
  most: number;
  /** Activations without a floor: for checks of gradients. */
  smooth?: boolean;
  schedule: {
    /** Steps of Adam over which the learning rates fall to zero, as a cosine. */
    iterations: number;
    batch: number;
    /** Of Adam: weights relative to the root mean square of a layer's, biases to that of its output, steps to themselves. */
    rates: { weight: number; bias: number; step: number };
    /** Share of the elements of the inputs that are the exact ones (QDrop). */
    drop: number;
    seed: number;
  };
}

export interface BlockData {
  /** Per input node, [images × numel]: as the quantised net before the block gives them. */
  inputs: Float32Array[];
  /** As the float32 net gives them; needed for drop > 0. */
  exact?: Float32Array[];
  /** Per output, [images × numel]. */
  targets: Float32Array[];
  images: number;
}

/** Of one node; in gradients a `step` is the logarithm of an activation's stepIn. */
export interface BlockParameter {
  node: number;
  kind: 'weight' | 'bias' | 'step';
  values: Float32Array;
}

export interface NativeBlockTrainer {
  /**
   * The next so many iterations; resolves to the mean of their losses: squared error by the variance of the targets, summed
   * over outputs. The same for every number of threads. The data must stay the same from call to call.
   */
  train(data: BlockData, iterations: number, options: { threads: number; abort?: NativeAbortFlag }): Promise<number>;
  /** Loss over all images with the parameters as they are, and its gradient. */
  gradient(
    data: BlockData,
    options: { threads: number; abort?: NativeAbortFlag },
  ): Promise<{ loss: number; parameters: BlockParameter[] }>;
  /** As trained so far: weights and biases rounded, steps themselves. */
  parameters(): BlockParameter[];
  dispose(): void;
}

/* ---------------------------------------------------------------- closed-form re-fit */

export interface StreamOptions {
  threads: number;
  /** Number of the first image in the whole data: which positions of an image count depends on it. */
  first: number;
  abort?: NativeAbortFlag;
}

/** Images stream by; one call at a time, and none after one that was rejected, which may have added a part. Results do not depend on threads, nor on how images are cut into batches. */
interface NativeStream {
  /** inputs: one array per input node, in node order, each [images × numel]; copied at once. */
  add(inputs: Float32Array[], images: number, options: StreamOptions): Promise<void>;
  dispose(): void;
}

export interface RegressionDescription extends DenseDescription {
  /** The convolution; only its window, groups, shape and input matter here. */
  conv: number;
  /** The node whose values a correction of the convolution is to explain. */
  residual: number;
  /** The node that the residual is small against. */
  target: number;
  /** Of an image's positions every so-many-th counts. */
  every: number;
}

/** Sums over the positions that counted. */
export interface Correction {
  /** To be added to the weights, [M, C/groups, kh, kw]. */
  weight: Float32Array;
  /** To be added to the bias, [M]. */
  bias: Float32Array;
  /** That it was found with. */
  ridge: number;
  /** Σ residual², before and after the correction, and Σ target². */
  before: number;
  after: number;
  target: number;
}

export interface NativeRegression extends NativeStream {
  /**
   * Begins anew with other residuals. The plan must give the same values at the convolution's input: sums of these are kept, and only
   * those with the residuals are made again. Throws ERR_CASC_ARGUMENT for another convolution.
   */
  restart(description: RegressionDescription): void;
  /**
   * Least squares of residual − ΔW·x − Δb, with ridge · mean(Σx²) · Σ ΔW² added (mean over the weights of a group). Without `ridge` the
   * one with which each half of the images, those of even numbers and those of odd ones, explains the other's residuals best.
   * Rejects with ERR_CASC_CALIBRATION where values were not finite.
   */
  solve(options: { ridge?: number; threads: number; abort?: NativeAbortFlag }): Promise<Correction>;
  /**
   * The convolution's weights and biases as multiples of steps, chosen one after the other so that what solve() minimises grows
   * little (Babai's nearest plane, as GPTQ).
   */
  round(options: RoundOptions): Promise<Pick<Correction, 'weight' | 'bias'>>;
}

export interface RoundOptions {
  /** [M, C/groups, kh, kw] and [M]. */
  weight: Float32Array;
  bias: Float32Array;
  /** δ of each output channel, and the |weight · unit| in it that becomes `most` (0: none). */
  step: Float64Array;
  largest: Float64Array;
  /** Per input channel, length 1 or C: weights become multiples of δ / unit. */
  units: Float64Array;
  most: number;
  /** Biases become multiples of this times δ. */
  biasSteps: number;
  ridge: number;
  threads: number;
  abort?: NativeAbortFlag;
}

export interface ClipSearchDescription extends DenseDescription {
  /** The node before the quantised activation. */
  value: number;
  /** The node whose values should come out of it. */
  wanted: number;
  /** Of an image's positions every so-many-th counts. */
  every: number;
  /** Nothing but the mean over positions is read. */
  pooled: boolean;
}

export interface ClipSearchOptions {
  levels: number;
  shift: number;
  /** One clip value for all channels. */
  shared: boolean;
  /** Largest clip value allowed. */
  most: number;
  threads: number;
  abort?: NativeAbortFlag;
}

/** One element per channel; sums over the positions that counted. */
export interface ClipChoices {
  /** λ, a float32 number. */
  clips: Float64Array;
  /** Σ (q(value) − wanted)². */
  error: Float64Array;
  /** Σ wanted². */
  energy: Float64Array;
  /** Values on level 0 and on the highest. */
  zero: Float64Array;
  top: Float64Array;
  /** Values of each channel. */
  sampled: number;
  /** Clip values by those with the least error. */
  stretch: number;
}

export interface NativeClipSearch extends NativeStream {
  /**
   * Clip values with the least squared error between q(value) and wanted, all stretched by the factor with which those of either half of
   * the images do best on the other (pooled: by the error of an image's mean). A channel that never rises has the largest of the others.
   * Rejects with ERR_CASC_CALIBRATION where no channel rises, or values were not finite.
   */
  search(options: ClipSearchOptions): Promise<ClipChoices>;
}

/* ---------------------------------------------------------------- the spiking plan */

/** Weight type of a plan; membranes and currents are int32 for int8 and int16, float32 for float32. */
export type PlanFormat = 'float32' | 'int8' | 'int16';
export type PlanWeights = Int8Array | Int16Array | Float32Array;
/** int32 in the fixed-point formats, float32 in float32. */
export type PlanNumbers = Int32Array | Float32Array;

/**
 * What one source contributes to a layer's input current in one step, where s is the source's value in that step:
 * - conv: current[m, y, x] += Σ weight[m, c, ky, kx] · s[c, …]; weight is [M, C/groups, kh, kw]
 * - scale: current[c, y, x] += factor[c] · s[c, y, x]   (shortcuts)
 * - avgpool: current[c, y, x] += factor[y, x] · Σ over the window of s[c, …]
 */
export type PlanTerm =
  | { op: 'conv'; source: number; weight: PlanWeights; window: Window; groups: number }
  | { op: 'scale'; source: number; factor: PlanNumbers }
  | { op: 'avgpool'; source: number; window: Window; factor: PlanNumbers };

interface LayerBase {
  name: string;
  c: number;
  h: number;
  w: number;
}

/** Layers in topological order; sources are indices of earlier layers. All index orders are C×H×W. */
export type PlanLayer =
  /** Constant current x in every awake step, zero in sleep. With a grid, x = scale · clip(roundHalfEven(x / step), lo, hi);
   * in the fixed-point formats a grid is required and scale is 1. */
  | (LayerBase & { kind: 'input'; grid: { step: number; lo: number; hi: number; scale: number } | null })
  /** CIF neurons. v += Σ terms + bias (bias only awake); threshold θ = K > 0 per channel; v starts at `start`. Output: spikes (int8). */
  | (LayerBase & {
      kind: 'neuron';
      terms: PlanTerm[];
      /** Per awake step; length c or c·h·w. */
      bias: PlanNumbers;
      /** Length c. */
      threshold: PlanNumbers;
      /** Initial membrane, length c. */
      start: PlanNumbers;
    })
  /** Σ terms + bias (awake) without a neuron: graded values (int32 or float32), for later layers or for the readout. */
  | (LayerBase & { kind: 'linear'; terms: PlanTerm[]; bias: PlanNumbers; readout: boolean; readoutScale: number })
  /** Exact max-pool: keeps each input's running sum from 0 and emits the change of the window's maximum (pads excluded).
   * Spikes if its source is spikes, else graded. */
  | (LayerBase & { kind: 'maxpool'; source: number; window: Window })
  /** out[i] = concat(sources)[index[i]] or 0 where −1. Spikes if all sources are spikes, else graded. */
  | (LayerBase & { kind: 'relay'; sources: number[]; index: Int32Array });

export interface PlanDescription {
  format: PlanFormat;
  layers: PlanLayer[];
  /** Instruction set by name; default: the environment's. */
  isa?: string;
}

/** One neuron for the whole family (DESIGN.md). */
export interface NativeSchedule {
  /** Spikes per step are clipped to ±gamma, 1..127. */
  gamma: number;
  /** Negative spikes allowed (with the lower bound n > 0). */
  negative: boolean;
  /** No spike once n ≥ awake steps. */
  upper: boolean;
  /** Overrides the plan's initial membranes by φ·θ (floored in fixed point); null keeps them. */
  shift: number | null;
  /** Awake steps T, 1..65536. */
  wake: number;
  /** Sleep after every `margin` awake steps and after the last; 1 ≤ margin ≤ wake. */
  margin: number;
  /** Steps of every sleep phase, or −1: until no neuron fires in a whole step (that step is counted). */
  sleep: number;
  /** Most steps of an auto sleep phase. */
  cap: number;
  /** A neuron layer with l neuron layers before it (on the longest path) fires only from step ⌊stagger·l⌋ of the run on. */
  stagger: number;
}

export interface SpikingRunOptions {
  threads: number;
  schedule: NativeSchedule;
  /** Return the readout after every step, else only after the last. */
  everyStep: boolean;
  /** Return the spike counts of every neuron layer. */
  counts: boolean;
  /** Return where time, spikes and additions went. */
  profile: boolean;
  /** Run the dense oracle at `wake` levels and return its readout. */
  oracle: boolean;
  /** Compare every neuron and the readout of the first so many images with the oracle (implies oracle). */
  certify: number;
  /** Return when so many neurons of each layer fired in the first so many steps of the first image. */
  raster?: { neurons: number; steps: number } | null;
  abort?: NativeAbortFlag;
}

/** Lowest layer that differs, then neuron. */
export interface NativeDivergence {
  /** Index into layers. A readout layer's neuron is an output element, counts are its accumulated sums. */
  layer: number;
  /** Index in C×H×W order. */
  neuron: number;
  snn: number;
  ann: number;
  /** Step of the neuron's last spike: awake steps and sleep steps (of that phase) passed; null if it never fired. */
  lastSpike: { wake: number; sleep: number } | null;
}

/** One layer, awake or asleep, summed over images and threads. */
export interface PhaseProfile {
  seconds: number;
  spikes: { positive: number; negative: number };
  /** Additions that events caused at the layer's synapses; a constant current is not in it. */
  additions: number;
  /**
   * Steps by how the layer's synapses were computed: as one product (dense), by weight rows in 16-bit registers, spike by spike
   * (scatter), where the neurons run (neurons: shortcuts only), or not at all (skip): nothing reached them, at most the neurons were updated. Where several terms differ the
   * first of these counts. The steps of a staggered layer before it may fire are computed as one, and counted so.
   */
  steps: { skip: number; neurons: number; scatter: number; rows: number; dense: number };
}

export interface NativeLayerProfile {
  wake: PhaseProfile;
  sleep: PhaseProfile;
}

/** Of one worker thread. */
export interface WorkingBytes {
  simulation: number;
  oracle: number;
}

export interface NativeProfile {
  /** One per layer of the plan. */
  layers: NativeLayerProfile[];
  /** The most that a worker held. */
  workingBytes: WorkingBytes;
}

/** One neuron layer. */
export interface NativeLayerRaster {
  /** Neurons that fired at all. */
  fired: number;
  /** Evenly chosen from these: indices in C×H×W order, ascending. */
  neurons: Int32Array;
  /** Of each neuron, step and size of every spike, one after the other; steps are the image's own, from 1. */
  trains: Int32Array[];
}

export interface SpikingResult {
  /** ceil(wake / margin) sleep phases. */
  phases: number;
  /** Sleep steps of each image in each phase, [images × phases]; auto sleep counts its silent step. */
  sleepSteps: Int32Array;
  /** Sleep steps through the first silent one (all of the phase where none was silent), [images × phases]. */
  quietSteps: Int32Array;
  /** 1 where an image was at rest when the phase ended, [images × phases]. With sleep 0 or fixed: found by inspection. */
  atRest: Uint8Array;
  /** Most sleep steps of any image in each phase, [phases]. Steps of the batch: for each phase its wake steps, then these. */
  phaseSteps: Int32Array;
  /**
   * Accumulated readout in real units (sum over steps, not divided), [images × steps × outputs] or [images × outputs].
   * An image whose phase ended early carries its readout forward. Outputs: the readout layers' elements in layer order.
   */
  readout: Float32Array;
  /** [images × outputs], the oracle's accumulated readout (T × the quantised ANN's), if asked for. */
  oracle: Float32Array | null;
  /** One per neuron layer in order, [images × numel], if asked for. */
  counts: Int32Array[] | null;
  /** Spikes per image and neuron layer, [images × neuron layers]; the size |s| of a burst counts. */
  positive: Float64Array;
  negative: Float64Array;
  /** Additions of event-driven synapses per image (|events| × fan-out); the first layer's constant current is not in it. */
  synapticOperations: Float64Array;
  /** Of these, in sleep steps. */
  operationsAsleep: Float64Array;
  /** Per image: sum mod 2^64 of a 64-bit mix of (neuron layer ordinal, neuron, awake step, sleep step, spike) over all spikes
   * (native/engine/spiking/spike_hash.h). */
  hash: BigUint64Array;
  /** If asked for. */
  profile: NativeProfile | null;
  /**
   * Neurons and readout elements compared, and how many differ, per image (certify). In float32 a readout element differs
   * when it is off by more than 1e-4 of its layer's largest: the two paths round differently even where all spikes agree.
   */
  checked: Float64Array;
  mismatches: Float64Array;
  /** Of each image that was compared; null where nothing differs. */
  firsts: (NativeDivergence | null)[];
  /** One per neuron layer, if asked for; empty without images. */
  raster: NativeLayerRaster[] | null;
}

export interface RestOptions {
  threads: number;
  /** Its wake steps are the levels, its shift the start of the membranes; the rest has no effect. */
  schedule: NativeSchedule;
  /** Return the counts of every neuron layer. */
  counts: boolean;
  abort?: NativeAbortFlag;
}

/** What the oracle alone says: the quantised net, and by the loss-free theorem the spiking one at rest. */
export interface RestRunResult {
  /** Accumulated readout in real units (T × the quantised ANN's), [images × outputs]. */
  readout: Float32Array;
  /** One per neuron layer in order, [images × numel], if asked for. */
  counts: Int32Array[] | null;
}

export interface NativeSpikingPlan {
  readonly isa: string;
  /** Bytes of packed weights and tables. */
  readonly bytes: number;
  /** Multiply-adds of one dense pass (conv with its pads, scale, avgpool), all layers, and of layers fed by the input alone. */
  readonly denseMacs: number;
  readonly inputMacs: number;
  /** images: [images × input numel] float32, C×H×W; copied at once. NaN anywhere rejects with ERR_CASC_DATA. */
  run(images: Float32Array, count: number, options: SpikingRunOptions): Promise<SpikingResult>;
  /** The oracle alone, on the same rounded input; whether the theorem holds for the schedule is the caller's to know. */
  rest(images: Float32Array, count: number, options: RestOptions): Promise<RestRunResult>;
  /** Upper bound on what a worker holds in runs of this schedule: not the batch's images and results. */
  workingBytes(schedule: NativeSchedule): WorkingBytes;
  dispose(): void;
}

/* ---------------------------------------------------------------- one population of neurons, for study and benchmarks */

export interface NeuronStepState {
  /** int32 or float32, updated in place. */
  membrane: PlanNumbers;
  /** Net spike counts, updated in place. */
  count: Int32Array;
  current: PlanNumbers;
  /** Written. */
  spikes: Int8Array;
  threshold: number;
  gamma: number;
  negative: boolean;
  upper: boolean;
  /** Awake steps so far, this one included. */
  awakeSteps: number;
  isa?: string;
}

/** Many steps; for γ = 1 with the upper bound, at most 127 awake steps, and counts from 0 to the awake steps. */
export interface NeuronTrainState {
  /** Updated in place. */
  membrane: Int32Array;
  /** Net spike counts, updated in place. */
  count: Int32Array;
  /** [steps × neurons]. */
  currents: Int32Array;
  /** [steps × neurons], written. */
  spikes: Int8Array;
  threshold: number;
  negative: boolean;
  /** Are all of these steps awake, or all asleep? */
  awake: boolean;
  /** Awake steps before these. */
  awakeSteps: number;
  isa?: string;
}

/* ---------------------------------------------------------------- one convolution, for study and benchmarks */

/** How the engine computes a convolution's currents. */
export type SynapsePath = 'scatter' | 'rows' | 'dense';

export interface SynapsesDescription {
  input: Shape;
  /** Must be what the window makes of the input. */
  output: Shape;
  /** [M, C, kh, kw] */
  weights: Int8Array;
  window: Window;
  path: SynapsePath;
  isa?: string;
}

export interface NativeSynapses {
  readonly isa: string;
  /** [steps, C, H, W] of −1, 0, 1 → [steps, M, oh, ow]. */
  currents(spikes: Int8Array): Int32Array;
  time(spikes: Int8Array, seconds: number): { seconds: number; repetitions: number; additions: number; macs: number };
  dispose(): void;
}

export interface Addon {
  info(): AddonInfo;
  AbortFlag: new () => NativeAbortFlag;
  DensePlan: new (description: DenseDescription) => NativeDensePlan;
  BlockTrainer: new (description: BlockDescription) => NativeBlockTrainer;
  Regression: new (description: RegressionDescription) => NativeRegression;
  ClipSearch: new (description: ClipSearchDescription) => NativeClipSearch;
  SpikingPlan: new (description: PlanDescription) => NativeSpikingPlan;
  /** One step of a population; returns the number of spikes (|s| summed). All arrays have one length. */
  stepNeurons(state: NeuronStepState): number;
  /** Many steps of a population, as the engine runs them; returns the number of spikes. */
  trainNeurons(state: NeuronTrainState): number;
  Synapses: new (description: SynapsesDescription) => NativeSynapses;
  /** What the instruction set does at best, a second: see Synapses.roofs. */
  roofs(isa: string | undefined, seconds: number): { additions: number; macs: number };
}
