/** Evaluation in mode 'rest': the oracle answers, and a sample is simulated in full. */
import type { DataBatch } from '../datasets';
import type { Schedule, SpikingNetwork } from '../simulate';
import { checkTheorem, gather, verifiedImages } from '../simulate/rest';
import type { RestEvaluateOptions } from './evaluation';
import type { EvaluatedRecord, ImageCertificate } from './record';
import { type AnnOutputs, type Runner, rowOf } from './runner';
import type { Judge } from './task';

export class RestRunner implements Runner {
  /** Positions in the data set. */
  private readonly verified: Set<number>;

  constructor(
    private readonly snn: SpikingNetwork,
    private readonly judge: Judge<unknown>,
    images: number,
    private readonly options: RestEvaluateOptions,
    schedule: Schedule,
  ) {
    checkTheorem(schedule, snn.converted.format);
    this.verified = new Set(options.verify === undefined ? [] : verifiedImages(images, options.verify));
  }

  async run(batch: DataBatch, ann: AnnOutputs): Promise<EvaluatedRecord<unknown>[]> {
    const { snn, options, judge } = this;
    const { images, ids, positions, fileBytes, count } = batch;
    const { verify: _, ...rest } = options;
    const started = performance.now();
    const { outputs } = await snn.simulate(images, count, rest);
    const seconds = (performance.now() - started) / 1000 / count;
    const certificates = await this.verify(batch);
    return ids.map((id, i) => {
      const answer = rowOf(outputs, i, count);
      return {
        at: positions[i]!,
        fileBytes: fileBytes[i]!,
        id,
        answers: judge.judge(batch, i, {
          ann: ann && rowOf(ann, i, count),
          quantized: answer,
          snn: answer,
          perStep: null,
        }),
        certificate: certificates.get(i) ?? null,
        run: null,
        seconds,
      };
    });
  }

  /** Certificates of the batch's images that are simulated in full, by place. */
  private async verify({ images, positions }: DataBatch): Promise<Map<number, ImageCertificate>> {
    const { snn } = this;
    const { verify: _, mode: __, ...options } = this.options;
    const sample = [...positions.keys()].filter((i) => this.verified.has(positions[i]!));
    if (sample.length === 0) return new Map();
    const chosen = gather(images, snn.inputSize, sample);
    const { certificate } = await snn.simulate(chosen, sample.length, { ...options, mode: 'full', certify: true });
    return new Map(
      certificate!.byImage.map(({ first, ...own }, i) => [sample[i]!, { ...own, ...(first ? { first } : {}) }]),
    );
  }
}
