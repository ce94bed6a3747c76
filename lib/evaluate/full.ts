/** Evaluation in mode 'full': every step is simulated. */
import type { DataBatch } from '../datasets';
import { argumentError } from '../errors';
import type { Profile, Schedule, SimulationResult, SpikingNetwork, Step } from '../simulate';
import { stepsOf } from '../simulate/schedule';
import type { EvaluateOptions } from './evaluation';
import { imageRun } from './image-run';
import { addProfiles } from './profiles';
import { rasterOptions } from './raster';
import type { EvaluatedRecord, ImageCertificate } from './record';
import { type AnnOutputs, type Runner, rowOf } from './runner';
import type { Judge } from './task';

export class FullRunner implements Runner {
  /** Of all batches, if asked for. */
  profile: Profile | undefined;

  constructor(
    private readonly snn: SpikingNetwork,
    private readonly judge: Judge<unknown>,
    private readonly options: EvaluateOptions,
    private readonly schedule: Schedule,
  ) {}

  async run(batch: DataBatch, ann: AnnOutputs, raster: boolean): Promise<EvaluatedRecord<unknown>[]> {
    const { snn, judge, options } = this;
    const { images, ids, positions, fileBytes, count } = batch;
    const started = performance.now();
    const wanted = imagesToCertify(options.certify, this.schedule);
    // Positions ascend, so that those below the number wanted are the batch's first.
    const certify = positions.filter((at) => wanted === null || at < wanted).length;
    const result = await snn.simulate(images, count, {
      ...options,
      everyStep: judge.everyStep,
      oracle: true,
      certify,
      ...(raster ? { raster: rasterOptions(snn.neuronLayers().length) } : {}),
    });
    const seconds = (performance.now() - started) / 1000 / count;
    if (result.profile) this.profile = this.profile ? addProfiles(this.profile, result.profile) : result.profile;
    const perStep = await this.outputsPerStep(result);
    return ids.map((id, i) => ({
      at: positions[i]!,
      fileBytes: fileBytes[i]!,
      id,
      answers: judge.judge(batch, i, {
        ann: ann && rowOf(ann, i, count),
        quantized: rowOf(result.oracle!, i, count),
        snn: rowOf(result.outputs, i, count),
        perStep: perStep[i]!,
      }),
      certificate: certificateOf(result, i),
      run: imageRun(result, i),
      seconds,
    }));
  }

  /** By image and step that the judge wants to see. */
  private async outputsPerStep(result: SimulationResult): Promise<Float32Array[][][]> {
    const { snn, schedule } = this;
    const { accumulated, steps, images } = result;
    const width = snn.readoutSize;
    const wanted = Array.from({ length: images }, (_, i) => this.wantedSteps(result, i));
    const rows = wanted.reduce((sum, { length }) => sum + length, 0);
    if (rows === 0) return wanted.map(() => []);
    const starts = phaseStarts(steps, schedule);
    const rates = new Float32Array(rows * width);
    let row = 0;
    wanted.forEach((places, i) => {
      for (const { wake, place, phase } of places) {
        const from = (i * steps.length + starts[phase]! + place) * width;
        for (let k = 0; k < width; k++) rates[row * width + k] = accumulated[from + k]! / wake;
        row++;
      }
    });
    const outputs = await snn.readoutToOutputs(rates, rows);
    row = 0;
    return wanted.map((places) => places.map(() => rowOf(outputs, row++, rows)));
  }

  /** Awake steps so far, phase, and place in the phase, of the image's own steps. */
  private wantedSteps({ phases }: SimulationResult, image: number): { wake: number; phase: number; place: number }[] {
    const { schedule } = this;
    const sleep = phases.sleepSteps.subarray(image * phases.count, (image + 1) * phases.count);
    const own = stepsOf(schedule, sleep);
    const starts = phaseStarts(own, schedule);
    return this.judge.stepsOf(own).map((step) => {
      const { wake } = own[step]!;
      const phase = Math.ceil(wake / schedule.margin) - 1;
      return { wake, phase, place: step - starts[phase]! };
    });
  }
}

/** Indices of the steps that begin a phase. */
function phaseStarts(steps: readonly Step[], { margin }: Schedule): number[] {
  return [...steps.keys()].filter((i) => steps[i]!.sleep === 0 && (steps[i]!.wake - 1) % margin === 0);
}

function certificateOf({ certificate }: SimulationResult, image: number): ImageCertificate | null {
  const own = certificate?.byImage[image];
  if (!own) return null;
  const { checked, mismatches, first } = own;
  return { checked, mismatches, ...(first ? { first } : {}) };
}

/** How many of the first images are compared with the oracle; null: all. */
export function imagesToCertify(certify: EvaluateOptions['certify'], schedule: Schedule): number | null {
  const wanted = certify ?? (schedule.consistent ? 'all' : 'none');
  if (wanted === 'all') return null;
  if (wanted === 'none') return 0;
  if (Number.isInteger(wanted) && wanted >= 0) return wanted;
  throw argumentError('certify', '"all", "none" or a number of images', wanted);
}
