/** Evaluation in mode 'rest': the oracle answers, and a sample is simulated in full. */
import type { DataBatch } from '../datasets';
import type { Schedule, SpikingNetwork } from '../simulate';
import { checkTheorem, gather, verifiedImages } from '../simulate/rest';
import { Certification } from './certification';
import type { Accuracy, CommonFigures, RestEvaluateOptions, RestEvaluation } from './evaluation';

export class RestRunner {
  /** Of the answers at rest alone. */
  seconds = 0;
  private readonly certification = new Certification();
  /** Positions in the data set. */
  private readonly verified: Set<number>;

  constructor(
    private readonly snn: SpikingNetwork,
    images: number,
    private readonly options: RestEvaluateOptions,
    private readonly schedule: Schedule,
  ) {
    checkTheorem(schedule, snn.converted.format);
    this.verified = new Set(options.verify === undefined ? [] : verifiedImages(images, options.verify));
  }

  /** The outputs of a batch. */
  async run({ images, ids, count, start }: DataBatch): Promise<Float32Array> {
    const { snn, options } = this;
    const { verify: _, ...rest } = options;
    const started = performance.now();
    const { outputs } = await snn.simulate(images, count, rest);
    this.seconds += (performance.now() - started) / 1000;
    const sample = [...ids.keys()].filter((i) => this.verified.has(start + i));
    if (sample.length > 0) {
      const chosen = gather(images, snn.inputSize, sample);
      const full = await snn.simulate(chosen, sample.length, { ...rest, mode: 'full', certify: true });
      const names = sample.map((i) => ids[i]!);
      this.certification.add(full.certificate, names);
    }
    return outputs[0]!;
  }

  evaluation(accuracy: Accuracy, common: CommonFigures): RestEvaluation {
    const { snn, schedule } = this;
    const { notes, ...figures } = common;
    return {
      mode: 'rest',
      ...figures,
      quantized: { levels: schedule.wake, ...accuracy },
      snn: { ...accuracy, top1PerStep: null },
      exact: this.certification.exact(common.model.file, snn.converted.format, true),
      steps: null,
      spikes: null,
      operations: { synaptic: null, denseMacs: snn.denseMacs.total, firstLayerMacs: snn.denseMacs.input },
      notes,
    };
  }
}
