/** `casc.*` in a file's metadata_props: what ONNX has no word for, so that nobody has to repeat it. No date: same input, same bytes. */
import { z } from 'zod';
import { type InputScaling, inputScalingSchema } from '../datasets';
import { type Decoder, decoderSchema } from '../detect';
import { CascError } from '../errors';
import type { Network } from '../graph/network';
import type { PlanFormat } from '../native';

const VERSION = 1;

export interface NetworkMetadata {
  /** Arithmetic that the file was written for. */
  format?: PlanFormat;
  levels?: number;
  /** φ, the shift of the activations. */
  shift?: number;
  /** λ by activation, in order of execution: one for the layer, or one for each channel. */
  clips?: Record<string, number | number[]>;
  /** How an image becomes the net's input. */
  input?: InputScaling;
  classes?: string[];
  task?: 'classification' | 'detection';
  /** Of a detector: what its outputs mean. */
  decoder?: Decoder;
  /** SHA-256 of the calibration images as the net saw them. */
  calibration?: string;
  /** Fixed point: real value of one unit of each readout, in order. */
  readouts?: number[];
}

const clipValues = z.union([z.number().positive(), z.array(z.number().positive()).min(1)]);

const FIELDS = {
  format: z.enum(['float32', 'int8', 'int16']),
  levels: z.int().min(1).max(255),
  shift: z.number().min(0).max(1),
  clips: z.record(z.string(), clipValues),
  input: inputScalingSchema,
  classes: z.array(z.string()),
  task: z.enum(['classification', 'detection']),
  decoder: decoderSchema,
  calibration: z.string().regex(/^[0-9a-f]{64}$/),
  readouts: z.array(z.number().positive()),
} satisfies Record<keyof NetworkMetadata, z.ZodType>;

/** As metadata_props: each field as JSON under `casc.<field>`. */
export function encodeMetadata(metadata: NetworkMetadata): Record<string, string> {
  const props: Record<string, string> = { 'casc.version': String(VERSION) };
  for (const field of Object.keys(FIELDS) as (keyof NetworkMetadata)[]) {
    if (metadata[field] !== undefined) props[`casc.${field}`] = JSON.stringify(metadata[field]);
  }
  return props;
}

/**
 * Throws ERR_CASC_MODEL where a `casc.*` entry cannot be read, or is of a newer version than this library.
 *
 * @example
 * const { levels, clips, input } = readMetadata(await importModel('q8.onnx'));
 */
export function readMetadata(network: Network): NetworkMetadata {
  const { file, metadata: props } = network;
  const bad = (key: string, why: string) =>
    new CascError('ERR_CASC_MODEL', `${file}: the metadata entry ${key} ${why}`, { file });
  const version = props['casc.version'];
  if (version !== undefined && Number(version) > VERSION) {
    throw bad('casc.version', `is ${version}; this casc-snn reads up to ${VERSION}. Update casc-snn`);
  }
  const metadata: Record<string, unknown> = {};
  for (const [field, schema] of Object.entries(FIELDS)) {
    const key = `casc.${field}`;
    const text = props[key];
    if (text === undefined) continue;
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      throw bad(key, 'is not JSON');
    }
    const parsed = schema.safeParse(value);
    if (!parsed.success) throw bad(key, `is wrong: ${parsed.error.issues[0]!.message}`);
    metadata[field] = parsed.data;
  }
  return metadata as NetworkMetadata;
}

/**
 * Units of the readouts where a file is in fixed point already and `format` has room for its integers; undefined where it
 * has to be rounded anew.
 */
export function keptReadouts(metadata: NetworkMetadata, format: PlanFormat): readonly number[] | undefined {
  const fits = metadata.format === format || (metadata.format === 'int8' && format === 'int16');
  return fits ? metadata.readouts : undefined;
}

/** Smallest and largest value that a pixel 0..255 becomes. */
export function inputRangeOf(scaling: InputScaling): { min: number; max: number } {
  const ends = scaling.mean.flatMap((mean, i) => {
    const std = scaling.std[i] ?? scaling.std[0]!;
    return [(0 - mean) / std, (255 * scaling.scale - mean) / std];
  });
  return { min: Math.min(...ends), max: Math.max(...ends) };
}
