/** What the readers of detection data share: images in a folder, each with its annotated size. */
import { readdir, readFile } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { CascError } from '../errors';
import { decodeImage } from './decode';
import { fileError, onFile } from './file-error';
import type { RawImage } from './raw-image';

/** Names in a folder; null where there is no such folder. */
export async function namesIn(folder: string): Promise<string[] | null> {
  try {
    return (await readdir(folder)).sort();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    throw fileError(folder, error);
  }
}

/** A file's text, without a byte order mark, which neither JSON nor an XML parser takes. */
export async function readText(file: string): Promise<string> {
  const text = await onFile(file, (path) => readFile(path, 'utf8'));
  return text.startsWith('\uFEFF') ? text.slice(1) : text;
}

/** Which files are there, asked folder by folder: one question for thousands of images. */
export class Presence {
  readonly #folders = new Map<string, Promise<Set<string>>>();

  async has(file: string): Promise<boolean> {
    const folder = dirname(file);
    let names = this.#folders.get(folder);
    if (!names) {
      names = namesIn(folder).then((list) => new Set(list ?? []));
      this.#folders.set(folder, names);
    }
    return (await names).has(basename(file));
  }
}

/** Where an image was annotated, and the size it had then. */
export interface AnnotatedSize {
  readonly width: number;
  readonly height: number;
  /** The file that says so. */
  readonly file: string;
}

/** Decodes an image whose boxes hold for one size only. Errors: ERR_CASC_IMAGE. */
export async function decodeAnnotated(file: string, id: string, annotated: AnnotatedSize): Promise<RawImage> {
  const image = await decodeImage(file, id);
  const { width, height } = annotated;
  if (image.width === width && image.height === height) return image;
  const turned = image.width === height && image.height === width;
  throw new CascError(
    'ERR_CASC_IMAGE',
    `${file} is ${image.width}x${image.height} (width x height), but ${annotated.file} annotates it as ${width}x${height}` +
      (turned ? '; it was turned, by its EXIF orientation, when it was annotated: save it turned' : '') +
      '; its boxes do not fit',
    { file, image: id },
  );
}
