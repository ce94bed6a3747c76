/** A progress bar on stderr for what takes longer than two seconds; none where stderr is not a terminal. */
import { SingleBar } from 'cli-progress';

const DELAY_MS = 2000;

export class Progress {
  private bar: SingleBar | undefined;
  private readonly started = performance.now();

  constructor(private readonly what: string) {}

  update(done: number, total: number, note = ''): void {
    if (!process.stderr.isTTY) return;
    if (!this.bar && done < total && performance.now() - this.started > DELAY_MS) {
      this.bar = new SingleBar({
        stream: process.stderr,
        format: `${this.what} {bar} {value}/{total} | {speed} a second | {eta_formatted} left {note}`,
        hideCursor: true,
        clearOnComplete: true,
      });
      this.bar.start(total, done, { speed: '', note });
    }
    const speed = (done / ((performance.now() - this.started) / 1000)).toFixed(1);
    this.bar?.update(done, { speed, note });
  }

  stop(): void {
    this.bar?.stop();
    this.bar = undefined;
  }
}
