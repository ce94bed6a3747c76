/** More calibration images out of few: each turned round from left to right or not, and moved by some pixels. */
import { numel, type Shape } from '../graph/network';
import { Random } from './random';

/** Images are moved by up to this part of their sides. */
const MOVE = 1 / 16;

export interface View {
  /** Left and right change places. */
  flipped: boolean;
  /** Pixels to the right and down; pixels of the border fill what is left. */
  right: number;
  down: number;
}

export function randomView({ h, w }: Shape, random: Random): View {
  const within = (side: number) => {
    const most = Math.floor(side * MOVE);
    return random.below(2 * most + 1) - most;
  };
  return { flipped: random.below(2) === 1, right: within(w), down: within(h) };
}

/** Writes a view of an image [C×H×W] to `to`. */
export function drawView(image: Float32Array, { c, h, w }: Shape, view: View, to: Float32Array): void {
  const { right, down } = view;
  const kept = w - Math.abs(right);
  const from = Math.max(0, -right);
  const left = Math.max(0, right);
  for (let plane = 0; plane < c; plane++) {
    for (let y = 0; y < h; y++) {
      const source = Math.min(h - 1, Math.max(0, y - down));
      const line = image.subarray((plane * h + source) * w, (plane * h + source + 1) * w);
      const row = to.subarray((plane * h + y) * w, (plane * h + y + 1) * w);
      row.fill(line[0]!, 0, left);
      row.set(line.subarray(from, from + kept), left);
      row.fill(line[w - 1]!, left + kept);
      if (view.flipped) row.reverse();
    }
  }
}

/** Draws views of images without end: every image once before any comes again. */
export class Views {
  private readonly random: Random;
  private readonly order: number[];
  private taken: number;
  private readonly count: number;

  constructor(
    private readonly images: Float32Array,
    private readonly shape: Shape,
    seed: number,
  ) {
    this.random = new Random(seed);
    this.count = images.length / numel(shape);
    this.order = [...new Array(this.count).keys()];
    this.taken = this.count;
  }

  next(images: number): Float32Array {
    const size = numel(this.shape);
    const result = new Float32Array(images * size);
    for (let i = 0; i < images; i++) {
      const image = this.draw();
      const view = randomView(this.shape, this.random);
      const pixels = this.images.subarray(image * size, (image + 1) * size);
      drawView(pixels, this.shape, view, result.subarray(i * size, (i + 1) * size));
    }
    return result;
  }

  private draw(): number {
    if (this.taken === this.count) {
      for (let k = this.count; k > 1; k--) {
        const other = this.random.below(k);
        [this.order[k - 1], this.order[other]] = [this.order[other]!, this.order[k - 1]!];
      }
      this.taken = 0;
    }
    return this.order[this.taken++]!;
  }
}
