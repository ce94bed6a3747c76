/** Evaluation in mode 'full': every step is simulated. */
import type { DataBatch } from '../datasets';
import { argumentError } from '../errors';
import type { Schedule, SimulationResult, SpikingNetwork } from '../simulate';
import { isInTop } from './accuracy';
import { Certification } from './certification';
import { Counter } from './counter';
import type { Accuracy, CommonFigures, EvaluateOptions, Evaluation } from './evaluation';
import { Transient } from './transient';

export class FullRunner {
  /** Of simulation, oracle and certificate. */
  seconds = 0;
  private readonly quantized = new Counter();
  private readonly transient = new Transient();
  private readonly certification = new Certification();
  /** Images that are still to be certified. */
  private toCertify: number;

  constructor(
    private readonly snn: SpikingNetwork,
    private readonly classes: number,
    private readonly options: EvaluateOptions,
    private readonly schedule: Schedule,
  ) {
    this.toCertify = imagesToCertify(options.certify, schedule);
  }

  /** The outputs of a batch. */
  async run({ images, labels, ids, count }: DataBatch): Promise<Float32Array> {
    const { snn, classes, options } = this;
    const started = performance.now();
    const certify = Math.min(count, this.toCertify);
    const result = await snn.simulate(images, count, { ...options, everyStep: true, oracle: true, certify });
    this.seconds += (performance.now() - started) / 1000;
    this.toCertify -= certify;
    this.quantized.add(result.oracle![0]!, labels, classes);
    this.transient.add(result, await correctPerStep(snn, result, labels, classes));
    this.certification.add(result.certificate, ids);
    return result.outputs[0]!;
  }

  evaluation(accuracy: Accuracy, common: CommonFigures): Evaluation {
    const { snn, schedule, options } = this;
    const { top1PerStep, synaptic, ...transient } = this.transient.figures(schedule.wake);
    const { file } = common.model;
    const { notes, ...figures } = common;
    return {
      mode: 'full',
      ...figures,
      quantized: { levels: schedule.wake, ...this.quantized.accuracy() },
      snn: { ...accuracy, top1PerStep },
      exact: this.certification.exact(file, snn.converted.format, options.certify !== undefined),
      operations: { synaptic, denseMacs: snn.denseMacs.total, firstLayerMacs: snn.denseMacs.input },
      ...transient,
      notes,
    };
  }
}

/** How many of the first images are compared with the oracle. */
function imagesToCertify(certify: EvaluateOptions['certify'], schedule: Schedule): number {
  const wanted = certify ?? (schedule.consistent ? 'all' : 'none');
  if (wanted === 'all') return Number.POSITIVE_INFINITY;
  if (wanted === 'none') return 0;
  if (Number.isInteger(wanted) && wanted >= 0) return wanted;
  throw argumentError('certify', '"all", "none" or a number of images', wanted);
}

/** How many images are right after each step. */
async function correctPerStep(
  snn: SpikingNetwork,
  result: SimulationResult,
  labels: Int32Array,
  classes: number,
): Promise<number[]> {
  const { accumulated, steps, images } = result;
  const width = snn.readoutSize;
  const rows = images * steps.length;
  const rates = accumulated.slice();
  for (let row = 0; row < rows; row++) {
    const { wake } = steps[row % steps.length]!;
    for (let i = row * width; i < (row + 1) * width; i++) rates[i]! /= wake;
  }
  const outputs = (await snn.readoutToOutputs(rates, rows))[0]!;
  return steps.map((_, s) => {
    let correct = 0;
    for (let i = 0; i < images; i++) {
      const row = i * steps.length + s;
      if (isInTop(1, outputs.subarray(row * classes, (row + 1) * classes), labels[i]!)) correct++;
    }
    return correct;
  });
}
