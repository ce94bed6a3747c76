/** Top-1 and top-5 accuracy. */
import type { Accuracy } from './evaluation';
import { wilson } from './wilson';

export class Counter {
  private images = 0;
  private top1 = 0;
  private top5 = 0;

  /** first: the classes that the net puts first, five or all. */
  add(first: readonly number[], label: number): void {
    this.images++;
    if (first[0] === label) this.top1++;
    if (first.includes(label)) this.top5++;
  }

  accuracy(): Accuracy {
    return accuracyOf(this.top1, this.top5, this.images);
  }
}

/** Of so many images. */
export function accuracyOf(top1: number, top5: number, images: number): Accuracy {
  return {
    top1: top1 / images,
    top5: top5 / images,
    interval: { top1: wilson(top1, images), top5: wilson(top5, images) },
  };
}
