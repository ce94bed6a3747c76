/** A progress bar on stderr for what takes longer than two seconds; none where stderr is not a terminal. */
import { SingleBar } from 'cli-progress';
import type { CalibrateProgress } from '..';

const DELAY_MS = 2000;

export class Progress {
  private bar: SingleBar | undefined;
  private readonly started = performance.now();

  constructor(
    private readonly what: string,
    private readonly unit = 'images',
  ) {}

  /** before: of `done`, what an earlier run did. */
  update(done: number, total: number, note = '', before = 0): void {
    const seconds = (performance.now() - this.started) / 1000;
    if (!process.stderr.isTTY || (!this.bar && (done >= total || 1000 * seconds < DELAY_MS))) return;
    const speed = (done - before) / seconds;
    const fields = { speed: speed.toFixed(1), left: duration((total - done) / speed), note };
    if (this.bar) {
      this.bar.update(done, fields);
      return;
    }
    this.bar = new SingleBar({
      stream: process.stderr,
      format: `${this.what} {bar} {value} of {total} ${this.unit}, {speed} a second, {left} left{note}`,
      barsize: 24,
      hideCursor: true,
      clearOnComplete: true,
    });
    this.bar.start(total, done, fields);
  }

  stop(): void {
    this.bar?.stop();
    this.bar = undefined;
  }
}

/** One bar after the other, for work in stages. */
export class StagedProgress {
  private what: string | undefined;
  private progress: Progress | undefined;

  /** `of` tells stages of one name apart. */
  update(of: string, stage: CalibrateProgress['stage'], done: number, total: number): void {
    const what = `${of}${stage}`;
    if (what !== this.what) {
      this.stop();
      this.progress = new Progress(what, unitOf(stage));
      this.what = what;
    }
    this.progress?.update(done, total);
  }

  stop(): void {
    this.progress?.stop();
  }
}

/** What quantize counts at a stage. */
function unitOf(stage: CalibrateProgress['stage']): string {
  if (stage === 'fitting' || stage === 'splitting') return 'layers';
  return stage === 'training' ? 'iterations' : 'images';
}

function duration(seconds: number): string {
  const whole = Math.ceil(seconds);
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}
