/** What was evaluated and how: the first line of a journal. Two journals with the same one hold parts of the same evaluation. */
import { z } from 'zod';

/** Of the lines' form; another one is refused. */
export const JOURNAL_FORMAT = 1;

const count = z.int().nonnegative();
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

export const headerSchema = z.strictObject({
  journal: z.literal('casc-snn evaluation'),
  format: z.literal(JOURNAL_FORMAT),
  /** Of the package. */
  version: z.string(),
  /** Its name says what `answers` of a record are; the rest is what changes them. */
  task: z.looseObject({ name: z.string() }),
  mode: z.enum(['full', 'rest']),
  model: z.strictObject({
    file: z.string(),
    hash: sha256,
    format: z.string(),
    levels: count,
    isa: z.string(),
  }),
  /** The fp32 net, where it is evaluated too. */
  ann: z.strictObject({ file: z.string(), hash: sha256 }).nullable(),
  data: z.strictObject({
    name: z.string(),
    /** SHA-256 over what fixes the images; see Dataset.identity. */
    hash: sha256,
    /** Images that were chosen, of all shards together. */
    images: count,
    classNames: z.array(z.string()).nullable(),
  }),
  settings: z.strictObject({
    /** How pixels become the net's input. */
    scaling: z.record(z.string(), z.unknown()),
    /** What the input is rounded to; null in float32. */
    grid: z.strictObject({ step: z.number(), lo: z.number(), hi: z.number(), scale: z.number() }).nullable(),
    schedule: z.strictObject({
      neuron: z.string(),
      gamma: count,
      negative: z.boolean(),
      upper: z.boolean(),
      shift: z.number().nullable(),
      wake: count,
      margin: count,
      /** −1: auto. */
      sleep: z.int(),
      cap: count,
      stagger: z.number(),
    }),
    /** How many of the first images are compared with the quantised ANN; null: all. Of mode 'full'. */
    certify: count.nullable(),
    /** Whether that was asked for: float32 is only measured, unless it was. */
    certifyAsked: z.boolean(),
    /** Share of the images that are simulated in full. Of mode 'rest'. */
    verify: z.number().nullable(),
  }),
  /** Neuron layers in order of execution. */
  layers: z.array(z.strictObject({ name: z.string(), neurons: count })),
  /** Multiply-adds of one dense pass, and of the first layer. */
  macs: z.strictObject({ total: count, firstLayer: count }),
  /** The part that this journal holds: images at with at mod of = index − 1. Null: all. */
  shard: z.strictObject({ index: count, of: count }).nullable(),
  machine: z.strictObject({
    platform: z.string(),
    cpu: z.string(),
    threads: count,
    node: z.string(),
  }),
  notes: z.array(z.string()),
});

export type JournalHeader = z.output<typeof headerSchema>;
export type Shard = NonNullable<JournalHeader['shard']>;

/** Positions of a shard's images among all that were chosen. */
export const inShard = (at: number, shard: Shard | null): boolean =>
  shard === null || at % shard.of === shard.index - 1;

/** How many images a journal has when it is complete. */
export function imagesOf({ data: { images }, shard }: JournalHeader): number {
  return shard === null ? images : Math.ceil((images - shard.index + 1) / shard.of);
}
