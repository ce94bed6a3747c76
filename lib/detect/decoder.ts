/** A detector's output as data: what each channel means, and how boxes and scores are made of it. */
import { z } from 'zod';
import { CascError } from '../errors';

const place = {
  /** Which of the network's outputs, from 0. */
  output: z.int().min(0).default(0),
  /** Its first channel there. */
  channel: z.int().min(0).default(0),
};

const boxActivation = z.enum(['none', 'sigmoid', 'tanh', 'exp']);

const headSchema = z.strictObject({
  /** Pixels of the network's input per cell; the grid has ⌈input / stride⌉ cells along each axis. */
  stride: z.int().min(1),
  /** Whether a cell holds an object, 0..1 after the activation; null where the network does not say. */
  objectness: z
    .strictObject({ ...place, activation: z.enum(['none', 'sigmoid']) })
    .nullable()
    .default(null),
  /** Four channels tx, ty, tw, th. */
  box: z.strictObject({
    ...place,
    /** Centre: (column or row of the cell + scale · activation(t) + offset) · stride. */
    center: z.strictObject({
      activation: boxActivation,
      scale: z.number().default(1),
      offset: z.number().default(0),
    }),
    /** Width and height: activation(t), in cells, in pixels of the input, or as shares of the input's width and height. */
    size: z.strictObject({ activation: boxActivation, unit: z.enum(['cell', 'pixel', 'input']) }),
  }),
  /** One channel for each class, p = 0..1 after the activation; `count` of them, or all to the output's last. */
  classes: z.strictObject({
    ...place,
    count: z.int().min(1).optional(),
    activation: z.enum(['none', 'sigmoid', 'softmax']),
  }),
});

const share = z.number().min(0).max(1);

/**
 * Outputs are maps [channels, rows, columns], one prediction per cell and head, without anchors. An activation `none` also stands for
 * one that the network has applied already.
 *
 * - `score`: objectness^a · p^b with the exponents a (`objectness`) and b (`class`), p that of the likeliest class.
 * - `threshold`: predictions whose score is above are kept. `iou`: of two of one class that overlap more, the better one is kept.
 * - `clip`: cuts boxes off, before that, at the edge of the `input` (a letter-box's padding belongs to it) or of the `image`.
 * - `limit`: detections kept for each class and image.
 * - `classNames`: in the order of the class channels; needed where the data set has other classes, or another order.
 */
export const decoderSchema = z.strictObject({
  heads: z.array(headSchema).min(1).readonly(),
  score: z
    .strictObject({ objectness: z.number().positive().default(1), class: z.number().positive().default(1) })
    .default({ objectness: 1, class: 1 }),
  threshold: share.default(0.001),
  iou: share.default(0.6),
  clip: z.enum(['none', 'input', 'image']).default('none'),
  limit: z.int().min(1).default(100),
  classNames: z.array(z.string()).readonly().optional(),
});

export type Decoder = z.output<typeof decoderSchema>;
/** The same with what has a default optional. */
export type DecoderOptions = z.input<typeof decoderSchema>;
export type Head = Decoder['heads'][number];

/**
 * Checks a description of a detector's output and fills in the defaults.
 *
 * @throws CascError ERR_CASC_ARGUMENT that names every wrong field.
 *
 * @example
 * const decoder = parseDecoder({
 *   heads: [{
 *     stride: 16,
 *     objectness: { channel: 4, activation: 'sigmoid' },
 *     box: { channel: 0, center: { activation: 'sigmoid' }, size: { activation: 'exp', unit: 'cell' } },
 *     classes: { channel: 5, activation: 'softmax' },
 *   }],
 * });
 */
export function parseDecoder(value: unknown): Decoder {
  const result = decoderSchema.safeParse(value);
  if (result.success) return result.data;
  const issues = result.error.issues.map((issue) => `${['decoder', ...issue.path].join('.')}: ${issue.message}`);
  throw new CascError('ERR_CASC_ARGUMENT', `the decoder is wrong: ${issues.join('; ')}`, { option: 'decoder' });
}
