/**
 * Antialiased resizing of 8-bit images, bit for bit the result of Pillow's `Image.resize` (and so of torchvision on PIL
 * images): image libraries differ by ten levels and more here, which moves an accuracy. Separable, horizontal pass first,
 * weights in fixed point with 22 fractional bits, rounded to 8 bits after each pass.
 */
import type { RawImage } from './raw-image';

export type Kernel = 'bilinear' | 'bicubic' | 'lanczos3';

interface KernelFunction {
  /** The weight is 0 at this distance and beyond. */
  readonly support: number;
  readonly weight: (x: number) => number;
}

const sinc = (x: number): number => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));

const kernels: Readonly<Record<Kernel, KernelFunction>> = {
  bilinear: { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  bicubic: { support: 2, weight: (x) => cubic(Math.abs(x), -0.5) },
  lanczos3: { support: 3, weight: (x) => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0) },
};

function cubic(x: number, a: number): number {
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

/** Geometry of a resize: the size of the whole result, and the window of it that is wanted. */
export interface Resize {
  readonly fullWidth: number;
  readonly fullHeight: number;
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** For each output position its first input position and the weights from there on (zeros fill up). */
interface Taps {
  readonly first: Int32Array;
  readonly count: Int32Array;
  readonly stride: number;
  readonly weights: Int32Array;
}

const bits = 22;
const half = 1 << (bits - 1);

/** Resizes `image` to fullWidth × fullHeight and gives the window of it; only what the window needs is computed. */
export function resample(image: RawImage, resize: Resize, kernel: Kernel): RawImage {
  const across = tapsOf(image.width, resize.fullWidth, resize.left, resize.width, kernels[kernel]);
  const down = tapsOf(image.height, resize.fullHeight, resize.top, resize.height, kernels[kernel]);
  const last = resize.height - 1;
  const firstRow = down.first[0]!;
  const rows = down.first[last]! + down.count[last]! - firstRow;
  const narrow = horizontal(image, firstRow, rows, across, resize.width);
  return vertical(narrow, firstRow, down, resize.height);
}

function tapsOf(from: number, to: number, offset: number, length: number, kernel: KernelFunction): Taps {
  const scale = from / to;
  const spread = Math.max(scale, 1);
  const support = kernel.support * spread;
  const stride = Math.ceil(support) * 2 + 1;
  const first = new Int32Array(length);
  const count = new Int32Array(length);
  const weights = new Int32Array(length * stride);
  const exact = new Float64Array(stride);
  for (let i = 0; i < length; i++) {
    const center = (offset + i + 0.5) * scale;
    const begin = Math.max(0, Math.trunc(center - support + 0.5));
    const taps = Math.min(from, Math.trunc(center + support + 0.5)) - begin;
    let sum = 0;
    for (let t = 0; t < taps; t++) {
      exact[t] = kernel.weight((t + begin - center + 0.5) * (1 / spread));
      sum += exact[t]!;
    }
    for (let t = 0; t < taps; t++) {
      const weight = exact[t]! * (1 / sum) * (1 << bits);
      weights[i * stride + t] = Math.trunc(weight < 0 ? weight - 0.5 : weight + 0.5);
    }
    first[i] = begin;
    count[i] = taps;
  }
  return { first, count, stride, weights };
}

function horizontal(image: RawImage, firstRow: number, rows: number, taps: Taps, width: number): RawImage {
  const { data, channels } = image;
  const { first, count, stride, weights } = taps;
  const out = new Uint8ClampedArray(rows * width * channels);
  let o = 0;
  for (let y = 0; y < rows; y++) {
    const row = (firstRow + y) * image.width * channels;
    for (let x = 0; x < width; x++) {
      const w0 = x * stride;
      const w1 = w0 + count[x]!;
      const begin = row + first[x]! * channels;
      for (let c = 0; c < channels; c++) {
        let sum = half;
        for (let w = w0, p = begin + c; w < w1; w++, p += channels) sum = (sum + Math.imul(data[p]!, weights[w]!)) | 0;
        out[o++] = sum >> bits;
      }
    }
  }
  return { width, height: rows, channels, data: new Uint8Array(out.buffer) };
}

function vertical(image: RawImage, firstRow: number, taps: Taps, height: number): RawImage {
  const { data, channels, width } = image;
  const { first, count, stride, weights } = taps;
  const rowBytes = width * channels;
  const out = new Uint8ClampedArray(height * rowBytes);
  const sums = new Int32Array(rowBytes);
  for (let y = 0; y < height; y++) {
    sums.fill(half);
    for (let t = 0; t < count[y]!; t++) {
      const weight = weights[y * stride + t]!;
      const row = (first[y]! - firstRow + t) * rowBytes;
      for (let x = 0; x < rowBytes; x++) sums[x] = sums[x]! + Math.imul(data[row + x]!, weight);
    }
    for (let x = 0; x < rowBytes; x++) out[y * rowBytes + x] = sums[x]! >> bits;
  }
  return { width, height, channels, data: new Uint8Array(out.buffer) };
}
