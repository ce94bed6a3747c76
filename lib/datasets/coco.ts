/** COCO and data sets annotated like it: folders of images and one JSON file with all their objects. */
import { stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { CascError } from '../errors';
import { decodeAnnotated, namesIn, Presence } from './annotated';
import { readCocoFile } from './coco-file';
import { decodeImage, isImageFile } from './decode';
import { onFile } from './file-error';
import type { GroundTruth } from './ground-truth';
import type { MissingImage, Source, SourceItem } from './source';
import type { DataSpec } from './spec';

/** What the path and the split name. */
interface Place {
  readonly root: string;
  /** Null where there is none: images alone. */
  readonly json: string | null;
  /** Folders that may hold the images, the likeliest first. */
  readonly folders: readonly string[];
}

/**
 * Opens `annotations/*.json` in a folder (the split `val2017` names `instances_val2017.json` or `val2017.json`), or the JSON file
 * itself. Its images lie in `images/<split>`, `<split>`, `images` or beside it. Unless `labelled`, a folder of images without
 * annotations will do.
 *
 * @throws CascError ERR_CASC_FILE, ERR_CASC_ARGUMENT for a split that is not there, ERR_CASC_DATA as readCocoFile,
 * ERR_CASC_IMAGE where none of the images is there.
 */
export async function openCoco(spec: DataSpec, labelled: boolean): Promise<Source> {
  const place = await locate(spec, labelled);
  if (place.json === null) return imagesAlone(place);
  const { json } = place;
  const truth = await readCocoFile(json);
  const { folder, missing } = await imageFolder(truth, place, json);
  return {
    name: `coco ${basename(json)}`,
    total: truth.images.length,
    channels: 3,
    classes: truth.categories.length,
    classNames: truth.categories.map(({ name }) => name),
    labels: truth.images.map(({ id }) => ({ id, label: -1 })),
    ...(labelled ? { detection: truth } : {}),
    missing,
    recordFiles: [json],
    notes: [],
    items: () => items(folder, json, truth),
  };
}

async function locate({ path, split }: DataSpec, labelled: boolean): Promise<Place> {
  if (!(await onFile(path, (file) => stat(file))).isDirectory()) {
    if (split !== null) {
      throw new CascError(
        'ERR_CASC_ARGUMENT',
        `${path} is one file and has no split ${JSON.stringify(split)}; leave #${split} out or give the folder`,
        { option: 'data', file: path },
      );
    }
    const folder = dirname(path);
    return placeOf(basename(resolve(folder)) === 'annotations' ? dirname(folder) : folder, path);
  }
  const annotations = join(path, 'annotations');
  const names = ((await namesIn(annotations)) ?? []).filter((name) => name.endsWith('.json'));
  const chosen = choose(names, split);
  if (chosen !== undefined) return placeOf(path, join(annotations, chosen));
  if (!labelled && (split !== null || names.length === 0)) {
    return { root: path, json: null, folders: foldersOf(path, split ?? '') };
  }
  throw unclear(path, split, names);
}

/** COCO names its files by task and split; for detection it is `instances_…`. */
function choose(names: readonly string[], split: string | null): string | undefined {
  if (split !== null) return [`instances_${split}.json`, `${split}.json`, split].find((name) => names.includes(name));
  const instances = names.filter((name) => name.startsWith('instances_'));
  if (instances.length === 1) return instances[0];
  return names.length === 1 ? names[0] : undefined;
}

function splitOf(json: string): string {
  return basename(json, '.json').replace(/^instances_/, '');
}

function placeOf(root: string, json: string): Place {
  return { root, json, folders: foldersOf(root, splitOf(json)) };
}

function foldersOf(root: string, split: string): string[] {
  const named = split === '' ? [] : [join(root, 'images', split), join(root, split)];
  return [...named, join(root, 'images'), root];
}

function unclear(path: string, split: string | null, names: readonly string[]): CascError {
  const place = { option: 'data', file: path };
  const splits = names.map(splitOf);
  if (names.length === 0) {
    return new CascError(
      'ERR_CASC_DATA',
      `${path} has no annotations/*.json; expected the layout of COCO (annotations/instances_val2017.json and val2017/), or the path of the JSON file itself`,
      place,
    );
  }
  const problem =
    split === null
      ? `has several annotation files (${names.join(', ')}); name one`
      : `has no split ${JSON.stringify(split)} but ${splits.join(', ')}; name one of them`;
  return new CascError('ERR_CASC_ARGUMENT', `${path} ${problem}, as in coco:${path}#${splits[0]}`, place);
}

/** The first folder that holds any of the images, and which of them it lacks. */
async function imageFolder(
  { images }: GroundTruth,
  { folders, root }: Place,
  json: string,
): Promise<{ folder: string; missing: MissingImage[] }> {
  const presence = new Presence();
  for (const folder of folders) {
    const missing: MissingImage[] = [];
    for (const { id } of images) {
      const file = join(folder, id);
      if (!(await presence.has(file))) missing.push({ id, file, namedIn: json });
    }
    if (missing.length < images.length || images.length === 0) return { folder, missing };
  }
  const { id } = images[0]!;
  throw new CascError(
    'ERR_CASC_IMAGE',
    `none of the ${images.length} images of ${json} is there, for example ${id}; looked in ${folders.join(', ')}. Put the images into ${join(root, 'images')}`,
    { file: join(folders[0]!, id), image: id },
  );
}

async function* items(folder: string, json: string, { images }: GroundTruth): AsyncGenerator<SourceItem> {
  for (const { id, width, height } of images) {
    const load = () => decodeAnnotated(join(folder, id), id, { width, height, file: json });
    yield { id, label: -1, load };
  }
}

async function imagesAlone({ root, folders }: Place): Promise<Source> {
  for (const folder of folders) {
    const names = ((await namesIn(folder)) ?? []).filter(isImageFile);
    if (names.length === 0) continue;
    return {
      name: `coco ${basename(resolve(folder))}`,
      total: names.length,
      channels: 3,
      classes: null,
      classNames: null,
      labels: names.map((id) => ({ id, label: -1 })),
      recordFiles: [],
      notes: [],
      async *items() {
        for (const id of names) yield { id, label: -1, load: () => decodeImage(join(folder, id), id) };
      },
    };
  }
  throw new CascError('ERR_CASC_DATA', `no images (.jpg, .jpeg, .png, .webp) in ${folders.join(', ')}`, { file: root });
}
