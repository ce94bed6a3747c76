/** Resizing of 8-bit images without antialiasing: a result looks at its neighbours only, however much the image shrinks. */
import type { RawImage } from './raw-image';
import type { Resize } from './resample';

/**
 * The nearest pixel, half-pixel centres: input position ⌊(i + 1/2)·from/to⌋.
 */
export function nearest(image: RawImage, resize: Resize): RawImage {
  const { channels, data } = image;
  const { width, height } = resize;
  const out = new Uint8Array(width * height * channels);
  let o = 0;
  for (let y = 0; y < height; y++) {
    const row = Math.floor((resize.top + y + 0.5) * (image.height / resize.fullHeight)) * image.width;
    for (let x = 0; x < width; x++) {
      const p = (row + Math.floor((resize.left + x + 0.5) * (image.width / resize.fullWidth))) * channels;
      for (let c = 0; c < channels; c++) out[o++] = data[p + c]!;
    }
  }
  return { width, height, channels, data: out };
}

/**
 * Bilinear with half-pixel centres, per axis s = (i + 1/2)·from/to − 1/2, i₀ = ⌊s⌋, f = s − i₀, positions clamped to the
 * image; value = (1−f_y)·((1−f_x)·p₀₀ + f_x·p₀₁) + f_y·((1−f_x)·p₁₀ + f_x·p₁₁) in double precision, rounded once, half up.
 */
export function bilinear(image: RawImage, resize: Resize): RawImage {
  const { channels, data } = image;
  const { width, height } = resize;
  const across = neighbours(image.width, resize.fullWidth, resize.left, width);
  const down = neighbours(image.height, resize.fullHeight, resize.top, height);
  const out = new Uint8Array(width * height * channels);
  let o = 0;
  for (let y = 0; y < height; y++) {
    const row0 = down.low[y]! * image.width;
    const row1 = down.high[y]! * image.width;
    const fy = down.fraction[y]!;
    for (let x = 0; x < width; x++) {
      const x0 = across.low[x]!;
      const x1 = across.high[x]!;
      const fx = across.fraction[x]!;
      for (let c = 0; c < channels; c++) {
        const upper = (1 - fx) * data[(row0 + x0) * channels + c]! + fx * data[(row0 + x1) * channels + c]!;
        const lower = (1 - fx) * data[(row1 + x0) * channels + c]! + fx * data[(row1 + x1) * channels + c]!;
        out[o++] = Math.floor((1 - fy) * upper + fy * lower + 0.5);
      }
    }
  }
  return { width, height, channels, data: out };
}

function neighbours(from: number, to: number, offset: number, length: number) {
  const low = new Int32Array(length);
  const high = new Int32Array(length);
  const fraction = new Float64Array(length);
  for (let i = 0; i < length; i++) {
    const position = (offset + i + 0.5) * (from / to) - 0.5;
    const floor = Math.floor(position);
    low[i] = Math.max(0, floor);
    high[i] = Math.min(from - 1, floor + 1);
    fraction[i] = position - floor;
  }
  return { low, high, fraction };
}
