/** What a reader of one kind of data set gives to openDataset. */
import type { GroundTruth } from './ground-truth';
import type { RawImage } from './raw-image';

/** What is done about an image that cannot be read: the iteration ends with its error, or goes on without it. */
export type OnError = 'fail' | 'skip';

export interface SourceItem {
  /** Names the image within its data set: file and record, or path below the data set's folder. */
  readonly id: string;
  /** Class index, zero-based; -1 where the data set has no labels and none were asked for. */
  readonly label: number;
  /** The encoded image file that `load` reads, where there is one: it can be read on another thread. */
  readonly file?: string;
  /** Decodes the image. Errors: ERR_CASC_IMAGE. */
  load(): RawImage | Promise<RawImage>;
}

export interface MissingImage {
  readonly id: string;
  /** Where it should be. */
  readonly file: string;
  /** The file that names it. */
  readonly namedIn: string;
}

export interface Source {
  /** Kind and file, without the folders above it: the same wherever the data lie. */
  readonly name: string;
  /** Number of images. */
  readonly total: number;
  /** Channels as stored: 1 for gray images, else 3. */
  readonly channels: 1 | 3;
  /** Number of classes where the data set says it. */
  readonly classes: number | null;
  readonly classNames: readonly string[] | null;
  /** Ids and labels of all images, where they are known without reading the images. */
  readonly labels: ReadonlyArray<{ readonly id: string; readonly label: number }> | null;
  /** Objects of all images, where the data set is one for detection and labels were asked for. */
  readonly detection?: GroundTruth;
  /** Images that the data set names but that are not there. */
  readonly missing?: readonly MissingImage[];
  /** Files that hold labels or pixels, beside the image files: they belong to the identity of the data. */
  readonly recordFiles: readonly string[];
  /** What a reader of the results should know, for example where the class order comes from. */
  readonly notes: readonly string[];
  /** The images in order, from the beginning on each call. Pixels are decoded only where `load` is called. */
  items(): AsyncIterable<SourceItem>;
}
