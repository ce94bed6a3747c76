/** The door to every data set: opens, checks, and streams what the network gets. */
import { availableParallelism } from 'node:os';
import { argumentError, CascError } from '../errors';
import { openCifar } from './cifar';
import { openCoco } from './coco';
import { fileSizes } from './file-size';
import type { GroundTruth } from './ground-truth';
import { identityOf } from './identity';
import { openImagenet } from './imagenet';
import { openMnist } from './mnist';
import { planesOf } from './normalize';
import { prepare } from './prepare';
import { type InputScaling, type InputScalingOptions, parseInputScaling } from './scaling';
import { positions } from './selection';
import type { MissingImage, OnError, Source } from './source';
import { type DataKind, type DataSpec, dataKinds, parseDataSpec } from './spec';
import { batchesOf, checkLabel, type DataBatch, isUnreadable } from './stream';
import { openVoc } from './voc';

export interface DatasetOptions {
  /** What the network was trained on. `channels` defaults to how the data set stores its images. */
  scaling?: InputScalingOptions;
  /** Takes only so many images: the first, unless `spread`. */
  limit?: number;
  /** Spreads the limit evenly over the data set, for a fair sample where images are sorted by class. Default false. */
  spread?: boolean;
  /** False where labels are not needed (calibration): images without a label file or annotations will do. Default true. */
  labelled?: boolean;
  /** Outputs of the network: every label must be below. */
  classes?: number;
  /** Names where the data set has none (MNIST and its relatives; VOC's layout with other classes than VOC's 20), in class order. */
  classNames?: readonly string[];
  /**
   * What is done about an image that is missing or cannot be decoded: fail with its error (default), or skip it and say so in
   * the batch's `failures`.
   */
  onError?: OnError;
  /** Images decoded at a time; default: the CPUs of this machine. */
  concurrency?: number;
  /** Stops between two images; the iteration then throws the signal's reason. */
  signal?: AbortSignal;
}

export interface Dataset {
  /** Kind and file, without the folders above: the same wherever the data lie. */
  readonly name: string;
  readonly kind: DataKind;
  /** Images that `batches` yields: all, or as the limit says. */
  readonly size: number;
  /** Images in the data set. */
  readonly total: number;
  /** Number of classes, where the data set says it. */
  readonly classes: number | null;
  readonly classNames: readonly string[] | null;
  /** Objects of the images that `batches` yields, in their order; null where the data set is not one for detection. */
  readonly detection: GroundTruth | null;
  /** Per-image shape of the network's input. */
  readonly shape: { readonly c: number; readonly h: number; readonly w: number };
  /** The scaling in use, defaults filled in. */
  readonly scaling: InputScaling;
  /** What a reader of the results should know, for example where the class order comes from. */
  readonly notes: readonly string[];
  /**
   * SHA-256 over what fixes the images: name, ids and labels of those that are taken, and the bytes of record files; not the
   * pixels of image files. Reads no image file.
   *
   * @throws CascError ERR_CASC_FILE.
   */
  identity(): Promise<string>;
  /**
   * Bytes of the files of the images at these positions (ascending, below `size`); null where a file is missing, and where images
   * have no file of their own.
   */
  fileSizes(positions: readonly number[]): Promise<(number | null)[]>;
  /**
   * The images in order, `batchSize` at a time, the last batch with what is left; only those at `positions` (ascending, below
   * `size`) where given. While the consumer works on a batch the next one is decoded and resized on other threads; never more
   * than these two and the images being decoded are held. Each call starts afresh.
   *
   * @throws CascError ERR_CASC_ARGUMENT; while iterating ERR_CASC_DATA, ERR_CASC_IMAGE and ERR_CASC_FILE with the image's
   * id, and the signal's reason.
   */
  batches(batchSize: number, positions?: readonly number[]): AsyncIterable<DataBatch>;
}

/**
 * Opens a data set and checks all that can be checked without reading its images: files, sizes, headers and labels; and
 * decodes the first image, which gives the shape.
 *
 * @param spec `kind:path[#split]`, or the same taken apart.
 * @example
 * const scaling = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
 * const calibration = await openDataset('cifar10:cifar-10-batches-bin#train', { scaling, limit: 512, spread: true });
 * @throws CascError ERR_CASC_ARGUMENT, ERR_CASC_UNSUPPORTED, ERR_CASC_FILE, ERR_CASC_DATA, ERR_CASC_IMAGE.
 */
export async function openDataset(spec: string | DataSpec, options: DatasetOptions = {}): Promise<Dataset> {
  const { signal, classNames, spread = false, labelled = true, onError = 'fail' } = options;
  signal?.throwIfAborted();
  const limit = positiveInteger('limit', options.limit) ?? Number.POSITIVE_INFINITY;
  const classes = positiveInteger('classes', options.classes) ?? null;
  const concurrency = positiveInteger('concurrency', options.concurrency) ?? availableParallelism();
  if (classNames && classes !== null && classNames.length !== classes) {
    throw argumentError('classNames', `${classes} names, one for each class`, classNames.length);
  }
  if (onError !== 'fail' && onError !== 'skip') throw argumentError('onError', 'fail or skip', onError);
  const { channels, ...scalingOptions } = parseInputScaling(options.scaling ?? {});
  const { kind, path, split } = typeof spec === 'string' ? parseDataSpec(spec) : spec;

  const source = await openSource({ kind, path, split }, { classes, classNames, labelled, onError, signal });
  if (source.total === 0) {
    throw new CascError('ERR_CASC_DATA', `${path} holds no images; check the path and the split`, { file: path });
  }
  if (source.missing?.length && onError === 'fail') throw missingImages(source.missing);
  const stored = source.channels === 1 ? 'gray' : 'rgb';
  const scaling = parseInputScaling({ ...scalingOptions, channels: options.scaling?.channels ? channels : stored });
  const size = Math.min(source.total, limit);
  const taken = positions(source.total, size, spread);
  if (source.labels) for (const at of taken) checkLabel(source.labels[at]!, classes);
  const shape = await shapeOf(source, scaling, onError);
  signal?.throwIfAborted();
  const plan = { source, scaling, shape, classes, concurrency, onError, signal };
  return {
    name: source.name,
    kind,
    size,
    total: source.total,
    classes: source.classes,
    classNames: source.classNames ?? classNames ?? null,
    detection: source.detection
      ? { ...source.detection, images: taken.map((at) => source.detection!.images[at]!) }
      : null,
    shape,
    scaling,
    notes: source.notes,
    identity: () => identityOf(source, taken),
    fileSizes: (chosen) =>
      fileSizes(
        source,
        checkChosen(chosen, size).map((at) => taken[at]!),
      ),
    batches: (batchSize, chosen = [...taken.keys()]) =>
      batchesOf({ ...plan, taken, chosen: checkChosen(chosen, size) }, positiveInteger('batchSize', batchSize) ?? 1),
  };
}

interface OpenOptions extends Pick<DatasetOptions, 'classNames' | 'signal'> {
  classes: number | null;
  labelled: boolean;
  onError: OnError;
}

function checkChosen(chosen: readonly number[], size: number): readonly number[] {
  const fits = (at: number, i: number) => Number.isInteger(at) && at < size && at > (chosen[i - 1] ?? -1);
  if (chosen.every(fits)) return chosen;
  throw argumentError('positions', `ascending whole numbers below ${size}`, chosen);
}

async function openSource(spec: DataSpec, options: OpenOptions): Promise<Source> {
  const { classes, labelled, onError, classNames, signal } = options;
  switch (spec.kind) {
    case 'cifar10':
    case 'cifar100':
      return openCifar(spec.kind, spec);
    case 'mnist':
      return openMnist(spec);
    case 'imagenet':
      return openImagenet(spec, classes, labelled, onError);
    case 'coco':
      return openCoco(spec, labelled);
    case 'voc':
      return openVoc(spec, { labelled, classNames, signal });
    default:
      throw argumentError('data.kind', `one of ${dataKinds.join(', ')}`, spec.kind);
  }
}

function missingImages(missing: readonly MissingImage[]): CascError {
  const { id, file, namedIn } = missing[0]!;
  const more = missing.length > 1 ? ` (and ${missing.length - 1} more images that ${namedIn} names)` : '';
  return new CascError(
    'ERR_CASC_IMAGE',
    `${file} does not exist, but ${namedIn} names the image ${id}${more}; add the image, or take it out of that file`,
    { file, image: id },
  );
}

/** Of the first image that can be read. */
async function shapeOf(source: Source, scaling: InputScaling, onError: OnError): Promise<Dataset['shape']> {
  let first: unknown;
  for await (const item of source.items()) {
    try {
      const { height, width } = prepare(await item.load(), scaling, item.id);
      return { c: planesOf(scaling), h: height, w: width };
    } catch (error) {
      if (onError === 'fail' || !isUnreadable(error)) throw error;
      first ??= error;
    }
  }
  throw first ?? new Error(`${source.name} has no first image`);
}

function positiveInteger(name: string, value: number | undefined): number | undefined {
  if (value === undefined || (Number.isSafeInteger(value) && value > 0)) return value;
  throw argumentError(name, 'a whole number greater than 0', value);
}
