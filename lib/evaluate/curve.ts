/** How many images are right after each step, though their sleep phases have different lengths. */
import type { Step } from '../simulate';
import { stepsOf } from '../simulate/schedule';

interface Phase {
  /** Right images by awake step of the phase. */
  readonly wake: number[];
  /** Right images by sleep step, of those that sleep so long. */
  readonly sleep: number[];
  /** Images that are right at the end of the phase, by how long they sleep: they carry that forward. */
  readonly ended: number[];
}

export class StepCurve {
  private readonly phases: Phase[] = [];

  /** Shares are of the images that were added. */
  constructor(private readonly schedule: { wake: number; margin: number }) {}

  private images = 0;

  /** sleep: the image's sleep steps by phase; right: whether it is right after each of its own steps. */
  add(sleep: readonly number[], right: (step: number) => boolean): void {
    const { wake, margin } = this.schedule;
    let at = 0;
    sleep.forEach((asleep, p) => {
      const awake = Math.min(margin, wake - p * margin);
      this.phases[p] ??= { wake: Array<number>(awake).fill(0), sleep: [], ended: [] };
      const phase = this.phases[p];
      for (let i = 0; i < awake; i++) phase.wake[i]! += Number(right(at++));
      for (let i = 0; i < asleep; i++) phase.sleep[i] = (phase.sleep[i] ?? 0) + Number(right(at++));
      phase.ended[asleep] = (phase.ended[asleep] ?? 0) + Number(right(at - 1));
    });
    this.images++;
  }

  /** Share of right images after each step. */
  shares(): { step: Step; share: number }[] {
    const counts = this.phases.flatMap(({ wake, sleep, ended }) => {
      let carried = 0;
      const carrying = sleep.map((n, i) => {
        carried += ended[i] ?? 0;
        return n + carried;
      });
      return [...wake, ...carrying];
    });
    const lengths = this.phases.map(({ sleep }) => sleep.length);
    return stepsOf(this.schedule, lengths).map((step, i) => ({ step, share: counts[i]! / this.images }));
  }

  /** How many images are right at the end of each phase. */
  ends(): number[] {
    return this.phases.map(({ ended }) => ended.reduce((sum, n) => sum + (n ?? 0), 0));
  }
}
