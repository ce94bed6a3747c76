/** Outputs of a quantised net beside those of the fp32 net, over batches. */
import { CascError } from '../errors';
import { Counter } from './accuracy';
import type { Accuracy } from './evaluation';
import { firstClasses } from './ranking';

/** How like the fp32 net a quantised one is. */
export interface Likeness {
  /** Root mean square difference of the outputs, relative to the fp32 outputs' root mean square. */
  error: number;
  /** Share of images whose first class is the same; only of a classifier. */
  agreement?: number;
  /** Accuracies; only of a classifier, where all images have labels. */
  ann?: Accuracy;
  quantized?: Accuracy;
}

export class Comparison {
  private readonly fp32 = new Counter();
  private readonly ours = new Counter();
  private images = 0;
  private labelled = 0;
  private alike = 0;
  private difference = 0;
  private energy = 0;

  /** `classes`: undefined where the net is no classifier. */
  constructor(private readonly classes: number | undefined) {}

  /** Throws ERR_CASC_DATA for a label beyond the net's classes. */
  add(
    exact: readonly Float32Array[],
    quantized: readonly Float32Array[],
    labels: Int32Array,
    ids: readonly string[],
    file: string,
  ): void {
    exact.forEach((values, output) => {
      values.forEach((value, i) => {
        this.difference += (value - quantized[output]![i]!) ** 2;
        this.energy += value ** 2;
      });
    });
    this.images += labels.length;
    const { classes } = this;
    if (classes === undefined) return;
    const tooHigh = labels.findIndex((label) => label >= classes);
    if (tooHigh >= 0) {
      throw new CascError(
        'ERR_CASC_DATA',
        `image ${ids[tooHigh]} has label ${labels[tooHigh]}, but ${file} has ${classes} outputs; use data that the net was trained on`,
        { file, image: ids[tooHigh] },
      );
    }
    this.labelled += labels.filter((label) => label >= 0).length;
    labels.forEach((label, i) => {
      const five = (all: Float32Array) => firstClasses(all.subarray(i * classes, (i + 1) * classes), 5);
      const [a, b] = [five(exact[0]!), five(quantized[0]!)];
      this.fp32.add(a, label);
      this.ours.add(b, label);
      if (a[0] === b[0] && a[0] !== -1) this.alike++;
    });
  }

  /** Of at least one image. */
  likeness(): Likeness {
    const error = this.energy > 0 ? Math.sqrt(this.difference / this.energy) : 0;
    if (this.classes === undefined) return { error };
    const agreement = this.alike / this.images;
    if (this.labelled < this.images) return { error, agreement };
    return { error, agreement, ann: this.fp32.accuracy(), quantized: this.ours.accuracy() };
  }
}
