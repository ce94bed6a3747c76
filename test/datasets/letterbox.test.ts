import fc from 'fast-check';
import { type InputScalingOptions, imageGeometry, parseInputScaling, toImage } from '../../lib/datasets';
import { prepare } from '../../lib/datasets/prepare';
import type { RawImage } from '../../lib/datasets/raw-image';
import { caught, noise } from './helpers';

const image: RawImage = { width: 4, height: 2, channels: 3, data: noise(24) };
const letterbox = (size: number | [number, number], more: object = {}, pad?: number[]): InputScalingOptions => ({
  resize: { rule: 'letterbox', size, ...(pad ? { pad } : {}) },
  ...more,
});

test('the padding is recorded', () => {
  expect(parseInputScaling(letterbox(8)).resize).toEqual({ rule: 'letterbox', size: 8, pad: [114] });
});

test.each<[InputScalingOptions, string]>([
  [letterbox(8, {}, [256]), 'scaling.resize.pad.0'],
  [letterbox(8, {}, [0.5]), 'scaling.resize.pad.0'],
  [letterbox(8, {}, [1, 2]), 'scaling.resize.pad: one number, or one per channel'],
  [letterbox(8, { channels: 'gray' }, [1, 2, 3]), 'scaling.resize.pad: one number where channels is gray'],
  [letterbox(8, { crop: { height: 4, width: 4 } }), 'scaling.crop: no crop where the resize rule is letterbox'],
])('refused: %j', async (scaling, text) => {
  expect((await caught(() => parseInputScaling(scaling))).message).toContain(text);
});

test('the image lies in the middle, the odd row below it', () => {
  const prepared = prepare(image, parseInputScaling(letterbox([5, 4], {}, [7])), 'x');
  expect(prepared).toMatchObject({ width: 4, height: 5, channels: 3 });
  const row = Array.from({ length: 12 }, () => 7);
  expect([...prepared.data]).toEqual([...row, ...image.data, ...row, ...row]);
});

test('the padding has the order of the channels that the network gets', () => {
  const upper = (channels: 'rgb' | 'bgr') =>
    [...prepare(image, parseInputScaling(letterbox(4, { channels }, [1, 2, 3])), 'x').data].slice(0, 3);
  expect(upper('rgb')).toEqual([1, 2, 3]);
  expect(upper('bgr')).toEqual([3, 2, 1]); // images are stored as RGB
});

test('a grey image, and a coloured padding for it', () => {
  const grey: RawImage = { width: 2, height: 1, channels: 1, data: Uint8Array.of(50, 60) };
  expect([...prepare(grey, parseInputScaling(letterbox(2, {}, [9])), 'x').data]).toEqual([50, 60, 9, 9]);
  expect([...prepare(grey, parseInputScaling(letterbox(2, {}, [1, 2, 3])), 'x').data]).toEqual([
    50, 50, 50, 60, 60, 60, 1, 2, 3, 1, 2, 3,
  ]);
});

test('the resized part is that of a resize to its size', () => {
  const wide: RawImage = { width: 30, height: 21, channels: 3, data: noise(30 * 21 * 3) };
  for (const antialias of [true, false]) {
    const whole = prepare(wide, parseInputScaling(letterbox(16, { antialias })), 'x');
    const part = prepare(wide, parseInputScaling({ resize: { rule: 'stretch', size: [11, 16] }, antialias }), 'x');
    expect(whole.data.subarray(2 * 48, 13 * 48)).toEqual(part.data); // 21·16/30 = 11.2; ⌊(16 − 11)/2⌋ = 2
  }
});

describe('geometry', () => {
  // Ultralytics' letterbox of these sizes: round(side·r) in the middle, the odd pixel at the right or below.
  test.each([
    [640, 480, 640, { resized: { width: 640, height: 480 }, left: 0, top: 80 }],
    [500, 375, 416, { resized: { width: 416, height: 312 }, left: 0, top: 52 }],
    [427, 640, 416, { resized: { width: 278, height: 416 }, left: 69, top: 0 }],
    [3, 1000, 64, { resized: { width: 1, height: 64 }, left: 31, top: 0 }],
  ])('%ix%i in a letter-box of %i', (width, height, size, expected) => {
    expect(imageGeometry({ width, height }, parseInputScaling(letterbox(size)))).toMatchObject({
      ...expected,
      input: { width: size, height: size },
    });
  });

  const side = fc.integer({ min: 1, max: 800 });
  const rules = fc.oneof(
    fc.constant<InputScalingOptions>({}),
    fc.record({ resize: fc.record({ rule: fc.constant('stretch' as const), size: fc.tuple(side, side) }) }),
    fc.record({ resize: fc.record({ rule: fc.constant('short-side' as const), size: side }) }),
    fc.record({ resize: fc.record({ rule: fc.constant('letterbox' as const), size: fc.tuple(side, side) }) }),
  );

  test('corners of the resized image are the image’s, whatever the rule', () => {
    fc.assert(
      fc.property(side, side, rules, (width, height, scaling) => {
        const geometry = imageGeometry({ width, height }, parseInputScaling(scaling));
        const { left, top, resized, input } = geometry;
        expect(toImage(geometry, left, top)).toEqual([0, 0]);
        expect(toImage(geometry, left + resized.width, top + resized.height)).toEqual([width, height]);
        // A letter-box contains the image, touches it on two sides and keeps its aspect ratio to half a pixel.
        if (scaling.resize?.rule === 'letterbox') {
          expect(Math.min(input.width - resized.width, input.height - resized.height)).toBe(0);
          expect(Math.max(resized.width - input.width, resized.height - input.height)).toBe(0);
          const scale = Math.min(input.width / width, input.height / height);
          expect(Math.abs(Math.max(1, width * scale) - resized.width)).toBeLessThanOrEqual(0.5 + 1e-9);
          expect(Math.abs(Math.max(1, height * scale) - resized.height)).toBeLessThanOrEqual(0.5 + 1e-9);
        }
      }),
    );
  });

  test('a crop moves the corner out of the input', () => {
    const scaling = parseInputScaling({ resize: { rule: 'short-side', size: 256 }, crop: { height: 227, width: 227 } });
    const geometry = imageGeometry({ width: 512, height: 256 }, scaling);
    expect(geometry).toMatchObject({ left: -142, top: -14, input: { width: 227, height: 227 } });
    expect(toImage(geometry, 0, 0)).toEqual([142, 14]);
  });
});
