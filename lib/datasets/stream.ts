/** The images of a source, decoded and resized ahead on other threads and gathered into batches. */
import { CascError } from '../errors';
import { fileSize } from './file-size';
import { normalizer } from './normalize';
import { orderedMap } from './ordered';
import { prepare } from './prepare';
import { PreparePool } from './prepare-pool';
import type { RawImage } from './raw-image';
import type { InputScaling } from './scaling';
import { select } from './selection';
import type { OnError, Source, SourceItem } from './source';

export interface DataBatch {
  /** count × c·h·w floats, C×H×W order; the consumer's own. */
  readonly images: Float32Array;
  readonly labels: Int32Array;
  readonly ids: readonly string[];
  /** Places of the images among those that the data set takes. */
  readonly positions: readonly number[];
  /** Sizes of the images' files; null where they have none of their own. */
  readonly fileBytes: readonly (number | null)[];
  /** 0 where none of the batch could be read. */
  readonly count: number;
  /** Images in the batches before. */
  readonly start: number;
  /** Images that could not be read; always empty unless the data set was opened to skip them. */
  readonly failures: readonly FailedImage[];
}

export interface FailedImage {
  readonly position: number;
  readonly id: string;
  /** Size of its file; null where it is missing. */
  readonly fileBytes: number | null;
  readonly error: CascError;
}

export interface StreamPlan {
  readonly source: Source;
  readonly scaling: InputScaling;
  readonly shape: { readonly c: number; readonly h: number; readonly w: number };
  /** Places in the source of the images that the data set takes. */
  readonly taken: readonly number[];
  /** Of these, the ones to stream. */
  readonly chosen: readonly number[];
  /** Labels must be below; null where any will do. */
  readonly classes: number | null;
  /** Images decoded at a time. */
  readonly concurrency: number;
  readonly onError: OnError;
  readonly signal: AbortSignal | undefined;
}

/** A prepared image: 8-bit pixels, a quarter of what its floats take. */
interface Prepared {
  readonly id: string;
  readonly label: number;
  readonly fileBytes: number | null;
  readonly pixels: RawImage | CascError;
}

/** Batches in order. The one after that being consumed is gathered meanwhile. */
export async function* batchesOf(plan: StreamPlan, batchSize: number): AsyncGenerator<DataBatch, void, undefined> {
  const stop = new AbortController();
  const signal = plan.signal ? AbortSignal.any([plan.signal, stop.signal]) : stop.signal;
  const { chosen, taken, source } = plan;
  const items = select(
    source.items(),
    chosen.map((at) => taken[at]!),
    source.total,
  );
  const pool = new PreparePool(plan.concurrency, plan.scaling);
  const images = orderedMap(items, plan.concurrency, (item) => prepared(plan, pool, item, signal));
  let begun = 0;
  let start = 0;
  const gather = (): Promise<DataBatch> => {
    const batch = gathered(plan, images, chosen.slice(begun, begun + batchSize));
    begun += batchSize;
    batch.catch(() => undefined); // thrown when its turn comes
    return batch;
  };
  let next = gather();
  try {
    for (let done = 0; done < chosen.length; done += batchSize) {
      const batch = await next;
      if (begun < chosen.length) next = gather();
      yield { ...batch, start };
      start += batch.count;
      plan.signal?.throwIfAborted();
    }
    await images.next(); // lets the source check its end
  } finally {
    stop.abort();
    await next.catch(() => undefined);
    await images.return();
    await pool.close();
  }
}

async function prepared(plan: StreamPlan, pool: PreparePool, item: SourceItem, signal: AbortSignal): Promise<Prepared> {
  signal.throwIfAborted();
  checkLabel(item, plan.classes);
  const { id, label } = item;
  const known = { id, label, fileBytes: await fileSize(item) };
  try {
    return { ...known, pixels: await pixelsOf(plan, pool, item) };
  } catch (error) {
    if (plan.onError === 'skip' && isUnreadable(error)) return { ...known, pixels: error };
    throw error;
  }
}

async function pixelsOf({ scaling, shape }: StreamPlan, pool: PreparePool, item: SourceItem): Promise<RawImage> {
  const { id, file } = item;
  const elsewhere = file !== undefined || scaling.resize.rule !== 'none';
  const pixels = elsewhere
    ? await pool.prepare({ id, from: file ?? (await item.load()) })
    : prepare(await item.load(), scaling, id);
  const { h, w } = shape;
  if (pixels.width === w && pixels.height === h) return pixels;
  throw new CascError(
    'ERR_CASC_IMAGE',
    `image ${id} is ${pixels.width}x${pixels.height} (width x height), the images before it are ${w}x${h}; ` +
      'give a crop or the resize rule stretch, so that all images get one size',
    { image: id },
  );
}

/** Whether an error is of one image, and the others may be fine. */
export function isUnreadable(error: unknown): error is CascError {
  return error instanceof CascError && error.code === 'ERR_CASC_IMAGE';
}

async function gathered(
  plan: StreamPlan,
  from: AsyncIterator<Prepared, void>,
  positions: readonly number[],
): Promise<DataBatch> {
  const { c, h, w } = plan.shape;
  const size = c * h * w;
  const normalize = normalizer(plan.scaling);
  const images = new Float32Array(positions.length * size);
  const labels: number[] = [];
  const ids: string[] = [];
  const good: number[] = [];
  const sizes: (number | null)[] = [];
  const failures: FailedImage[] = [];
  for (const position of positions) {
    const { value } = await from.next();
    plan.signal?.throwIfAborted();
    if (!value) throw new Error(`the data set ended before image ${position} of ${plan.taken.length}`);
    const { id, label, fileBytes, pixels } = value;
    if (pixels instanceof CascError) {
      failures.push({ position, id, fileBytes, error: pixels });
      continue;
    }
    normalize(pixels, images, ids.length * size);
    labels.push(label);
    ids.push(id);
    good.push(position);
    sizes.push(fileBytes);
  }
  return {
    images: failures.length === 0 ? images : images.slice(0, ids.length * size),
    labels: Int32Array.from(labels),
    ids,
    positions: good,
    fileBytes: sizes,
    count: ids.length,
    start: 0,
    failures,
  };
}

/** Checks a label against the network's number of classes. */
export function checkLabel({ id, label }: { id: string; label: number }, classes: number | null): void {
  if (classes === null || label < classes) return;
  const hint = label === classes ? ' (labels are zero-based: are these counted from 1?)' : '';
  throw new CascError(
    'ERR_CASC_DATA',
    `image ${id} has label ${label}, the network has ${classes} classes (0..${classes - 1})${hint}; check that the data set and the network belong together`,
    { image: id },
  );
}
