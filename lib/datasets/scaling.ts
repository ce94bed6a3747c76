/** Input scaling: how a decoded image becomes the floats that a network was trained on. */
import { z } from 'zod';
import { CascError } from '../errors';

const size = z.int().min(1).max(65_536);
const sides = z.union([size, z.tuple([size, size]).readonly()]);
const perChannel = z
  .array(z.number())
  .readonly()
  .refine((a) => a.length === 1 || a.length === 3, 'one number, or one per channel');

const resizeSchema = z.discriminatedUnion('rule', [
  /** Images are taken as they are. */
  z.strictObject({ rule: z.literal('none') }),
  /** The shorter side becomes `size`, the longer one ⌊size·long/short⌋ (as torchvision has it). */
  z.strictObject({ rule: z.literal('short-side'), size }),
  /** Both sides become `size` ([height, width], or one number for both); the aspect ratio is lost. */
  z.strictObject({ rule: z.literal('stretch'), size: sides }),
  /**
   * The largest size with the same aspect ratio that fits into `size`, the other side rounded to the nearest pixel, in the middle;
   * the rest is `pad`: 0..255, one number or one per channel, in the order the network gets them. Detectors of the YOLO family
   * were mostly trained with 114 (grey), older ones with 0 or with the mean colour.
   */
  z.strictObject({
    rule: z.literal('letterbox'),
    size: sides,
    pad: z
      .array(z.int().min(0).max(255))
      .readonly()
      .refine((a) => a.length === 1 || a.length === 3, 'one number, or one per channel')
      .default([114]),
  }),
]);

/**
 * x = (pixel·scale − mean) / std, per channel, after resizing and padding or a centre crop of the 8-bit image.
 *
 * - `mean`, `std`: one number for all channels or one per channel, in the order the network gets them (`channels`).
 * - `scale`: pixel multiplier; 1/255 unless the network takes raw 0..255 (then 1).
 * - `interpolation`: `bilinear`, `bicubic` (a = −1/2), `lanczos3` or `nearest`. With `antialias` the kernel widens when
 *   an image shrinks and the result is Pillow's and torchvision's, bit for bit (resample.ts); without it, as OpenCV and
 *   most deployment code have it, `bilinear` and `nearest` only look at their neighbours (interpolate.ts).
 * - `crop`: centre crop, left = ⌊(W−w)/2⌋, top = ⌊(H−h)/2⌋.
 * - `channels`: order of the planes; `gray` is one plane, luma (299·R + 587·G + 114·B)/1000 of colour images.
 */
export const inputScalingSchema = z
  .strictObject({
    mean: perChannel.default([0]),
    std: perChannel.refine((a) => a.every((s) => s > 0), 'greater than 0').default([1]),
    scale: z
      .number()
      .positive()
      .default(1 / 255),
    resize: resizeSchema.default({ rule: 'none' }),
    interpolation: z.enum(['bilinear', 'bicubic', 'nearest', 'lanczos3']).default('bilinear'),
    antialias: z.boolean().default(true),
    crop: z.strictObject({ height: size, width: size }).nullable().default(null),
    channels: z.enum(['rgb', 'bgr', 'gray']).default('rgb'),
  })
  .refine((s) => s.channels !== 'gray' || (s.mean.length === 1 && s.std.length === 1), {
    path: ['mean'],
    error: 'one mean and one std where channels is gray',
  })
  .refine((s) => s.channels !== 'gray' || s.resize.rule !== 'letterbox' || s.resize.pad.length === 1, {
    path: ['resize', 'pad'],
    error: 'one number where channels is gray',
  })
  .refine((s) => s.resize.rule !== 'letterbox' || s.crop === null, {
    path: ['crop'],
    error: 'no crop where the resize rule is letterbox',
  })
  .refine((s) => s.resize.rule === 'none' || s.antialias || /^(bilinear|nearest)$/.test(s.interpolation), {
    path: ['interpolation'],
    error: 'bilinear or nearest where antialias is false',
  });

export type InputScaling = z.output<typeof inputScalingSchema>;
/** The same with every field optional. */
export type InputScalingOptions = z.input<typeof inputScalingSchema>;

/**
 * Checks a description of the input scaling (from options or from a file's metadata) and fills in the defaults.
 *
 * @throws CascError ERR_CASC_ARGUMENT that names every wrong field.
 *
 * @example
 * const scaling = parseInputScaling({ mean: [0.5], std: [0.25], channels: 'gray' });
 */
export function parseInputScaling(value: unknown): InputScaling {
  const result = inputScalingSchema.safeParse(value);
  if (result.success) return result.data;
  const issues = result.error.issues.map((issue) => `${['scaling', ...issue.path].join('.')}: ${issue.message}`);
  throw new CascError('ERR_CASC_ARGUMENT', `the input scaling is wrong: ${issues.join('; ')}`, { option: 'scaling' });
}
