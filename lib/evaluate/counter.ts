import { isInTop } from './accuracy';
import type { Accuracy } from './evaluation';

/** Counts right answers. */
export class Counter {
  private images = 0;
  private top1 = 0;
  private top5 = 0;

  add(outputs: Float32Array, labels: Int32Array, classes: number): void {
    labels.forEach((label, i) => {
      const values = outputs.subarray(i * classes, (i + 1) * classes);
      this.images++;
      if (isInTop(1, values, label)) this.top1++;
      if (isInTop(5, values, label)) this.top5++;
    });
  }

  accuracy(): Accuracy {
    return { top1: this.top1 / this.images, top5: this.top5 / this.images };
  }
}
