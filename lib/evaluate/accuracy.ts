/** Accuracy at every step, over batches whose sleep phases have different lengths. */
import type { Step } from '../simulate';

/** Whether the label is among the k largest; of equal values the first counts, as argmax has it. NaN is never right. */
export function isInTop(k: number, values: Float32Array, label: number): boolean {
  const value = values[label]!;
  if (Number.isNaN(value)) return false;
  let above = 0;
  for (let i = 0; i < values.length; i++) {
    if (!(values[i]! < value || (values[i] === value && i >= label))) above++;
    if (above >= k) return false;
  }
  return true;
}

interface Phase {
  /** Correct images by awake step of the phase. */
  wake: number[];
  /** Correct images by sleep step. */
  sleep: number[];
  /** Correct images at the end of the phase: what images carry forward that finished earlier. */
  final: number;
}

export class StepAccuracy {
  private readonly phases = new Map<number, Phase>();
  private images = 0;

  /** correct[s]: how many of the batch's images are right after steps[s]. */
  add(steps: readonly Step[], correct: readonly number[], images: number): void {
    const byPhase = new Map<number, { wake: number[]; sleep: number[] }>();
    let awake: number[] = [];
    steps.forEach((step, s) => {
      const next = steps[s + 1];
      if (step.sleep === 0) awake.push(correct[s]!);
      else byPhase.get(step.wake)!.sleep.push(correct[s]!);
      // A phase ends its waking where sleep begins, or at the end of the run.
      if (step.sleep === 0 && (next === undefined || next.sleep > 0)) {
        byPhase.set(step.wake, { wake: awake, sleep: [] });
        awake = [];
      }
    });
    for (const [end, batch] of byPhase) {
      const phase = this.phases.get(end) ?? { wake: batch.wake.map(() => 0), sleep: [], final: 0 };
      const final = batch.sleep.at(-1) ?? batch.wake.at(-1)!;
      while (phase.sleep.length < batch.sleep.length) phase.sleep.push(phase.final);
      phase.wake = phase.wake.map((n, i) => n + batch.wake[i]!);
      phase.sleep = phase.sleep.map((n, i) => n + (batch.sleep[i] ?? final));
      phase.final += final;
      this.phases.set(end, phase);
    }
    this.images += images;
  }

  /** Share of images that are right after each step. */
  curve(): (Step & { top1: number })[] {
    return [...this.phases].flatMap(([end, { wake, sleep }]) => [
      ...wake.map((n, i) => ({ wake: end - wake.length + 1 + i, sleep: 0, top1: n / this.images })),
      ...sleep.map((n, i) => ({ wake: end, sleep: i + 1, top1: n / this.images })),
    ]);
  }
}
