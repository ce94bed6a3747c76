import type { PlanFormat } from '../native';
import type { Certificate } from '../simulate';
import type { Evaluation } from './evaluation';

/** Certificates of batches, as one. */
export class Certification {
  private readonly sum = { images: 0, checkedNeurons: 0, mismatches: 0 };
  private first: Evaluation['exact']['first'];

  /** ids: of the images of the certificate's batch. */
  add(certificate: Certificate | null, ids: readonly string[]): void {
    if (!certificate) return;
    this.sum.images += certificate.images;
    this.sum.checkedNeurons += certificate.checkedNeurons;
    this.sum.mismatches += certificate.mismatches;
    if (certificate.first) this.first ??= { ...certificate.first, image: ids[certificate.first.image]! };
  }

  /** asked: whether the user wanted a certificate. What float32 happens to agree on is a measurement, unless he did. */
  exact(file: string, format: PlanFormat, asked: boolean): Evaluation['exact'] {
    const { images, mismatches } = this.sum;
    const promised = format !== 'float32' || asked;
    return {
      measured: !promised,
      certified: images > 0 && mismatches === 0 && promised,
      file,
      format,
      ...this.sum,
      ...(this.first ? { first: this.first } : {}),
    };
  }
}
