import { createHash } from 'node:crypto';
import { parseInputScaling } from '../../lib/datasets';
import { prepare } from '../../lib/datasets/prepare';
import type { RawImage } from '../../lib/datasets/raw-image';
import { noise } from './helpers';

const image: RawImage = { width: 37, height: 23, channels: 3, data: noise(37 * 23 * 3) };

/** The first 16 hexadecimal digits of SHA-256 over Image.resize((w, h), filter) of Pillow 12.3.0 on the same image. */
const pillow = [
  ['bilinear', 16, 10, 'a8033cc56442fa72'],
  ['bilinear', 5, 7, 'a95d7a93e10ca96f'],
  ['bilinear', 50, 40, '9bc38bf8d9d5cd19'],
  ['bilinear', 37, 11, '3d7e30e47da087f0'],
  ['bicubic', 16, 10, 'c0bb3bdebddda9c2'],
  ['bicubic', 5, 7, 'a12b5d34021df571'],
  ['bicubic', 50, 40, '6f4fad061fd3b813'],
  ['bicubic', 37, 11, '6234b025d65f9467'],
  ['lanczos3', 16, 10, '272659d6e7798525'],
  ['lanczos3', 5, 7, 'a62b57279fec6017'],
  ['lanczos3', 50, 40, 'd69721b52b3a3f0d'],
  ['lanczos3', 37, 11, 'f551083138700ea0'],
  ['nearest', 16, 10, 'b711c0b410e8b171'],
  ['nearest', 5, 7, 'db67bd7be961e7fd'],
  ['nearest', 50, 40, '19a5eaaedd95f31c'],
  ['nearest', 37, 11, '9b6d6420799ae9c9'],
] as const;

test.each(pillow)('%s to %ix%i is Pillow’s, bit for bit', (interpolation, width, height, hash) => {
  const scaling = parseInputScaling({ resize: { rule: 'stretch', size: [height, width] }, interpolation });
  const { data } = prepare(image, scaling, 'x');
  expect(createHash('sha256').update(data).digest('hex').slice(0, 16)).toBe(hash);
});

describe('bilinear without antialiasing', () => {
  const plain = (of: RawImage, height: number, width: number) =>
    prepare(of, parseInputScaling({ resize: { rule: 'stretch', size: [height, width] }, antialias: false }), 'x');
  const row = (...pixels: number[]): RawImage => ({
    width: pixels.length,
    height: 1,
    channels: 1,
    data: Uint8Array.from(pixels),
  });

  test('half-pixel centres, neighbours only, rounded half up', () => {
    // s = 2i + 1/2: pixels 0|1 and 2|3, half of each; antialiasing would look further.
    expect([...plain(row(0, 101, 200, 10), 1, 2).data]).toEqual([51, 105]);
    // s = (i + 1/2)/2 − 1/2 = −1/4, 1/4, 3/4, 5/4; the ends are clamped.
    expect([...plain(row(0, 100), 1, 4).data]).toEqual([0, 25, 75, 100]);
    // s = 4i + 3/2: pixels 1|2 and 5|6.
    expect([...plain(row(255, 10, 20, 255, 255, 30, 40, 255), 1, 2).data]).toEqual([15, 35]);
  });

  test('is the formula on every pixel', () => {
    const [h, w] = [11, 17];
    const { data } = plain(image, h, w);
    const at = (y: number, x: number, c: number) => {
      const clampedY = Math.min(22, Math.max(0, y));
      const clampedX = Math.min(36, Math.max(0, x));
      return image.data[(clampedY * 37 + clampedX) * 3 + c]!;
    };
    for (let y = 0; y < h; y++) {
      for (let x = 0; x < w; x++) {
        const sy = ((y + 0.5) * 23) / h - 0.5;
        const sx = ((x + 0.5) * 37) / w - 0.5;
        const [y0, x0] = [Math.floor(sy), Math.floor(sx)];
        const [fy, fx] = [sy - y0, sx - x0];
        for (let c = 0; c < 3; c++) {
          const exact =
            (1 - fy) * ((1 - fx) * at(y0, x0, c) + fx * at(y0, x0 + 1, c)) +
            fy * ((1 - fx) * at(y0 + 1, x0, c) + fx * at(y0 + 1, x0 + 1, c));
          expect(Math.abs(data[(y * w + x) * 3 + c]! - exact)).toBeLessThanOrEqual(0.5 + 1e-9);
        }
      }
    }
  });
});
