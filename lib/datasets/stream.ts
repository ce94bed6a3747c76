/** The images of a source, decoded ahead and gathered into batches. */
import { CascError } from '../errors';
import { normalizer } from './normalize';
import { orderedMap } from './ordered';
import { prepare } from './prepare';
import type { RawImage } from './raw-image';
import type { InputScaling } from './scaling';
import { select } from './selection';
import type { Source, SourceItem } from './source';

export interface DataBatch {
  /** count × c·h·w floats, C×H×W order; the consumer's own. */
  readonly images: Float32Array;
  readonly labels: Int32Array;
  readonly ids: readonly string[];
  readonly count: number;
  /** Images in the batches before. */
  readonly start: number;
}

export interface StreamPlan {
  readonly source: Source;
  readonly scaling: InputScaling;
  readonly shape: { readonly c: number; readonly h: number; readonly w: number };
  /** Positions of the images to take. */
  readonly positions: readonly number[];
  /** Labels must be below; null where any will do. */
  readonly classes: number | null;
  /** Images decoded at a time. */
  readonly concurrency: number;
  readonly signal: AbortSignal | undefined;
}

/** A prepared image: 8-bit pixels, a quarter of what its floats take. */
interface Prepared {
  readonly id: string;
  readonly label: number;
  readonly pixels: RawImage;
}

/** Batches in order. The one after that being consumed is gathered meanwhile. */
export async function* batchesOf(plan: StreamPlan, batchSize: number): AsyncGenerator<DataBatch, void, undefined> {
  const stop = new AbortController();
  const signal = plan.signal ? AbortSignal.any([plan.signal, stop.signal]) : stop.signal;
  const size = plan.positions.length;
  const items = select(plan.source.items(), plan.positions, plan.source.total);
  const images = orderedMap(items, plan.concurrency, (item) => prepared(plan, item, signal));
  const gather = (start: number): Promise<DataBatch> => {
    const batch = gathered(plan, images, start, Math.min(batchSize, size - start));
    batch.catch(() => undefined); // thrown when its turn comes
    return batch;
  };
  let next = gather(0);
  try {
    for (let start = 0; start < size; ) {
      const batch = await next;
      start += batch.count;
      if (start < size) next = gather(start);
      yield batch;
      plan.signal?.throwIfAborted();
    }
    await images.next(); // lets the source check its end
  } finally {
    stop.abort();
    await next.catch(() => undefined);
    await images.return();
  }
}

async function prepared(plan: StreamPlan, item: SourceItem, signal: AbortSignal): Promise<Prepared> {
  signal.throwIfAborted();
  checkLabel(item, plan.classes);
  const pixels = prepare(await item.load(), plan.scaling, item.id);
  const { h, w } = plan.shape;
  if (pixels.width === w && pixels.height === h) return { id: item.id, label: item.label, pixels };
  throw new CascError(
    'ERR_CASC_IMAGE',
    `image ${item.id} is ${pixels.width}x${pixels.height} (width x height), the images before it are ${w}x${h}; ` +
      'give a crop or the resize rule stretch, so that all images get one size',
    { image: item.id },
  );
}

async function gathered(
  plan: StreamPlan,
  from: AsyncIterator<Prepared, void>,
  start: number,
  count: number,
): Promise<DataBatch> {
  const { c, h, w } = plan.shape;
  const normalize = normalizer(plan.scaling);
  const images = new Float32Array(count * c * h * w);
  const labels = new Int32Array(count);
  const ids: string[] = [];
  while (ids.length < count) {
    const { value } = await from.next();
    plan.signal?.throwIfAborted();
    if (!value) throw new Error(`the data set ended after ${start + ids.length} of ${plan.positions.length} images`);
    normalize(value.pixels, images, ids.length * c * h * w);
    labels[ids.length] = value.label;
    ids.push(value.id);
  }
  return { images, labels, ids, count, start };
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
