import { parseInputScaling } from '../../lib/datasets';
import { normalizer } from '../../lib/datasets/normalize';
import { prepare } from '../../lib/datasets/prepare';
import type { RawImage } from '../../lib/datasets/raw-image';
import { caught, noise } from './helpers';

describe('parseInputScaling', () => {
  test('fills in the defaults and survives JSON', () => {
    const scaling = parseInputScaling({});
    expect(scaling).toEqual({
      mean: [0],
      std: [1],
      scale: 1 / 255,
      resize: { rule: 'none' },
      interpolation: 'bilinear',
      antialias: true,
      crop: null,
      channels: 'rgb',
    });
    expect(parseInputScaling(JSON.parse(JSON.stringify(scaling)))).toEqual(scaling);
  });

  test.each([
    [{ mean: [1, 2] }, 'scaling.mean: one number, or one per channel'],
    [{ std: [0] }, 'scaling.std: greater than 0'],
    [{ std: [Number.NaN] }, 'scaling.std.0'],
    [{ scale: 0 }, 'scaling.scale'],
    [{ resize: { rule: 'short-side' } }, 'scaling.resize.size'],
    [{ resize: { rule: 'letterbox' } }, 'scaling.resize'],
    [{ interpolation: 'area' }, 'scaling.interpolation'],
    [
      { resize: { rule: 'stretch', size: 8 }, interpolation: 'bicubic', antialias: false },
      'bilinear or nearest where antialias is false',
    ],
    [{ channels: 'gray', mean: [1, 2, 3] }, 'one mean and one std where channels is gray'],
    [{ crop: { height: 0, width: 1 } }, 'scaling.crop.height'],
    [{ means: [0] }, 'means'],
    ['rgb', 'scaling'],
  ])('%j is refused', async (value, text) => {
    const error = await caught(() => parseInputScaling(value));
    expect(error.code).toBe('ERR_CASC_ARGUMENT');
    expect(error.message).toMatch(/^the input scaling is wrong: scaling/);
    expect(error.message).toContain(text);
    expect(error.where).toEqual({ option: 'scaling' });
  });
});

describe('normalizer', () => {
  const image: RawImage = { width: 2, height: 1, channels: 3, data: Uint8Array.of(10, 20, 30, 40, 50, 60) };
  const gray: RawImage = { width: 2, height: 1, channels: 1, data: Uint8Array.of(7, 255) };
  const run = (of: RawImage, options: object) => {
    const out = new Float32Array(7);
    normalizer(parseInputScaling(options))(of, out, 1);
    return [...out.subarray(1)];
  };

  test('planes in C×H×W order, mean and std per channel as fed', () => {
    const numbers = { scale: 1, mean: [1, 2, 3], std: [2, 4, 8] };
    expect(run(image, numbers)).toEqual([9 / 2, 39 / 2, 18 / 4, 48 / 4, 27 / 8, 57 / 8]);
    expect(run(image, { ...numbers, channels: 'bgr' })).toEqual([29 / 2, 59 / 2, 18 / 4, 48 / 4, 7 / 8, 37 / 8]);
  });

  test('is one rounding away from the formula', () => {
    const x = Math.fround((10 * (1 / 255) - 0.485) / 0.229);
    expect(run(image, { mean: [0.485], std: [0.229] })[0]).toBe(x);
  });

  test('gray to three planes, colour to one', () => {
    expect(run(gray, { scale: 1 })).toEqual([7, 255, 7, 255, 7, 255]);
    expect(run(gray, { scale: 1, channels: 'gray' }).slice(0, 2)).toEqual([7, 255]);
    // Pillow: Image.convert('L') of these pixels
    expect(run(image, { scale: 1, channels: 'gray' }).slice(0, 2)).toEqual([18, 48]);
  });
});

describe('prepare', () => {
  const image: RawImage = { width: 7, height: 4, channels: 3, data: noise(7 * 4 * 3) };

  test('crops at ⌊(W−w)/2⌋', () => {
    const cropped = prepare(image, parseInputScaling({ crop: { height: 3, width: 4 } }), 'x');
    expect(cropped).toMatchObject({ width: 4, height: 3 });
    for (let y = 0; y < 3; y++) {
      const from = (y * 7 + 1) * 3;
      expect(cropped.data.slice(y * 12, y * 12 + 12)).toEqual(image.data.slice(from, from + 12));
    }
  });

  test.each(['bilinear', 'nearest'] as const)(
    'a crop of a resize is the window of the whole resize: %s',
    (interpolation) => {
      for (const antialias of [true, false]) {
        const resize = { rule: 'stretch', size: [9, 6] } as const;
        const whole = prepare(image, parseInputScaling({ resize, interpolation, antialias }), 'x');
        const crop = { height: 4, width: 3 };
        const direct = prepare(image, parseInputScaling({ resize, interpolation, antialias, crop }), 'x');
        expect(direct).toEqual(prepare(whole, parseInputScaling({ crop }), 'x'));
      }
    },
  );

  test('the longer side is rounded down', () => {
    const resized = prepare(image, parseInputScaling({ resize: { rule: 'short-side', size: 3 } }), 'x');
    expect(resized).toMatchObject({ width: 5, height: 3 }); // 3·7/4 = 5.25
    const upright = prepare(
      { ...image, width: 4, height: 7 },
      parseInputScaling({ resize: { rule: 'short-side', size: 3 } }),
      'x',
    );
    expect(upright).toMatchObject({ width: 3, height: 5 });
  });

  test('a crop that does not fit is refused', async () => {
    const error = await caught(() => prepare(image, parseInputScaling({ crop: { height: 5, width: 5 } }), 'a.png'));
    expect(error.code).toBe('ERR_CASC_IMAGE');
    expect(error.message).toBe(
      'image a.png is 7x4 (width x height), too small for a crop of 5x5; use the resize rule short-side with a size of at least 5, or a smaller crop',
    );
    expect(error.where).toEqual({ image: 'a.png' });
  });
});
