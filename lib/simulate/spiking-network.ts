/** A spiking network, ready to run: the one class a user of the library holds. */
import type { ConvertedNetwork, ConvertOptions } from '../convert';
import { checkOverflow, convert, type Reach, reachOf } from '../convert';
import { argumentError, CascError } from '../errors';
import { importModel } from '../graph';
import type { Network } from '../graph/network';
import { numel } from '../graph/network';
import {
  abortable,
  addon,
  type NativeProfile,
  type NativeSchedule,
  type NativeSpikingPlan,
  type SpikingResult,
  toCascError,
} from '../native';
import { checkRaster, rasterOf } from './raster';
import {
  checkTheorem,
  gather,
  isRest,
  type RestOptions,
  type RestResult,
  verifiedImages,
  WITHOUT_TRANSIENT,
} from './rest';
import { resolveSchedule, type Schedule, type ScheduleOptions, stepsOf } from './schedule';
import type { Certificate, MemoryBound, Profile, SimulateOptions, SimulationResult } from './simulation';
import { Tail } from './tail';

export class SpikingNetwork {
  readonly converted: ConvertedNetwork;
  /** Elements of one input image. */
  readonly inputSize: number;
  /** Elements of the readout. */
  readonly readoutSize: number;
  private readonly plan: NativeSpikingPlan;
  private readonly tail: Tail;
  private readonly reach: readonly Reach[];
  private disposed = false;
  private running = 0;

  private constructor(converted: ConvertedNetwork) {
    this.converted = converted;
    this.inputSize = numel(converted.network.nodes[converted.network.input]!.shape);
    this.readoutSize = [...converted.layered.readouts.keys()].reduce(
      (sum, id) => sum + numel(converted.network.nodes[id]!.shape),
      0,
    );
    this.reach = reachOf(converted.plan);
    checkOverflow(this.reach, converted.levels, converted.levels);
    try {
      this.plan = new (addon().SpikingPlan)(converted.plan);
      this.tail = new Tail(converted);
    } catch (error) {
      throw toCascError(error);
    }
  }

  /**
   * Reads a quantised ONNX file and converts it.
   * Throws CascError: ERR_CASC_FILE, ERR_CASC_MODEL, ERR_CASC_UNSUPPORTED (naming the node), ERR_CASC_NOT_QUANTIZED.
   *
   * @example
   * const snn = await SpikingNetwork.load('net-q8.onnx', { format: 'float32' });
   * const { outputs } = await snn.simulate(images, 1);
   * snn.dispose();
   */
  static async load(file: string, options: ConvertOptions = {}): Promise<SpikingNetwork> {
    return SpikingNetwork.from(await importModel(file), options);
  }

  /** Converts an imported network. */
  static from(network: Network, options: ConvertOptions = {}): SpikingNetwork {
    return new SpikingNetwork(convert(network, options));
  }

  /** Instruction set that the kernels use. */
  get isa(): string {
    return this.plan.isa;
  }

  /** Multiply-adds of one dense pass, and of the first layer, which is dense even in a spiking net. */
  get denseMacs(): { total: number; input: number } {
    return { total: this.plan.denseMacs, input: this.plan.inputMacs };
  }

  /**
   * Runs images [count × C·H·W] (float32, preprocessed) through wake and sleep, off the event loop; in mode 'rest' only to
   * their answer at rest, as the quantised ANN.
   * Throws ERR_CASC_SHAPE for a wrong length, ERR_CASC_OVERFLOW where int32 is too small for the schedule,
   * ERR_CASC_ARGUMENT for options that do not go together; rejects with the signal's reason when aborted.
   *
   * @example
   * const { outputs, sleepSteps, certificate } = await snn.simulate(images, count, { certify: true });
   * const atRest = await snn.simulate(images, count, { mode: 'rest', verify: 0.01 });
   */
  async simulate(images: Float32Array, count: number, options?: SimulateOptions): Promise<SimulationResult>;
  async simulate(images: Float32Array, count: number, options: RestOptions): Promise<RestResult>;
  async simulate(
    images: Float32Array,
    count: number,
    options: SimulateOptions | RestOptions = {},
  ): Promise<SimulationResult | RestResult> {
    if (this.disposed) throw disposedError();
    this.checkInput(images, count);
    const threads = options.threads ?? addon().info().threads;
    if (!Number.isInteger(threads) || threads < 1 || threads > 256) {
      throw argumentError('threads', 'a whole number from 1 to 256', threads);
    }
    const schedule = this.schedule(options);
    const rest = isRest(options);
    if (rest) checkTheorem(schedule, this.converted.format);
    if (!rest) checkRaster((options as SimulateOptions).raster);
    this.checkCounts(schedule);
    return await this.hold<SimulationResult | RestResult>(() =>
      rest
        ? this.rest(images, count, options as RestOptions, schedule, threads)
        : this.full(images, count, options as SimulateOptions, schedule, threads),
    );
  }

  /** The net's outputs for readouts [rows × readoutSize] (real values, already divided by the awake steps). */
  async readoutToOutputs(
    readout: Float32Array,
    rows: number,
    threads = addon().info().threads,
  ): Promise<Float32Array[]> {
    return this.hold(() => this.tail.run(readout, rows, threads));
  }

  /** What a run with these options would do. Throws ERR_CASC_ARGUMENT. */
  schedule(options: ScheduleOptions = {}): Schedule {
    return resolveSchedule(options, this.converted);
  }

  /**
   * Memory of the net as loaded, and an upper bound on what a run of this schedule adds. Without the loss-free theorem (float32,
   * baselines) the bound counts on a sleep as long as its cap, which is far from what a run takes.
   * Throws ERR_CASC_ARGUMENT, ERR_CASC_DISPOSED.
   *
   * @example
   * const { plan, perThread } = snn.memory({ wake: 8 });
   */
  memory(options: ScheduleOptions = {}): MemoryBound {
    if (this.disposed) throw disposedError();
    return {
      plan: this.plan.bytes,
      perThread: this.plan.workingBytes(nativeOf(this.schedule(options))),
      perImage: (this.inputSize + this.readoutSize) * Float32Array.BYTES_PER_ELEMENT,
    };
  }

  /** Names of the neuron layers, in order of execution. */
  neuronLayers(): string[] {
    return this.converted.plan.layers.filter((layer) => layer.kind === 'neuron').map((layer) => layer.name);
  }

  /** Frees native memory. Running work ends first; later calls throw ERR_CASC_DISPOSED. */
  dispose(): void {
    this.disposed = true;
    if (this.running > 0) return;
    this.plan.dispose();
    this.tail.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  private async full(
    images: Float32Array,
    count: number,
    options: SimulateOptions,
    schedule: Schedule,
    threads: number,
  ): Promise<SimulationResult> {
    const certify = options.certify === true ? count : Number(options.certify ?? 0);
    return await abortable(options.signal, async (abort) => {
      const result = await this.plan.run(images, count, {
        threads,
        schedule: nativeOf(schedule),
        everyStep: options.everyStep ?? false,
        counts: options.counts ?? false,
        profile: options.profile ?? false,
        oracle: options.oracle ?? false,
        certify,
        raster: options.raster ?? null,
        abort,
      });
      const steps = stepsOf(schedule, result.phaseSteps);
      const last = options.everyStep ? this.lastReadouts(result.readout, count, steps.length) : result.readout;
      const rate = (readout: Float32Array) => readout.map((sum) => sum / schedule.wake);
      return {
        mode: 'full',
        images: count,
        schedule,
        steps,
        sleepSteps: lastOfPhases(result.sleepSteps, result.phases, count),
        quietSteps: lastOfPhases(result.quietSteps, result.phases, count),
        atRest: [...lastOfPhases(result.atRest, result.phases, count)].map(Boolean),
        phases: { count: result.phases, sleepSteps: result.sleepSteps, atRest: result.atRest },
        accumulated: result.readout,
        outputs: await this.tail.run(rate(last), count, threads, abort),
        oracle: result.oracle && (await this.tail.run(rate(result.oracle), count, threads, abort)),
        counts: result.counts && this.namedCounts(result.counts),
        spikes: { positive: sum(result.positive), negative: sum(result.negative) },
        layerSpikes: { layers: this.neuronLayers(), positive: result.positive, negative: result.negative },
        synapticOperations: sum(result.synapticOperations),
        imageOperations: {
          wake: result.synapticOperations.map((all, i) => all - result.operationsAsleep[i]!),
          sleep: result.operationsAsleep,
        },
        hash: result.hash,
        profile: result.profile && this.namedProfile(result.profile),
        certificate: certify > 0 ? this.certificate(result, Math.min(certify, count)) : null,
        raster: result.raster && rasterOf(result.raster, this.neuronLayers()),
      };
    });
  }

  private async rest(
    images: Float32Array,
    count: number,
    options: RestOptions,
    schedule: Schedule,
    threads: number,
  ): Promise<RestResult> {
    // The caller may change the images while the rest is computed; those to verify are kept as they are now.
    const verified = options.verify === undefined ? [] : verifiedImages(count, options.verify);
    const sample = gather(images, this.inputSize, verified);
    const settled = await abortable(options.signal, async (abort) => {
      const { readout, counts } = await this.plan.rest(images, count, {
        threads,
        schedule: nativeOf(schedule),
        counts: options.counts ?? false,
        abort,
      });
      const rates = readout.map((sum) => sum / schedule.wake);
      return {
        accumulated: readout,
        outputs: await this.tail.run(rates, count, threads, abort),
        counts: counts && this.namedCounts(counts),
      };
    });
    return {
      mode: 'rest',
      images: count,
      schedule,
      ...settled,
      certificate: verified.length > 0 ? await this.verify(sample, verified, options, schedule, threads) : null,
      ...WITHOUT_TRANSIENT,
    };
  }

  /** Simulates images in full; `positions`: where they stand in the batch. */
  private async verify(
    sample: Float32Array,
    positions: readonly number[],
    { signal }: RestOptions,
    schedule: Schedule,
    threads: number,
  ): Promise<Certificate> {
    const { certificate } = await this.full(sample, positions.length, { certify: true, signal }, schedule, threads);
    const { first } = certificate!;
    return { ...certificate!, first: first && { ...first, image: positions[first.image]! } };
  }

  /** Keeps native memory until `work` has ended. */
  private async hold<T>(work: () => Promise<T>): Promise<T> {
    this.running++;
    try {
      return await work();
    } finally {
      this.running--;
      if (this.disposed) this.dispose();
    }
  }

  private checkInput(images: Float32Array, count: number): void {
    if (Object.prototype.toString.call(images) !== '[object Float32Array]') {
      throw argumentError('images', 'a Float32Array', images);
    }
    if (!Number.isInteger(count) || count < 1)
      throw argumentError('count', 'a whole number of images, at least 1', count);
    if (images.length !== count * this.inputSize) {
      const { inputDims, file, inputName } = this.converted.network;
      throw new CascError(
        'ERR_CASC_SHAPE',
        `${file}: the input "${inputName}" is [${['N', ...inputDims].join(', ')}], so ${count} images are ${count * this.inputSize} values, but ${images.length} were given`,
        { file, tensor: inputName },
      );
    }
  }

  /** Spike counts stay within T with the upper bound; without it only time bounds them. */
  private checkCounts(schedule: Schedule): void {
    const phases = Math.ceil(schedule.wake / schedule.margin);
    const sleep = schedule.sleep < 0 ? schedule.cap : schedule.sleep;
    const counts = schedule.upper
      ? schedule.wake + schedule.gamma - 1
      : (schedule.wake + phases * sleep) * schedule.gamma;
    checkOverflow(this.reach, schedule.wake, counts);
  }

  private lastReadouts(readout: Float32Array, count: number, steps: number): Float32Array {
    const width = this.readoutSize;
    const last = new Float32Array(count * width);
    for (let i = 0; i < count; i++) {
      const end = (i + 1) * steps * width;
      last.set(readout.subarray(end - width, end), i * width);
    }
    return last;
  }

  private namedCounts(counts: Int32Array[]): Record<string, Int32Array> {
    return Object.fromEntries(this.neuronLayers().map((name, i) => [name, counts[i]!]));
  }

  private namedProfile({ layers, workingBytes }: NativeProfile): Profile {
    const names = this.converted.plan.layers;
    return { layers: layers.map((phases, i) => ({ layer: names[i]!.name, ...phases })), workingBytes };
  }

  private certificate({ checked, mismatches, firsts }: SpikingResult, images: number): Certificate {
    const byImage = firsts.map((first, i) => ({
      checked: checked[i]!,
      mismatches: mismatches[i]!,
      first: first && {
        layer: this.converted.plan.layers[first.layer]!.name,
        neuron: first.neuron,
        snnCount: first.snn,
        annCount: first.ann,
        lastSpike: first.lastSpike,
      },
    }));
    const image = byImage.findIndex(({ first }) => first !== null);
    return {
      images,
      checkedNeurons: sum(checked),
      mismatches: sum(mismatches),
      failedImages: mismatches.filter((n) => n > 0).length,
      first: image < 0 ? null : { ...byImage[image]!.first!, image },
      byImage,
    };
  }
}

function disposedError(): CascError {
  return new CascError('ERR_CASC_DISPOSED', 'the spiking network was disposed; load it again');
}

function nativeOf({ neuron: _, consistent: __, lossFree: ___, notes: ____, ...native }: Schedule): NativeSchedule {
  return native;
}

function lastOfPhases<T extends Int32Array | Uint8Array>(values: T, phases: number, count: number): T {
  return values.filter((_, i) => i % phases === phases - 1).subarray(0, count) as T;
}

function sum(values: Float64Array): number {
  return values.reduce((total, value) => total + value, 0);
}
