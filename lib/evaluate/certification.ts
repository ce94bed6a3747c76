/** Certificates of images, as one. */
import type { Evaluation } from './evaluation';
import type { JournalHeader } from './header';
import type { EvaluatedRecord, ImageCertificate } from './record';

export class Certification {
  private readonly sum = { images: 0, checkedNeurons: 0, mismatches: 0 };
  private first: { at: number; id: string; mismatch: NonNullable<ImageCertificate['first']> } | undefined;

  add({ at, id, certificate }: EvaluatedRecord<unknown>): void {
    if (!certificate) return;
    const { checked, mismatches, first } = certificate;
    this.sum.images++;
    this.sum.checkedNeurons += checked;
    this.sum.mismatches += mismatches;
    if (first && !(this.first && this.first.at < at)) this.first = { at, id, mismatch: first };
  }

  /** What float32 happens to agree on is a measurement, unless a certificate was asked for. */
  exact({ model: { file, format }, settings, mode }: JournalHeader): Evaluation['exact'] {
    const { images, mismatches } = this.sum;
    const promised = format !== 'float32' || settings.certifyAsked || mode === 'rest';
    return {
      measured: !promised,
      certified: images > 0 && mismatches === 0 && promised,
      file,
      format,
      ...this.sum,
      ...(this.first ? { first: { ...this.first.mismatch, image: this.first.id } } : {}),
    };
  }
}
