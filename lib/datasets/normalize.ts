/** 8-bit pixels to the network's floats, planes in C×H×W order. */
import type { RawImage } from './raw-image';
import type { InputScaling } from './scaling';

/** Writes one image to `out` from `offset` on: C·H·W floats. */
export type Normalizer = (image: RawImage, out: Float32Array, offset: number) => void;

/** Number of planes of the network's input. */
export function planesOf(scaling: InputScaling): number {
  return scaling.channels === 'gray' ? 1 : 3;
}

/**
 * x = (pixel·scale − mean) / std, computed in double precision and rounded to float32 once, for each of the 256 values a
 * pixel can have.
 */
export function normalizer(scaling: InputScaling): Normalizer {
  const planes = planesOf(scaling);
  const tables = Array.from({ length: planes }, (_, c) => {
    const mean = scaling.mean[c] ?? scaling.mean[0]!;
    const std = scaling.std[c] ?? scaling.std[0]!;
    return Float32Array.from({ length: 256 }, (_, pixel) => (pixel * scaling.scale - mean) / std);
  });
  return (image, out, offset) => {
    const { data, channels } = image;
    const plane = image.width * image.height;
    for (let c = 0; c < planes; c++) {
      const table = tables[c]!;
      const begin = offset + c * plane;
      if (planes === 1 && channels === 3) {
        for (let i = 0; i < plane; i++) out[begin + i] = table[luma(data, 3 * i)]!;
      } else {
        const source = channels === 1 ? 0 : scaling.channels === 'bgr' ? 2 - c : c;
        for (let i = 0, p = source; i < plane; i++, p += channels) out[begin + i] = table[data[p]!]!;
      }
    }
  };
}

/** ITU-R 601 luma in fixed point, as Pillow's mode L has it; three equal channels give their value. */
function luma(data: Uint8Array, at: number): number {
  return (data[at]! * 19595 + data[at + 1]! * 38470 + data[at + 2]! * 7471 + 0x8000) >> 16;
}
